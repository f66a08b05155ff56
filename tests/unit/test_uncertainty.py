"""The promises of the uncertainty run: what a draw is, that it can be made again alone, and that intervals cover."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from test_composite import AREAS, INDICATORS, PLACES, SEEDS, everyone, indicators, matrix, method

from pipeline.composite import draws, noise, ranks, scoring, shrinkage, uncertainty
from pipeline.composite.draws import DECLARED, LEVELS, MIN_MAX, NOTHING, Factors, Names
from pipeline.composite.noise import Noise
from pipeline.composite.uncertainty import TOTAL, Problem, simulate
from pipeline.composite.values import Floats, Indicators, Ints, Matrix
from pipeline.errors import PipelineError

NAMES = Names(tuple(f"area_{a}" for a in range(AREAS)), tuple(f"indicator_{k}" for k in range(INDICATORS)))
AGS = np.arange(PLACES) * 7 + 1001000
ALL = Factors(aggregation=(draws.ARITHMETIC, draws.GEOMETRIC, draws.COPELAND), leave_out=0.5)


def problem_of(m: Matrix, declared: Indicators, spec: scoring.Method, ags: Ints = AGS) -> Problem:
    (chosen,) = everyone(m).values()
    (result,) = scoring.score_year(m, declared, {"all": chosen}, spec).sets.values()
    return uncertainty.problem(scoring.stages(m, declared, spec, True), declared, spec, chosen, result, ags)


def uneven(rng: np.random.Generator) -> Matrix:
    """Random places with gaps, whose true rates differ, so that a count leaves something open."""
    m = matrix(rng, missing=0.06)
    counts = m.numerators.copy()
    counts[:, 0] = np.floor(counts[:, 0] * rng.gamma(2.0, 0.5, PLACES))
    values = m.values.copy()
    values[:, 0] = 1000 * counts[:, 0] / m.denominators[:, 0]
    return dataclasses.replace(m, numerators=counts, values=values)


def league(units: int) -> ranks.Grouping:
    return ranks.grouping([np.ones(units, dtype=bool)], units)


def total_ranks(problem: Problem, made: draws.Draws, **options: int) -> np.ndarray:
    for number, _, found in simulate(problem, made, [league(len(problem.ags))], **options):
        if number == TOTAL:
            return found[0].copy()
    raise AssertionError


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_every_draw_is_the_method_itself_with_other_choices(seed: int) -> None:
    """The fast way in float32 and the method in float64, draw by draw: the same scores, nearly the same ranks."""
    m = uneven(np.random.default_rng(seed))
    declared = indicators()
    spec = method(m, declared)
    made = draws.make(ALL, seed, np.arange(40), NAMES)
    problem = problem_of(m, declared, spec)
    fast = uncertainty.totals(problem, made)
    for row in range(40):
        draw = made.pick([row])
        result = scoring.score_year(m, declared, everyone(m), spec, draw, AGS).sets["all"]
        own = result.score[np.isin(AGS, problem.ags)]
        if draw.aggregation[0] == draws.COPELAND:
            assert np.abs(fast[row] - own).max() <= 4  # points are whole numbers, so near ties may be ties
        else:
            np.testing.assert_allclose(fast[row], own, atol=0.08)


def test_draw_0_is_the_published_ranking() -> None:
    m = matrix(np.random.default_rng(1), missing=0.06)
    declared = indicators()
    spec = method(m, declared)
    made = draws.make(ALL, 5, np.array([0]), NAMES)
    published = scoring.score_year(m, declared, everyone(m), spec).sets["all"]
    as_draw = scoring.score_year(m, declared, everyone(m), spec, made, AGS).sets["all"]
    assert np.array_equal(published.score, as_draw.score, equal_nan=True)
    assert np.array_equal(published.area_score, as_draw.area_score, equal_nan=True)
    ranked = published.is_available
    fast = total_ranks(problem_of(m, declared, spec), made)[0]
    assert np.array_equal(fast, ranks.competition(published.score[ranked]))


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_blocks_and_threads_change_no_bit(seed: int) -> None:
    m = uneven(np.random.default_rng(seed))
    problem = problem_of(m, indicators(), method(m, indicators()))
    made = draws.make(ALL, seed, np.arange(60), NAMES).by_scenario()
    once = total_ranks(problem, made, block=60)
    assert np.array_equal(once, total_ranks(problem, made, block=7))
    assert np.array_equal(once, total_ranks(problem, made, block=1, threads=2))


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_a_single_draw_made_alone_is_the_same_as_among_all(seed: int) -> None:
    m = uneven(np.random.default_rng(seed))
    problem = problem_of(m, indicators(), method(m, indicators()))
    whole = draws.make(ALL, seed, np.arange(1, 50), NAMES)
    among_all = total_ranks(problem, whole)
    for number in (1, 9, 33, 49):
        alone = draws.make(ALL, seed, np.array([number]), NAMES)
        assert alone.left_out == whole.left_out[number - 1]
        assert np.array_equal(total_ranks(problem, alone)[0], among_all[number - 1])


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_the_order_of_places_and_indicators_changes_no_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = uneven(rng)
    problem = problem_of(m, indicators(), method(m, indicators()))
    made = draws.make(ALL, seed, np.arange(30), NAMES)
    units, columns = rng.permutation(len(problem.ags)), rng.permutation(INDICATORS)
    new_unit, new_column = np.argsort(units), np.argsort(columns)
    turned = Problem(
        ags=problem.ags[units],
        indicators=problem.indicators[columns],
        area=problem.area[columns],
        weight=problem.weight[columns],
        there=problem.there[np.ix_(units, columns)],
        scores=lambda *scenario: problem.scores(*scenario)[np.ix_(units, columns)],
        noise=[
            dataclasses.replace(part, indicator=int(new_column[part.indicator]), units=new_unit[part.units])
            for part in problem.noise
        ],
        drawn_scores=lambda part, *scenario: problem.drawn_scores(
            dataclasses.replace(part, indicator=int(columns[part.indicator])), *scenario
        ),
    )
    assert np.array_equal(total_ranks(problem, made)[:, units], total_ranks(turned, made))


def test_places_alike_are_ranked_as_one_kind_and_get_the_ranks_that_each_alone_gets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three copies of each place under other numbers: alike in areas without noise, in the same league or not."""
    m = uneven(np.random.default_rng(13))
    once = problem_of(m, indicators(), method(m, indicators()))
    units = len(once.ags)
    copies = np.repeat(np.arange(units), 3)
    problem = Problem(
        ags=np.arange(3 * units),
        indicators=once.indicators,
        area=once.area,
        weight=once.weight,
        there=once.there[copies],
        scores=lambda *scenario: once.scores(*scenario)[copies],
        noise=[dataclasses.replace(part, units=3 * part.units + 1) for part in once.noise],
        drawn_scores=once.drawn_scores,
    )
    odd = np.arange(3 * units) % 2 == 1
    passes = [league(3 * units), ranks.grouping([odd, ~odd], 3 * units)]
    made = draws.make(ALL, 2, np.arange(1, 60), NAMES).by_scenario()

    def run() -> tuple[list[int], list[np.ndarray], np.ndarray]:
        total = np.zeros((len(made), 3 * units), dtype=np.float32)
        counts, found = [], []
        for _, kind, of_kinds in simulate(problem, made, passes, total=total):
            counts.append(of_kinds[0].shape[1])
            found += [some[:, kind] for some in of_kinds]
        return counts, found, total

    counts, found, total = run()
    assert min(counts) < 2.5 * units
    assert counts[-1] == 3 * units
    each = np.arange(3 * units)
    monkeypatch.setattr(uncertainty, "_kinds", lambda *_: uncertainty._Kinds(each, np.ones_like(each), each))
    _, expected, expected_total = run()
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))
    assert np.array_equal(total, expected_total)


def test_a_place_has_the_same_noise_among_many_and_few_and_whatever_else_is_drawn() -> None:
    numbers = np.arange(1, 100)
    many = draws.levels(3, "sampling", "charging", np.arange(1000, 2000), numbers)
    few = draws.levels(3, "sampling", "charging", np.array([1500, 1002]), numbers[40:50])
    assert np.array_equal(few, many[40:50][:, [500, 2]])
    short = draws.make(Factors(), 3, np.array([1, 2]), Names(("b",), ("y", "x")))
    long = draws.make(Factors(), 3, np.arange(50), Names(("a", "b"), ("x", "y", "z")))
    assert np.array_equal(short.indicator_weight[:, [1, 0]], long.indicator_weight[1:3, :2])
    assert np.array_equal(short.area_weight[:, 0], long.area_weight[1:3, 1])


def test_drawn_levels_are_equally_likely_and_independent() -> None:
    found = draws.levels(1, "sampling", "x", np.arange(4000), np.arange(1, 401))
    counts = np.bincount(found.ravel(), minlength=LEVELS)
    expected = found.size / LEVELS
    assert ((counts - expected) ** 2 / expected).sum() < 110  # chi-square on 63 degrees of freedom, p < 0.0003
    centred = found - found.mean()
    by_draw = np.corrcoef(centred[:40])
    by_place = np.corrcoef(centred[:, :40].T)
    assert np.abs(by_draw - np.eye(40)).max() < 0.07
    assert np.abs(by_place - np.eye(40)).max() < 0.22
    other = draws.levels(1, "sampling", "y", np.arange(4000), np.arange(1, 401))
    assert abs(np.corrcoef(found.ravel(), other.ravel())[0, 1]) < 0.005


def test_weights_are_drawn_on_both_levels_and_areas_left_out_as_declared() -> None:
    made = draws.make(Factors(weight_noise=0.25, leave_out=0.5), 9, np.arange(4001), NAMES)
    for noise_ in (made.area_weight[1:], made.indicator_weight[1:]):
        assert noise_.min() >= 0.75
        assert noise_.max() <= 1.25
        np.testing.assert_allclose(noise_.mean(axis=0), 1.0, atol=0.012)
    assert (made.area_weight[0] == 1).all()
    assert made.left_out[0] == -1
    shares = np.bincount(made.left_out[1:] + 1, minlength=AREAS + 1) / 4000
    np.testing.assert_allclose(shares, [0.5, *[0.5 / AREAS] * AREAS], atol=0.03)
    for name in ("normalisation", "treatment", "aggregation"):
        _, counts = np.unique(getattr(made, name)[1:], return_counts=True)
        assert counts.max() - counts.min() <= 48


def test_noise_on_many_indicator_weights_averages_out_and_on_areas_does_not() -> None:
    """Trap 9: with noise inside areas alone, the weight of an area would not move."""
    nominal = np.full(50, 0.02)
    area = np.repeat(np.arange(10), 5)
    rng = np.random.default_rng(2)
    inside, areas = rng.uniform(0.75, 1.25, (500, 50)), rng.uniform(0.75, 1.25, (500, 10))
    from pipeline.composite.weights import drawn

    alone = drawn(nominal, area, inside, np.ones((500, 10)))
    both = drawn(nominal, area, inside, areas)
    of_area = [weight.reshape(500, 10, 5).sum(axis=2) / weight.sum(axis=1, keepdims=True) for weight in (alone, both)]
    assert of_area[0].std() < 1e-12
    assert of_area[1].std() > 0.01


def test_the_only_area_cannot_be_left_out() -> None:
    one = draws.make(Factors(leave_out=1.0), 1, np.arange(1, 9), Names(("a", "b"), ("x",)))
    flat = Problem(
        np.array([1, 2]),
        np.array([0]),
        np.array([1]),
        np.ones(1),
        np.ones((2, 1), bool),
        lambda *_: np.array([[10.0], [20.0]]),
        [],
        lambda *_: np.empty((0, LEVELS)),
    )
    assert (total_ranks(flat, one) == [2, 1]).all()


@pytest.mark.parametrize("shape", [0.1, 0.3, 1.0, 2.0, 20.0])
def test_quantiles_of_a_gamma_distribution_are_near_those_of_a_large_sample(shape: float) -> None:
    found = noise.gamma(np.array([3.0]), np.array([9.0 / shape]))[0]
    sample = np.random.default_rng(4).gamma(shape, 3.0 / shape, 400_000)
    expected = np.quantile(sample, noise.MIDPOINTS)
    limit = 0.02 if shape >= 1 else 0.07
    assert np.abs(found - expected)[:58].max() < limit * 3.0
    assert found.mean() == pytest.approx(3.0)
    assert (np.diff(found) >= 0).all()


def test_a_rate_of_nearly_nothing_has_quantiles_too() -> None:
    found = noise.gamma(np.array([1e-9, 1e-4]), np.array([1e-3, 1e-3]))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.mean(axis=1), [1e-9, 1e-4])
    part = noise.of_counts(shrinkage.Posterior(np.array([0.0, 1.0, np.nan]), np.array([1.0, 1.0, np.nan])), 0, 1, True)
    assert part.units.tolist() == [1]


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_the_posterior_of_a_count_has_the_shrunk_rate_as_its_mean(seed: int) -> None:
    m = matrix(np.random.default_rng(seed))
    counts, people = m.numerators[:, 0], m.denominators[:, 0]
    found = shrinkage.posterior(counts, people, m.district, m.land)
    assert np.array_equal(found.mean, shrinkage.shrink_rates(counts, people, m.district, m.land))
    assert (found.variance >= 0).all()
    raw = (counts + 1) / people**2  # a place's neighbours make its rate better known than its count alone does
    assert (found.variance <= raw + found.mean / people).all()


def test_a_gap_is_drawn_from_the_places_that_its_mean_was_taken_of() -> None:
    treated = np.array([[1.0], [3.0], [8.0], [np.nan], [100.0], [np.nan]])
    near, wide = np.array([0, 0, 0, 0, 1, 1]), np.zeros(6, dtype=int)
    found = noise.of_gaps(treated, 0, [near, wide], 3, treated)
    assert found.units.tolist() == [3, 5]
    assert found.values[found.row[0]].min() >= 1
    assert found.values[found.row[0]].max() <= 8
    assert found.values[found.row[1]].max() > 90
    assert found.values.mean(axis=1)[0] == pytest.approx(4.0, abs=0.1)


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 30)), elements=st.integers(0, 20)), SEEDS)
def test_a_row_of_ranks_is_a_competition_in_each_league(scores: np.ndarray, seed: int) -> None:
    units = scores.shape[1]
    rng = np.random.default_rng(seed)
    label, sizes = rng.integers(0, 4, units), rng.integers(1, 4, units)  # league 3 is nobody's
    members, all_ = [label == number for number in range(3)], [np.ones(units, dtype=bool)]
    merged = ranks.merged(
        ranks.grouping(list(np.repeat(members, sizes, axis=1)), sizes.sum()), np.cumsum(sizes) - 1, sizes
    )
    groups = [ranks.grouping(members, units), ranks.grouping(all_, units), merged]
    outs = [np.empty(scores.shape, dtype=np.uint16) for _ in groups]
    ranks.competition_rows(scores, groups, outs)
    for row, alone, among_all, in_numbers in zip(scores, *outs, strict=True):
        assert among_all.tolist() == ranks.competition(row.astype(float)).tolist()
        for is_member in members:
            assert alone[is_member].tolist() == ranks.competition(row[is_member].astype(float)).tolist()
            each = np.repeat(row[is_member].astype(float), sizes[is_member])
            assert np.repeat(in_numbers[is_member], sizes[is_member]).tolist() == ranks.competition(each).tolist()
        assert (alone[label == 3] == 0).all()
        assert (in_numbers[label == 3] == 0).all()


def test_rows_that_are_sorted_together_do_not_mix() -> None:
    """More places than are sorted at a time, fewer, and nobody."""
    rng = np.random.default_rng(4)
    for units in (ranks.TOGETHER + 3, ranks.TOGETHER // 2 - 1, 1):
        scores = rng.integers(0, 3 * units, (5, units)).astype(np.float32)
        out = np.zeros(scores.shape, dtype=np.uint16)
        ranks.competition_rows(scores, [league(units)], [out])
        assert [row.tolist() for row in out] == [ranks.competition(row.astype(float)).tolist() for row in scores]
    ranks.competition_rows(scores[:, :0], [league(0)], [out[:, :0]])


def test_leagues_that_share_a_place_are_not_ranked_in_one_pass() -> None:
    everyone_ = np.ones(3, dtype=bool)
    with pytest.raises(ValueError, match="share places"):
        ranks.grouping([everyone_, everyone_], 3)
    with pytest.raises(ValueError, match="too large"):
        ranks.grouping(list(np.eye(ranks.WORD + 1, dtype=bool)), ranks.WORD + 1)


@given(hnp.arrays(np.uint16, st.tuples(st.integers(1, 50), st.integers(1, 5))))
def test_quantiles_are_of_type_7(values: np.ndarray) -> None:
    found = uncertainty.quantiles(values)
    np.testing.assert_allclose(found, np.quantile(values, [0.05, 0.5, 0.95], axis=0).T)


def test_a_group_ends_where_its_first_place_is_ahead_in_95_percent_of_draws() -> None:
    first = np.full(100, 1)
    near = np.where(np.arange(100) < 10, 0, 2)  # behind the first in 90 draws
    far = np.where(np.arange(100) < 5, 0, 3)  # behind it in 95
    further = np.full(100, 4)
    drawn = np.stack([further, far, near, first], axis=1).astype(np.uint16)
    nominal = np.array([4, 3, 2, 1])
    found = uncertainty.rank_groups(drawn, nominal, np.array([3, 2, 1, 0]))
    assert found.tolist() == [3, 2, 1, 1]
    tied = uncertainty.rank_groups(drawn, np.array([4, 2, 2, 1]), np.array([3, 2, 1, 0]))
    assert tied.tolist() == [2, 1, 1, 1]
    ahead = uncertainty.ahead_of_next(drawn, np.array([3, 2, 1]))
    assert ahead[[3, 2]].tolist() == [0.9, pytest.approx(0.95)]
    assert np.isnan(ahead[[0, 1]]).all()


def test_with_nothing_drawn_every_draw_is_the_published_ranking() -> None:
    m = matrix(np.random.default_rng(8), missing=0.06)
    problem = problem_of(m, indicators(), method(m, indicators()))
    found = total_ranks(problem, draws.make(NOTHING, 1, np.arange(20), NAMES))
    assert (found == found[0]).all()
    spread = uncertainty.quantiles(total_ranks(problem, draws.make(ALL, 1, np.arange(1, 200), NAMES)))
    assert (spread[:, 2] > spread[:, 0]).mean() > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight_noise": -0.1}, "weight_noise is -0.1"),
        ({"leave_out": 1.5}, "leave_out is 1.5"),
        ({"normalisation": ()}, "some of min_max"),
        ({"aggregation": ("median",)}, "arithmetic"),
    ],
)
def test_factors_that_make_no_sense_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        Factors(**change)  # type: ignore[arg-type]


def test_negative_draws_and_seeds_are_refused() -> None:
    with pytest.raises(PipelineError, match="neither may be negative"):
        draws.make(Factors(), 1, np.array([-1]), NAMES)
    with pytest.raises(PipelineError, match="neither may be negative"):
        draws.make(Factors(), -1, np.array([1]), NAMES)


def test_a_unit_without_anything_in_an_area_is_no_unit_of_the_draws() -> None:
    with pytest.raises(PipelineError, match="no value in area number 0, the first is 01001000"):
        Problem(
            np.array([1001000]),
            np.array([0]),
            np.array([0]),
            np.ones(1),
            np.zeros((1, 1), bool),
            lambda *_: np.full((1, 1), np.nan),
            [],
            lambda *_: np.empty((0, LEVELS)),
        )


def counted(
    rng: np.random.Generator, units: int, columns: int, scale: float = 1.0
) -> tuple[Floats, list[Floats], list[Floats], Ints]:
    """True rates from a gamma distribution of each district, people, and counts drawn from the rates."""
    district = np.arange(units) % 30
    people = np.floor(rng.lognormal(8.5, 1.0, units)) + 500
    truth, counts, exposures = np.empty((units, columns)), [], []
    for k in range(columns):
        mean = rng.gamma(40, 0.002 / 40, 30)[district]
        truth[:, k] = rng.gamma(6.0, mean / 6.0)
        exposures.append(people * scale)
        counts.append(rng.poisson(truth[:, k] * people * scale).astype(float))
    return truth, counts, exposures, district


def counted_problem(posteriors: list[shrinkage.Posterior], truth: Floats) -> Problem:
    """Counts alone, on a scale from 0 to far above the largest rate, so that nothing is clipped."""
    units, columns = truth.shape
    top = 1.6 * max(float(p.mean.max()) for p in posteriors)
    parts = [noise.of_counts(p, k, 1.0, False) for k, p in enumerate(posteriors)]
    return Problem(
        ags=np.arange(units),
        indicators=np.arange(columns),
        area=np.zeros(columns, dtype=np.int64),
        weight=np.full(columns, 1.0 / columns),
        there=np.ones((units, columns), dtype=bool),
        scores=lambda *_: 100 * np.stack([p.mean for p in posteriors], axis=1) / top,
        noise=parts,
        drawn_scores=lambda part, *_: np.clip(100 * part.values / top, 0, 100),
    )


def coverage(seed: int, units: int = 600, columns: int = 4, count: int = 400) -> float:
    """The share of units whose true rank lies between the 5 and 95 % quantiles of its draws."""
    truth, counts, exposures, district = counted(np.random.default_rng(seed), units, columns)
    land = np.zeros(units, dtype=np.int64)
    found = [shrinkage.posterior(c, e, district, land) for c, e in zip(counts, exposures, strict=True)]
    names = Names(("a",), tuple(f"count_{k}" for k in range(columns)))
    made = draws.make(dataclasses.replace(NOTHING, sampling=True), seed, np.arange(1, count + 1), names)
    interval = uncertainty.quantiles(total_ranks(counted_problem(found, truth), made))
    true_rank = ranks.competition(truth.mean(axis=1) * 1e6)
    return float(((interval[:, 0] <= true_rank) & (true_rank <= interval[:, 2])).mean())


def test_intervals_cover_the_true_ranks_in_a_few_simulated_worlds() -> None:
    assert np.mean([coverage(seed) for seed in range(6)]) == pytest.approx(0.90, abs=0.02)


@pytest.mark.long
def test_intervals_cover_the_true_ranks_in_50_simulated_worlds() -> None:
    assert np.mean([coverage(1000 + seed) for seed in range(50)]) == pytest.approx(0.90, abs=0.02)


def test_twice_the_counts_narrow_an_unshrunk_score_by_the_root_of_two() -> None:
    """The width of the 5-95 % interval of the score, from the counts alone."""
    widths = []
    for scale in (1.0, 2.0):
        truth, counts, exposures, _ = counted(np.random.default_rng(12), 800, 4, scale)
        found = [shrinkage.unshrunk(c, e) for c, e in zip(counts, exposures, strict=True)]
        problem = counted_problem(found, truth)
        names = Names(("a",), tuple(f"count_{k}" for k in range(4)))
        made = draws.make(dataclasses.replace(NOTHING, sampling=True), 1, np.arange(1, 601), names)
        scores = uncertainty.totals(problem, made) * 1.6 * max(float(p.mean.max()) for p in found)
        low, high = np.quantile(scores, [0.05, 0.95], axis=0)
        widths.append(high - low)
    assert np.median(widths[1] / widths[0]) == pytest.approx(1 / np.sqrt(2), rel=0.05)


def test_what_is_the_same_in_two_years_is_the_same_in_every_draw() -> None:
    """Common random draws: with equal data no rank changes in any draw."""
    m = matrix(np.random.default_rng(6), missing=0.06)
    declared = indicators()
    spec = method(m, declared)
    made = draws.make(ALL, 3, np.arange(1, 60), NAMES)
    one, two = (total_ranks(problem_of(m, declared, spec), made) for _ in range(2))
    assert np.array_equal(one, two)


def test_a_noise_that_is_switched_off_changes_nothing() -> None:
    m = uneven(np.random.default_rng(6))
    problem = problem_of(m, indicators(), method(m, indicators()))
    assert {part.factor for part in problem.noise} == {noise.SAMPLING, noise.IMPUTATION}
    for off in ("sampling", "imputation"):
        only = dataclasses.replace(NOTHING, sampling=off != "sampling", imputation=off != "imputation")
        without = dataclasses.replace(problem, noise=[part for part in problem.noise if part.factor != off])
        made = draws.make(only, 1, np.arange(1, 20), NAMES)
        assert np.array_equal(total_ranks(problem, made), total_ranks(without, made))
        assert not (total_ranks(problem, made) == total_ranks(problem, made)[0]).all()


def test_the_scale_of_a_drawn_value_never_lowers_a_better_one() -> None:
    m = matrix(np.random.default_rng(3), missing=0.03)
    better = np.arange(INDICATORS) % 3 != 0
    declared = indicators(is_higher_better=better)
    spec = method(m, declared)
    steps = scoring.stages(m, declared, spec)
    all_places, scored = np.ones(PLACES, bool), np.ones(INDICATORS, bool)
    for treatment in draws.CHOICES["treatment"]:
        for kind in draws.CHOICES["normalisation"]:
            scores, scale = scoring.scale_of(steps, declared, spec, all_places, scored, treatment, kind)
            for k in range(INDICATORS):
                np.testing.assert_allclose(scale(k, steps.filled[:, k]), scores[:, k], atol=1e-9)
                grid = np.linspace(0 if k < 2 else -5, 2 * np.nanmax(steps.filled[:, k]), 200)
                steps_up = np.diff(scale(k, grid))
                assert ((steps_up >= -1e-9) if better[k] else (steps_up <= 1e-9)).all(), (treatment, kind, k)


def test_a_league_of_one_is_first_in_every_draw_and_ahead_of_nobody() -> None:
    m = uneven(np.random.default_rng(11))
    problem = problem_of(m, indicators(), method(m, indicators()))
    units = len(problem.ags)
    alone = ranks.grouping([np.arange(units) == 4], units)
    made = draws.make(ALL, 1, np.arange(1, 30), NAMES)
    for _, kind, (of_kinds,) in simulate(problem, made, [alone]):
        found = of_kinds[:, kind]
        assert (found[:, 4] == 1).all()
        assert (np.delete(found, 4, axis=1) == 0).all()
    own = found[:, [4]]
    assert uncertainty.rank_groups(own, np.array([1]), np.array([0])).tolist() == [1]
    assert np.isnan(uncertainty.ahead_of_next(own, np.array([0]))).all()


def test_infinity_at_the_door_is_missing_in_every_draw_and_never_a_rank() -> None:
    """Traps 1 and 4: what is no number is a gap, and a place with too many gaps is not drawn at all."""
    m = uneven(np.random.default_rng(12))
    values = m.values.copy()
    values[3, 4] = np.inf
    values[8, 3:6] = -np.inf
    hurt = dataclasses.replace(m, values=np.where(np.isfinite(values), values, np.nan))
    spec = method(m, indicators())
    problem = problem_of(hurt, indicators(), spec)
    assert AGS[8] not in problem.ags
    assert any(part.factor == noise.IMPUTATION and part.indicator == 4 for part in problem.noise)
    found = total_ranks(problem, draws.make(ALL, 1, np.arange(1, 30), NAMES))
    assert (found >= 1).all()
    assert found.max() <= len(problem.ags)


def test_a_noise_of_no_cell_is_no_noise() -> None:
    nothing = noise.of_gaps(np.ones((3, 1)), 0, [np.zeros(3, dtype=int)], 3, np.ones((3, 1)))
    assert isinstance(nothing, Noise)
    assert len(nothing.units) == 0
    assert nothing.values.shape == (0, LEVELS)


def test_only_the_default_is_drawn_where_nothing_else_is_declared() -> None:
    made = draws.make(NOTHING, 1, np.arange(30), NAMES)
    assert set(made.normalisation) == {MIN_MAX}
    assert set(made.treatment) == {DECLARED}
    assert (made.left_out == -1).all()
