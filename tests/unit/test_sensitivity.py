"""Sobol indices against functions whose indices are known, and what they say of ranks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.composite import aggregation, normalisation, ranks, sensitivity
from pipeline.errors import PipelineError

PRECISION = {"first": 1e-10, "total": 1e-10, "first_interval": 1e-5, "total_interval": 1e-5, "leads": 0.1}
Model = Callable[[np.ndarray], np.ndarray]


def ishigami(sample: np.ndarray) -> np.ndarray:
    """sin x1 + 7 sin² x2 + 0.1 x3⁴ sin x1 on [-π, π]³ (Ishigami & Homma 1990)."""
    x = (2 * sample - 1) * np.pi
    return (np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0]))[:, None]


def ishigami_indices() -> tuple[np.ndarray, np.ndarray]:
    a, b = 7.0, 0.1
    alone = np.array([0.5 * (1 + b * np.pi**4 / 5) ** 2, a**2 / 8, 0.0])
    both = b**2 * np.pi**8 * (1 / 18 - 1 / 50)  # of the first and the third together
    variance = alone.sum() + both
    return alone / variance, (alone + both * np.array([1, 0, 1])) / variance


G = np.array([0.0, 1.0, 4.5, 9.0, 99.0, 99.0])


def g_function(sample: np.ndarray) -> np.ndarray:
    """The product of (|4x - 2| + a) / (1 + a) (Sobol' 1993)."""
    return np.prod((np.abs(4 * sample - 2) + G) / (1 + G), axis=1)[:, None]


def g_indices() -> tuple[np.ndarray, np.ndarray]:
    alone = 1 / (3 * (1 + G) ** 2)
    variance = np.prod(1 + alone) - 1
    return alone / variance, alone * np.prod(1 + alone) / (1 + alone) / variance


@pytest.mark.parametrize(
    ("model", "known"), [(ishigami, ishigami_indices()), (g_function, g_indices())], ids=["ishigami", "g"]
)
def test_indices_are_those_of_the_closed_form(model: Model, known: tuple[np.ndarray, np.ndarray]) -> None:
    first, total = known
    found, _ = sensitivity.sobol(model, len(first), 2**14, seed=1, resamples=100)
    np.testing.assert_allclose(found.first[:, 0], first, atol=0.01)
    np.testing.assert_allclose(found.total[:, 0], total, atol=0.01)
    for index, interval in ((first, found.first_interval), (total, found.total_interval)):
        width = interval[1, :, 0] - interval[0, :, 0]
        assert (index >= interval[0, :, 0] - width / 2).all()
        assert (index <= interval[1, :, 0] + width / 2).all()
        assert (width < 0.1).all()


@pytest.mark.parametrize("model", [ishigami, g_function])
def test_a_constant_added_to_the_output_changes_no_index(model: Model) -> None:
    factors = 3 if model is ishigami else 6
    plain, outputs = sensitivity.sobol(model, factors, 256, seed=2, resamples=20)
    moved = sensitivity.indices(outputs + 1000.0, factors, resamples=20, seed=2)
    for name in ("first", "total", "first_interval", "total_interval"):
        np.testing.assert_allclose(getattr(moved, name), getattr(plain, name), atol=100 * PRECISION[name])


def test_the_estimators_are_those_that_are_named() -> None:
    """Saltelli 2010 on the output less the mean of all runs, Jansen, and the variance of the two samples."""
    outputs = g_function(sensitivity.design(6, 64, seed=8)) + 3.0
    y = (outputs - outputs.mean()).reshape(8, 64)
    variance = y[:2].var()
    found = sensitivity.indices(outputs, 6, resamples=0)
    first = [(y[1] * (y[2 + k] - y[0])).mean() / variance for k in range(6)]
    total = [((y[2 + k] - y[0]) ** 2).mean() / 2 / variance for k in range(6)]
    np.testing.assert_allclose(found.first[:, 0], first, rtol=0, atol=1e-11)
    np.testing.assert_allclose(found.total[:, 0], total, rtol=0, atol=1e-11)


def test_without_centring_a_constant_would_change_them() -> None:
    """The trap itself, so that the test above is known to be able to fail."""
    outputs = g_function(sensitivity.design(6, 256, seed=2))[:, 0].reshape(8, 256)

    def raw(y: np.ndarray) -> float:
        return float((y[1] * (y[2] - y[0])).mean() / y[:2].var())

    assert abs(raw(outputs + 1000.0) - raw(outputs)) > 0.5


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-25, 1e-3, 1.0, 1e25]))
@settings(max_examples=20, deadline=None)
def test_the_unit_of_the_output_changes_no_index_and_each_output_stands_alone(seed: int, unit: float) -> None:
    outputs = np.random.default_rng(seed).normal(size=(16 * 5, 4))
    together = sensitivity.indices(outputs * unit, 3, resamples=10, seed=1)
    for k in range(4):
        alone = sensitivity.indices(outputs[:, [k]], 3, resamples=10, seed=1)
        for name in ("first", "total", "first_interval", "total_interval", "leads"):
            np.testing.assert_allclose(getattr(together, name)[..., [k]], getattr(alone, name), atol=PRECISION[name])


def test_blocks_of_outputs_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = np.random.default_rng(1).integers(1, 500, (64 * 6, 33)).astype(np.uint16)
    whole = sensitivity.indices(outputs, 4, resamples=30)
    monkeypatch.setattr(sensitivity, "BLOCK", 1)
    single = sensitivity.indices(outputs, 4, resamples=30)
    for name in ("first", "total", "first_interval", "total_interval", "leads"):
        np.testing.assert_allclose(getattr(single, name), getattr(whole, name), atol=PRECISION[name])


def test_the_design_is_two_samples_and_one_exchanged_column_each() -> None:
    design = sensitivity.design(3, 8, seed=4)
    a, b, *mixed = design.reshape(5, 8, 3)
    assert ((design >= 0) & (design < 1)).all()
    for number, sample in enumerate(mixed):
        others = np.arange(3) != number
        assert np.array_equal(sample[:, number], b[:, number])
        assert np.array_equal(sample[:, others], a[:, others])
    assert np.array_equal(design, sensitivity.design(3, 8, seed=4))
    assert not np.array_equal(design, sensitivity.design(3, 8, seed=5))
    assert (np.bincount((a[:, 0] * 8).astype(int)) == 1).all()  # balanced: one point in every eighth


def test_the_interval_is_that_of_resampled_runs() -> None:
    """Against the plain way: draw runs with replacement, the same for all samples, and compute again."""
    outputs = g_function(sensitivity.design(6, 512, seed=3))
    found = sensitivity.indices(outputs, 6, resamples=2000, seed=5)
    rng = np.random.default_rng(6)
    y = outputs[:, 0].reshape(8, 512) - outputs.mean()
    again = []
    for _ in range(2000):
        drawn = y[:, rng.integers(0, 512, 512)]
        again.append(((drawn[2:] - drawn[0]) ** 2).mean(axis=1) / 2 / drawn[:2].var())
    expected = np.quantile(again, [0.05, 0.95], axis=0)
    width = expected[1] - expected[0]
    assert (np.abs(found.total_interval[:, :, 0] - expected) <= 0.1 * width).all()


# ranks


def league(sample: np.ndarray) -> np.ndarray:
    """Ranks (runs, places) under two choices that matter and one that does nothing: kind of mean, weight of an area."""
    rng = np.random.default_rng(11)
    values = rng.gamma(2, 10, (40, 3))
    values[0] = [values[:, 0].max() * 2, 1.0, 1.0]  # one strong area
    scores = normalisation.percentile(values, np.ones(40, dtype=bool), np.ones(3, dtype=bool))
    result = []
    for kind, weight, _ in sample:
        mean = aggregation.arithmetic if kind < 0.5 else aggregation.geometric
        total = mean(aggregation.above_zero(scores), np.array([1.0, 1.0 + 0.2 * weight, 1.0]))
        result.append(ranks.competition(total))
    return np.array(result, dtype=np.uint16)


NAMES = ["aggregation", "weights", "nothing"]


def test_the_choice_that_drives_a_rank_is_named() -> None:
    found, outputs = sensitivity.sobol(league, 3, 128, seed=1)
    strong = sensitivity.driver(found, NAMES, 0)
    assert strong.factor == "aggregation"
    assert strong.is_clear
    assert strong.total > 0.9
    moving = outputs.min(axis=0) < outputs.max(axis=0)
    assert (found.total[2, moving] == 0).all()
    assert np.isnan(found.total[:, ~moving]).all()


def test_the_mean_rank_shift_has_indices_like_any_output() -> None:
    nominal = league(np.zeros((1, 3)))[0].astype(np.int64)
    found, shifts = sensitivity.sobol(lambda s: sensitivity.rank_shift(league(s), nominal)[:, None], 3, 64, seed=1)
    assert shifts.min() >= 0
    assert sensitivity.driver(found, NAMES, 0).factor == "aggregation"


def test_a_rank_shift_is_the_mean_distance_over_ranked_places() -> None:
    drawn = np.array([[1, 2, 3, 0], [3, 1, 2, 0]], dtype=np.uint16)
    assert sensitivity.rank_shift(drawn, np.array([1, 2, 3, 0])).tolist() == [0.0, 4 / 3]
    with pytest.raises(PipelineError, match="no unit has a rank"):
        sensitivity.rank_shift(drawn, np.zeros(4, dtype=np.int64))


def test_a_rank_that_never_moves_has_no_driver_and_nan_indices() -> None:
    outputs = np.column_stack([np.full(64 * 5, 0.1), np.random.default_rng(2).random(64 * 5)])
    found = sensitivity.indices(outputs, 3, resamples=20)
    assert np.isnan(found.first[:, 0]).all()
    assert np.isnan(found.total_interval[:, :, 0]).all()
    still = sensitivity.driver(found, NAMES, 0)
    assert (still.factor, still.is_clear) == ("", False)
    assert np.isnan(still.total)
    assert not np.isnan(found.total[:, 1]).any()


def test_where_both_samples_have_no_variance_there_is_nothing_to_share_out() -> None:
    """However much the mixed samples vary: rounding must not pass for variance."""
    outputs = np.random.default_rng(6).random((5, 100, 3))
    outputs[:2] = [0.1, 0.3, 7.7]
    found = sensitivity.indices(outputs.reshape(-1, 3), 3, resamples=20)
    for field in (found.first, found.total, found.first_interval, found.total_interval, found.leads):
        assert np.isnan(field).all()


def test_two_factors_of_equal_weight_have_no_clear_driver() -> None:
    found, _ = sensitivity.sobol(lambda s: (s[:, 0] + s[:, 1])[:, None], 3, 128, seed=3)
    assert not sensitivity.driver(found, NAMES, 0).is_clear


def test_a_tie_for_the_lead_is_no_lead() -> None:
    outputs = np.random.default_rng(4).random((5, 64, 1))
    outputs[3] = outputs[2]  # exchanging the second factor does what exchanging the first does
    outputs[4] = outputs[0]
    found = sensitivity.indices(outputs.reshape(-1, 1), 3, resamples=50)
    assert found.total[0, 0] == found.total[1, 0] > found.total[2, 0] == 0
    assert (found.leads == 0).all()


def test_a_rank_that_moves_in_one_run_has_indices_but_no_interval() -> None:
    """A third of the resamples lack that run, and have no variance to share out."""
    outputs = np.full((5, 100, 1), 7.0)
    outputs[0, 9] = 8.0
    found = sensitivity.indices(outputs.reshape(-1, 1), 3, resamples=100)
    assert not np.isnan(found.total).any()
    assert np.isnan(found.total_interval).all()
    assert not sensitivity.driver(found, NAMES, 0).is_clear


def test_intervals_are_type_7_quantiles() -> None:
    resampled = np.random.default_rng(5).random((2, 3, 200))
    np.testing.assert_allclose(
        sensitivity._interval(resampled), np.quantile(resampled, [0.05, 0.95], axis=2), rtol=1e-12
    )


def test_without_resamples_there_is_no_interval_and_no_clear_driver() -> None:
    found, _ = sensitivity.sobol(g_function, 6, 64, seed=1, resamples=0)
    assert np.isnan(found.total_interval).all()
    assert not sensitivity.driver(found, list("abcdef"), 0).is_clear
    assert sensitivity.driver(found, list("abcdef"), 0).factor == "a"


def test_what_is_no_design_is_an_error() -> None:
    for factors, base in ((0, 8), (3, 0), (3, 1), (3, 12)):
        with pytest.raises(PipelineError, match="power of 2"):
            sensitivity.design(factors, base, seed=1)
    for shape in ((41, 2), (0, 2)):
        with pytest.raises(PipelineError, match="are not a design of 3 factors"):
            sensitivity.indices(np.zeros(shape), 3)
    for wrong in (np.nan, np.inf):
        outputs = np.random.default_rng(1).random((40, 2))
        outputs[7, 1] = wrong
        with pytest.raises(PipelineError, match="NaN or infinite"):
            sensitivity.indices(outputs, 3)
    with pytest.raises(PipelineError, match="2 names for 3 factors"):
        sensitivity.driver(sensitivity.indices(np.random.default_rng(1).random((40, 2)), 3), ["a", "b"], 0)
