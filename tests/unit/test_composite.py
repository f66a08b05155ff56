"""The promises of the scoring functions, each as a property over random matrices."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.composite import (
    aggregation,
    imputation,
    leagues,
    normalisation,
    ranks,
    screening,
    shrinkage,
    weights,
)
from pipeline.composite.scoring import IndicatorSet, Method, frozen_bounds, score_year
from pipeline.composite.values import Indicators, Matrix, finite
from pipeline.errors import PipelineError

SEEDS = st.integers(0, 2**32 - 1)
PLACES, INDICATORS, AREAS = 60, 9, 3


def matrix(rng: np.random.Generator, missing: float = 0.0) -> Matrix:
    """Random places in 3 Länder and 9 districts; the first indicator is a count per 1,000 inhabitants."""
    population = np.floor(rng.lognormal(8, 1.5, PLACES)) + 50
    values = rng.gamma(2.0, 10.0, (PLACES, INDICATORS))
    numerators = np.full(values.shape, np.nan)
    denominators = np.full(values.shape, np.nan)
    numerators[:, 0] = rng.poisson(population * 0.01)
    denominators[:, 0] = population
    values[:, 0] = 1000 * numerators[:, 0] / population
    gone = rng.random(values.shape) < missing
    values[gone] = np.nan
    numerators[gone] = np.nan
    district = np.arange(PLACES) % 9
    return Matrix(
        values=values,
        numerators=numerators,
        denominators=denominators,
        is_inherited=np.zeros(values.shape, dtype=bool),
        is_carried=np.zeros(values.shape, dtype=bool),
        population=population,
        land=district // 3,
        district=district,
        size_class=(population > 3000).astype(np.int64),
    )


def indicators(**changes: object) -> Indicators:
    base = Indicators(
        area=np.repeat(np.arange(AREAS), INDICATORS // AREAS),
        is_implementation=np.arange(INDICATORS) % 2 == 0,
        is_higher_better=np.ones(INDICATORS, dtype=bool),
        is_log1p=np.arange(INDICATORS) == 1,
        is_flag=np.zeros(INDICATORS, dtype=bool),
        is_shrunk=np.arange(INDICATORS) == 0,
        per=np.full(INDICATORS, 1000.0),
        weight=np.ones(INDICATORS),
    )
    return dataclasses.replace(base, **changes)


def method(m: Matrix, declared: Indicators, **changes: object) -> Method:
    bounds = frozen_bounds([m], declared, (0.025, 0.975))
    base = Method(
        area_weight=np.ones(AREAS),
        joins=np.full(AREAS, -1),
        lower=bounds[:, 0],
        upper=bounds[:, 1],
        indicator_coverage=0.65,
        area_share=0.66,
        unit_share=0.8,
        area_minimum=3,
        max_flag_share=0.035,
        imputation_minimum=3,
    )
    return dataclasses.replace(base, **changes)


def everyone(m: Matrix) -> dict[str, IndicatorSet]:
    return {"all": IndicatorSet(np.ones(INDICATORS, dtype=bool), np.ones(len(m.values), dtype=bool))}


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_the_order_of_places_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = matrix(rng, missing=0.05)
    declared = indicators()
    order = rng.permutation(PLACES)
    shuffled = Matrix(**{f.name: getattr(m, f.name)[order] for f in dataclasses.fields(Matrix)})
    spec = method(m, declared)
    straight = score_year(m, declared, everyone(m), spec).sets["all"].score
    turned = score_year(shuffled, declared, everyone(m), spec).sets["all"].score
    np.testing.assert_allclose(turned, straight[order], rtol=0, atol=1e-9)
    assert np.array_equal(ranks.competition(np.round(turned, 6)), ranks.competition(np.round(straight, 6))[order])


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_the_order_of_indicators_changes_no_rank(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = matrix(rng, missing=0.05)
    declared = indicators()
    spec = method(m, declared)
    order = rng.permutation(INDICATORS)
    wide = ("values", "numerators", "denominators", "is_inherited", "is_carried")
    turned = dataclasses.replace(m, **{name: getattr(m, name)[:, order] for name in wide})
    renamed = Indicators(**{f.name: getattr(declared, f.name)[order] for f in dataclasses.fields(Indicators)})
    respec = dataclasses.replace(spec, lower=spec.lower[order], upper=spec.upper[order])
    a = score_year(m, declared, everyone(m), spec).sets["all"].score
    b = score_year(turned, renamed, everyone(m), respec).sets["all"].score
    assert np.array_equal(ranks.competition(a), ranks.competition(b))


@given(SEEDS, st.booleans(), st.integers(2, INDICATORS - 1))
@settings(max_examples=60, deadline=None)
def test_a_better_raw_value_never_lowers_a_score(seed: int, is_higher_better: bool, k: int) -> None:
    rng = np.random.default_rng(seed)
    m = matrix(rng)
    higher = np.ones(INDICATORS, dtype=bool)
    higher[k] = is_higher_better
    declared = indicators(is_higher_better=higher)
    spec = method(m, declared)
    values = m.values.copy()
    values[5, k] *= 1.5 if is_higher_better else 0.5
    before = score_year(m, declared, everyone(m), spec).sets["all"]
    after = score_year(dataclasses.replace(m, values=values), declared, everyone(m), spec).sets["all"]
    assert after.score[5] >= before.score[5]
    others = np.arange(PLACES) != 5
    assert np.array_equal(after.score[others], before.score[others])  # bounds are frozen, so nobody else moves


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_with_frozen_bounds_a_new_place_changes_no_order_above_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = matrix(rng)
    declared = indicators(is_shrunk=np.zeros(INDICATORS, dtype=bool))
    spec = method(m, declared)
    score = score_year(m, declared, everyone(m), spec).sets["all"].score
    fewer = Matrix(**{f.name: getattr(m, f.name)[:-1] for f in dataclasses.fields(Matrix)})
    again = score_year(fewer, declared, everyone(fewer), spec).sets["all"].score
    assert np.array_equal(score[:-1], again)


@given(SEEDS, st.floats(0.1, 50))
@settings(max_examples=30, deadline=None)
def test_weights_scaled_by_a_constant_change_nothing(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    m = matrix(rng)
    weight = rng.uniform(0.5, 2, INDICATORS)
    area_weight = rng.uniform(0.5, 2, AREAS)
    a, b = indicators(weight=weight), indicators(weight=weight * factor)
    spec = method(m, a)
    one = score_year(m, a, everyone(m), dataclasses.replace(spec, area_weight=area_weight)).sets["all"]
    two = score_year(m, b, everyone(m), dataclasses.replace(spec, area_weight=area_weight * factor)).sets["all"]
    np.testing.assert_allclose(one.nominal, two.nominal, rtol=1e-12)
    np.testing.assert_allclose(one.score, two.score, atol=1e-9)


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_the_weights_of_every_ranked_place_sum_to_one(seed: int) -> None:
    m = matrix(np.random.default_rng(seed), missing=0.1)
    declared = indicators()
    result = score_year(m, declared, everyone(m), method(m, declared)).sets["all"]
    sums = result.weight.sum(axis=1)
    np.testing.assert_allclose(sums[result.is_available], 1.0, rtol=1e-12)
    assert (sums[~result.is_available] == 0).all()
    assert np.isnan(result.score[~result.is_available]).all()


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_scores_stay_between_0_and_100(seed: int) -> None:
    m = matrix(np.random.default_rng(seed), missing=0.1)
    declared = indicators()
    scores = score_year(m, declared, everyone(m), method(m, declared))
    for values in (scores.normalised, scores.sets["all"].score, scores.sets["all"].area_score):
        known = values[~np.isnan(values)]
        assert ((known >= 0) & (known <= 100)).all()


def test_a_total_is_the_mean_of_its_areas_and_its_two_halves() -> None:
    m = matrix(np.random.default_rng(1), missing=0.05)
    declared = indicators()
    result = score_year(m, declared, everyone(m), method(m, declared)).sets["all"]
    ok = result.is_available
    area_weight = np.array([result.nominal[declared.area == a].sum() for a in range(AREAS)])
    np.testing.assert_allclose(result.area_score[ok] @ area_weight, result.score[ok], atol=1e-8)
    doing = (result.weight * declared.is_implementation).sum(axis=1)[ok]
    mixed = doing * result.implementation[ok] + (1 - doing) * result.potential[ok]
    np.testing.assert_allclose(mixed, result.score[ok], atol=1e-8)


def test_imputation_never_makes_a_place_available() -> None:
    m = matrix(np.random.default_rng(2))
    values = m.values.copy()
    values[7, :6] = np.nan
    declared = indicators()
    gappy = dataclasses.replace(m, values=values)
    result = score_year(gappy, declared, everyone(m), method(m, declared)).sets["all"]
    assert not result.is_available[7]
    assert not result.is_imputed[7].any()
    assert result.availability[7] == pytest.approx(3 / 9)


def test_missing_is_neither_worst_nor_best_but_the_mean_of_the_alike() -> None:
    values = np.array([[1.0], [3.0], [5.0], [np.nan], [100.0]])
    near = np.array([0, 0, 0, 0, 1])
    filled = imputation.impute(values, [near], minimum_places=3)
    assert filled[3, 0] == 3.0
    assert np.isnan(imputation.impute(values, [near], minimum_places=4)[3, 0])


def test_a_partial_list_of_winners_lends_nobody_a_yes() -> None:
    """In Land 0 only the winners are known; in Land 1 one of eight won. A town of Land 0 is like a town of Land 1."""
    won = np.array([[1.0], [1.0], [1.0], [np.nan], [1.0], [0], [0], [0], [0], [0], [0], [0]])
    land = np.array([0] * 4 + [1] * 8)
    everyone_alike = np.zeros(12, dtype=int)
    donors = imputation.without_partial_lists(won, np.array([True]), land)
    filled = imputation.impute(won, [land, everyone_alike], minimum_places=3, donors=donors)
    assert filled[3, 0] == 1 / 8
    assert filled[:3, 0].tolist() == [1, 1, 1]
    counts = imputation.without_partial_lists(won, np.array([False]), land)
    assert np.array_equal(counts, won, equal_nan=True)


def test_a_weighted_mean_is_reweighted_and_not_filled_with_zero() -> None:
    scores = np.array([[0.8, 0.4, np.nan]])
    weight = aggregation.unit_weights(
        np.array([[True, True, False]]), np.array([0.5, 0.3, 0.2]), np.zeros(3, dtype=int)
    )
    assert aggregation.weighted_mean(scores, weight)[0] == pytest.approx((0.5 * 0.8 + 0.3 * 0.4) / 0.8)


def test_reweighting_stays_inside_the_area() -> None:
    there = np.array([[True, False, True, True]])
    weight = aggregation.unit_weights(there, np.full(4, 0.25), np.array([0, 0, 1, 1]))
    assert weight.tolist() == [[0.5, 0.0, 0.25, 0.25]]


def test_screening_sees_raw_availability_and_says_why() -> None:
    m = matrix(np.random.default_rng(3))
    values = m.values.copy()
    values[: PLACES // 2, 4] = np.nan  # half covered
    values[:, 5] = 7.0  # equal everywhere
    in_set = np.ones(INDICATORS, dtype=bool)
    in_set[8] = False
    choice = screening.choose(
        dataclasses.replace(m, values=values),
        indicators(),
        in_set,
        np.ones(PLACES, dtype=bool),
        np.array([-1, -1, 0]),
        0.65,
        3,
    )
    assert choice.status[4] == screening.COVERAGE
    assert choice.status[5] == screening.CONSTANT
    assert choice.status[8] == screening.NOT_IN_SET
    assert choice.area_status == [screening.SCORED, screening.LEFT_OUT, screening.SCORED]
    assert choice.status[3] == screening.AREA_TOO_THIN


def test_a_thin_area_of_flags_joins_its_neighbour() -> None:
    m = matrix(np.random.default_rng(4))
    flags = np.arange(INDICATORS) >= 6
    in_set = np.arange(INDICATORS) != 8
    choice = screening.choose(
        m, indicators(is_flag=flags), in_set, np.ones(PLACES, dtype=bool), np.array([-1, -1, 0]), 0.65, 3
    )
    assert choice.area_status == [screening.SCORED, screening.SCORED, screening.JOINED]
    assert choice.area.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 2]


def test_no_flag_moves_the_total_by_more_than_its_limit() -> None:
    declared = indicators(is_flag=np.arange(INDICATORS) < 3)
    found = weights.effective(
        declared.weight,
        declared.area,
        np.ones(AREAS),
        np.ones(INDICATORS, dtype=bool),
        declared.is_flag,
        0.035,
    )
    assert found[:3].max() == pytest.approx(0.035)
    assert found.sum() == pytest.approx(1.0)
    assert found[3:] == pytest.approx(np.full(6, (1 - 0.105) / 6))


def test_a_limit_that_leaves_nobody_to_take_the_weight_is_an_error() -> None:
    flags = np.ones(INDICATORS, dtype=bool)
    declared = indicators(is_flag=flags)
    with pytest.raises(PipelineError, match="limit on flags"):
        weights.effective(declared.weight, declared.area, np.ones(AREAS), flags, flags, 0.035)


@given(hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6)))
def test_competition_ranks_share_the_better_rank(scores: np.ndarray) -> None:
    found = ranks.competition(scores)
    rounded = np.round(scores, 10)
    assert found.tolist() == [1 + int((rounded > own).sum()) for own in rounded]


def test_ranks_ignore_last_bit_noise_and_missing_scores() -> None:
    scores = np.array([0.1 + 0.2, 0.3, np.nan, 0.9])
    assert ranks.competition(scores).tolist() == [2, 2, 0, 1]


def test_infinity_is_missing_and_not_the_best() -> None:
    assert np.isnan(finite(np.array([np.inf, -np.inf, np.nan]))).all()


def test_who_has_no_rank_is_told_the_first_reason() -> None:
    status = leagues.standing(
        np.array([np.nan, 0, 100, 100, 100]),
        np.array([True, True, False, True, True]),
        np.array([0.0, 0.0, 0.0, 0.9, 0.5]),
        0.75,
    )
    assert status.tolist() == ["no_population", "no_population", "availability", "mostly_inherited", "ranked"]
    assert leagues.rank(np.array([5.0, 4, 3, 2, 1]), np.ones(5, dtype=bool), status).tolist() == [
        0,
        0,
        0,
        0,
        1,
    ]


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_a_shrunk_rate_lies_between_the_place_and_its_land(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = matrix(rng)
    counts, exposures = m.numerators[:, 0], m.denominators[:, 0]
    shrunk = shrinkage.shrink_rates(counts, exposures, m.district, m.land)
    raw = counts / exposures
    for land in np.unique(m.land):
        mine = m.land == land
        rates = [raw[mine & (m.district == d)] for d in np.unique(m.district[mine])]
        lower, upper = min(r.min() for r in rates), max(r.max() for r in rates)
        assert ((shrunk[mine] >= lower - 1e-12) & (shrunk[mine] <= upper + 1e-12)).all()


def test_shrinkage_takes_the_extremes_away_from_the_smallest_places() -> None:
    rng = np.random.default_rng(5)
    population = np.floor(rng.lognormal(7, 1.3, 4000)) + 20
    counts = rng.poisson(population * 0.001).astype(float)  # equal true rates
    district = np.arange(4000) % 80
    raw, shrunk = counts / population, shrinkage.shrink_rates(counts, population, district, district // 5)
    top = np.argsort(-raw)[:100]
    assert np.median(population[top]) < np.median(population) / 2
    assert shrunk.std() < raw.std() / 20


def test_large_places_keep_their_own_rate() -> None:
    population = np.array([50.0, 80, 60, 1_000_000, 900_000, 800_000])
    counts = np.array([0.0, 3, 1, 5000, 1000, 9000])
    shrunk = shrinkage.shrink_rates(counts, population, np.zeros(6, dtype=int), np.zeros(6, dtype=int))
    np.testing.assert_allclose(shrunk[3:], counts[3:] / population[3:], rtol=0.01)
    assert abs(shrunk[1] - counts[1] / population[1]) > 0.01


def test_a_place_without_inhabitants_has_no_rate() -> None:
    shrunk = shrinkage.shrink_rates(
        np.array([1.0, 2, np.nan]), np.array([0.0, 100, 50]), np.zeros(3, int), np.zeros(3, int)
    )
    assert np.isnan(shrunk[[0, 2]]).all()
    assert shrunk[1] == pytest.approx(0.02)


@given(
    hnp.arrays(np.float64, 30, elements=st.floats(0, 100)),
    hnp.arrays(np.int64, 30, elements=st.integers(0, 9)),
    st.floats(0.01, 0.99),
)
def test_a_weighted_quantile_counts_people(values: np.ndarray, people: np.ndarray, q: float) -> None:
    assume(people.sum() > 0)
    found = normalisation.weighted_quantile(values, people.astype(float), q)
    one_by_one = np.sort(np.repeat(values, people))
    index = int(np.ceil(np.round(q * len(one_by_one), 9))) - 1
    assert found == one_by_one[max(index, 0)]


def test_an_outlier_outside_the_base_years_moves_no_bound() -> None:
    m = matrix(np.random.default_rng(6))
    declared = indicators()
    before = frozen_bounds([m], declared, (0.025, 0.975))
    later = m.values.copy()
    later[0] = 1e9
    assert np.array_equal(frozen_bounds([m], declared, (0.025, 0.975)), before)
    spec = method(m, declared)
    changed = score_year(dataclasses.replace(m, values=later), declared, everyone(m), spec).normalised
    assert np.array_equal(changed[1:, 2:], score_year(m, declared, everyone(m), spec).normalised[1:, 2:])


def test_a_negative_value_under_a_logarithm_is_an_error() -> None:
    with pytest.raises(PipelineError, match="negative value"):
        normalisation.treat(np.array([[-0.5]]), np.array([True]))
