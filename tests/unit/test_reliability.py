"""What is said about the index itself: alpha, correlations, ranks without a part; against textbook and method."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.composite import aggregation, agreement, reliability
from pipeline.composite.ranks import competition
from pipeline.composite.reliability import Parts

SEEDS = st.integers(0, 2**32 - 1)
AREA = np.array([0, 0, 0, 1, 1, 2])  # the last area has a single indicator
NOMINAL = np.array([0.1, 0.1, 0.2, 0.15, 0.15, 0.3])


def scores(seed: int, places: int = 40, items: int = len(AREA)) -> np.ndarray:
    """Scores of 0 to 100 with ties at both ends, as clipping leaves them."""
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(50, 40, (places, items)) + rng.normal(0, 20, (places, 1)), 0, 100)


# Cronbach's alpha


def test_alpha_of_an_example_done_by_hand() -> None:
    """Variances 1 and 4, of the sum 9: 2 / 1 x (1 - 5 / 9)."""
    items = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    assert reliability.cronbach_alpha(items) == pytest.approx(8 / 9)


@given(SEEDS, st.integers(2, 6))
def test_alpha_is_that_of_mean_covariance_and_mean_variance(seed: int, count: int) -> None:
    """The other form of the textbook: k c / (v + (k - 1) c)."""
    items = scores(seed, items=count)
    matrix = np.cov(items, rowvar=False)
    variance = np.trace(matrix) / count
    covariance = (matrix.sum() - np.trace(matrix)) / (count * (count - 1))
    expected = count * covariance / (variance + (count - 1) * covariance)
    assert reliability.cronbach_alpha(items) == pytest.approx(expected)


def test_alpha_says_same_unrelated_and_contrary() -> None:
    item = scores(1)[:, :1]
    crossed = np.array([[0.0, 0.0], [0.0, 9.0], [9.0, 0.0], [9.0, 9.0]])
    assert reliability.cronbach_alpha(np.hstack([item, item, item])) == pytest.approx(1)
    assert reliability.cronbach_alpha(crossed) == pytest.approx(0)
    assert reliability.cronbach_alpha(np.hstack([item, 0.9 * (100 - item)])) < 0


@pytest.mark.parametrize(
    "items", [scores(1)[:, :1], np.full((5, 2), 7.0), np.array([[1.0, -1.0], [2.0, -2.0]]), scores(1, 1)]
)
def test_alpha_is_not_defined_for_one_item_or_a_sum_that_is_equal_everywhere(items: np.ndarray) -> None:
    assert np.isnan(reliability.cronbach_alpha(items))


# rank correlations


@given(SEEDS)
@settings(max_examples=25)
def test_correlations_of_mid_ranks_are_spearmans(seed: int) -> None:
    columns = scores(seed)
    assume((columns.std(axis=0) > 0).all())
    ranks = reliability.mid_ranks(columns)
    found = reliability.correlations(ranks, ranks)
    once = np.ones((1, len(columns)))
    for one in range(columns.shape[1]):
        for other in range(columns.shape[1]):
            expected = agreement.spearman(columns[:, one], columns[:, other])(once)[0]
            assert found[one, other] == pytest.approx(expected)
    assert reliability.column_correlations(ranks, ranks[:, ::-1]) == pytest.approx(np.diag(found[:, ::-1]))


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    columns = np.array([[3.0, 1.0], [1.0, 1.0], [3.0, 1.0], [9.0, 0.0]])
    assert reliability.mid_ranks(columns).T.tolist() == [[2.5, 1.0, 2.5, 4.0], [3.0, 3.0, 3.0, 1.0]]


def test_what_is_equal_everywhere_has_no_correlation() -> None:
    ranks = reliability.mid_ranks(np.column_stack([np.full(9, 5.0), np.arange(9.0)]))
    found = reliability.correlations(ranks, ranks)
    assert np.isnan(found[0]).all()
    assert found[1, 1] == pytest.approx(1)


# ranks without a part


def shares(scale: np.ndarray, weight: np.ndarray = NOMINAL) -> np.ndarray:
    return aggregation.unit_weights(~np.isnan(scale), weight, AREA)


@given(SEEDS)
@settings(max_examples=25)
def test_without_an_indicator_is_as_if_nobody_had_a_value_of_it(seed: int) -> None:
    """The method itself, with the column missing everywhere, gives the same totals and area scores."""
    scale = scores(seed)
    totals, areas = Parts.of(scale, shares(scale), AREA).without_indicators()
    for k in range(len(AREA)):
        without = scale.copy()
        without[:, k] = np.nan
        weight = shares(without)
        assert totals[:, k] == pytest.approx(aggregation.weighted_mean(without, weight))
        by_area = aggregation.area_scores(without, weight, AREA, 3)[:, AREA[k]]
        assert areas[:, k] == pytest.approx(by_area, nan_ok=True)
    assert np.isnan(areas[:, 5]).all()  # the only one of its area


@given(SEEDS)
@settings(max_examples=25)
def test_without_an_area_the_others_have_its_weight(seed: int) -> None:
    scale = scores(seed)
    totals = Parts.of(scale, shares(scale), AREA).without_areas()
    for number in range(3):
        assert totals[:, number] == pytest.approx(aggregation.weighted_mean(scale, shares(scale) * (number != AREA)))


@given(SEEDS)
@settings(max_examples=25)
def test_leaving_out_what_has_no_weight_shifts_nothing(seed: int) -> None:
    """To the last bit: neither an indicator nor an area that nobody has a weight for may move a tie."""
    scale = scores(seed)
    weight = np.where((AREA == 1) | (np.arange(len(AREA)) == 2), 0.0, NOMINAL)
    parts = Parts.of(scale, shares(scale, weight / weight.sum()), AREA)
    totals, _ = parts.without_indicators()
    rank = competition(parts.total)
    for k in np.flatnonzero(weight == 0):
        found = reliability.shift(rank, totals[:, k])
        assert (found.mean, found.median, found.p95, found.rank) == (0, 0, 0, rank[found.place])
        assert (totals[:, k] == parts.total).all()
    assert (parts.without_areas()[:, 1] == parts.total).all()


def test_nothing_is_left_without_the_only_area() -> None:
    scale = scores(1)[:, :3]
    parts = Parts.of(scale, np.full(scale.shape, 1 / 3), np.zeros(3, dtype=np.int64))
    assert np.isnan(parts.without_areas()).all()


def test_a_shift_done_by_hand() -> None:
    """Ranks 1 to 5 become 2, 1, 5, 3, 4: shifts 1, 1, 2, 1, 1; the third place moves most."""
    found = reliability.shift(np.arange(1, 6), np.array([8.0, 9.0, 1.0, 7.0, 5.0]))
    assert (found.mean, found.median, found.place, found.rank) == (1.2, 1, 2, 5)
    assert found.p95 == pytest.approx(1.8)


def test_who_lacks_a_score_that_counts_is_not_complete() -> None:
    scale = scores(1, places=3)
    scale[0, 1] = np.nan
    scale[2, 4] = np.nan
    weight = np.where(np.arange(len(AREA)) == 4, 0.0, NOMINAL) / 0.85
    assert reliability.is_complete(scale, shares(scale, weight)).tolist() == [False, True, True]
    total = Parts.of(scale, shares(scale, weight), AREA).total
    assert total == pytest.approx(aggregation.weighted_mean(scale, shares(scale, weight)))
