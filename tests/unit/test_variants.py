"""The promises of the method's variants: kinds of normalisation, treatment by shape, aggregation, trees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from pipeline.composite import aggregation, normalisation, ranks, treatment, values, weights
from pipeline.errors import PipelineError

SEEDS = st.integers(0, 2**32 - 1)
Array = np.ndarray
Kind = Callable[[Array, Array, Array], Array]


def between_goalposts(treated: Array, is_place: Array, is_higher_better: Array) -> Array:
    count = treated.shape[1]
    return normalisation.goalposts(treated, np.full(count, 2.0), np.full(count, 15.0), is_higher_better)


OF_PLACES: dict[str, Kind] = {
    "range": normalisation.range_of_places,
    "rank": normalisation.rank,
    "percentile": normalisation.percentile,
    "z_score": normalisation.z_score,
    "distance_to_leader": normalisation.distance_to_leader,
}
KINDS = {**OF_PLACES, "goalposts": between_goalposts}
MEANS = {
    "arithmetic": aggregation.arithmetic,
    "geometric": lambda scores, weight: aggregation.geometric(aggregation.above_zero(scores), weight),
    "copeland": aggregation.copeland,
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
every_kind_of_places = pytest.mark.parametrize("kind", OF_PLACES.values(), ids=OF_PLACES)
every_mean = pytest.mark.parametrize("mean", MEANS.values(), ids=MEANS)


def table(rng: np.random.Generator, places: int = 30, indicators: int = 5, missing: float = 0.1) -> Array:
    """Values of 0 to 20 with many ties and gaps; no indicator is equal everywhere."""
    found = np.round(rng.gamma(2.0, 3.0, (places, indicators)).clip(0, 20), int(rng.integers(0, 3)))
    found[rng.random(found.shape) < missing] = np.nan
    found[0], found[1] = 1.0, 16.0
    return found


def everyone(data: Array) -> Array:
    return np.ones(len(data), dtype=bool)


# normalisation


@every_kind
@given(seed=SEEDS, better=st.floats(0.01, 25))
@settings(max_examples=60, deadline=None)
def test_a_better_raw_value_never_lowers_a_score(kind: Kind, seed: int, better: float) -> None:
    rng = np.random.default_rng(seed)
    before = table(rng, missing=0.0)
    higher = np.arange(5) % 2 == 0
    place = int(rng.integers(2, 30))
    after = before.copy()
    after[place] = np.where(higher, before[place] + better, np.maximum(before[place] - better, 0.0))
    gain = kind(after, everyone(after), higher)[place] - kind(before, everyone(before), higher)[place]
    assert (gain >= -1e-9).all()


@every_kind
@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_scores_keep_the_order_of_values_between_0_and_100(kind: Kind, seed: int) -> None:
    data = table(np.random.default_rng(seed), missing=0.0)
    higher = np.arange(5) % 2 == 0
    scores = kind(data, everyone(data), higher)
    assert ((scores >= 0) & (scores <= 100)).all()
    for k in range(5):
        in_order = scores[np.argsort(data[:, k], kind="stable"), k]
        assert (np.diff(in_order) * (1 if higher[k] else -1) >= -1e-9).all()
        same = data[:, k][:, None] == data[:, k]
        assert np.array_equal(same & (scores[:, k][:, None] == scores[:, k]), same)


@every_kind
@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_the_order_of_places_and_indicators_changes_no_score(kind: Kind, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = table(rng)
    higher = rng.random(5) < 0.5
    is_place = rng.random(30) < 0.8
    is_place[:2] = True
    rows, columns = rng.permutation(30), rng.permutation(5)
    straight = kind(data, is_place, higher)
    turned = kind(data[rows][:, columns], is_place[rows], higher[columns])
    np.testing.assert_allclose(turned, straight[rows][:, columns], rtol=0, atol=1e-9)


@every_kind
@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_what_is_missing_stays_missing_and_nothing_else_is(kind: Kind, seed: int) -> None:
    data = table(np.random.default_rng(seed), missing=0.3)
    data[:, 4] = np.nan  # left out
    scores = kind(data, everyone(data), np.ones(5, dtype=bool))
    assert np.array_equal(np.isnan(scores), np.isnan(data))


@every_kind_of_places
def test_an_indicator_that_is_equal_everywhere_is_an_error_and_not_0_or_100(kind: Kind) -> None:
    data = table(np.random.default_rng(1))
    data[:, 3] = 0.3
    data[4, 3] = 0.1 + 0.2  # the last bit is no difference
    with pytest.raises(PipelineError, match=r"number \[3\] are equal in all places"):
        kind(data, everyone(data), np.ones(5, dtype=bool))


@every_kind_of_places
def test_an_indicator_that_no_place_has_scores_nobody(kind: Kind) -> None:
    data = table(np.random.default_rng(1), missing=0.0)
    is_place = np.arange(30) < 20
    data[:20, 3] = np.nan
    assert np.isnan(kind(data, is_place, np.ones(5, dtype=bool))[:, 3]).all()


@pytest.mark.parametrize("kind", [normalisation.rank, normalisation.percentile])
def test_the_last_bit_makes_no_difference_to_a_rank(kind: Kind) -> None:
    data = np.array([[0.3], [0.1 + 0.2], [0.9], [0.0]])
    scores = kind(data, everyone(data), np.array([True]))
    assert scores[0] == scores[1]


@every_kind_of_places
def test_a_league_of_one_has_no_scale(kind: Kind) -> None:
    data = table(np.random.default_rng(1))
    with pytest.raises(PipelineError, match="equal in all places"):
        kind(data, np.arange(30) == 0, np.ones(5, dtype=bool))


@every_kind
def test_infinity_is_refused_at_the_door(kind: Kind) -> None:
    data = table(np.random.default_rng(1))
    data[5, 2] = np.inf
    with pytest.raises(PipelineError, match=r"number \[2\] have infinite values"):
        kind(data, everyone(data), np.ones(5, dtype=bool))


@every_kind_of_places
@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_only_the_places_of_the_league_make_the_scale(kind: Kind, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = table(rng)
    is_place = np.arange(30) < 20
    higher = rng.random(5) < 0.5
    scores = kind(data, is_place, higher)
    assert np.array_equal(scores[:20], kind(data[:20], is_place[:20], higher), equal_nan=True)
    known = scores[~np.isnan(scores)]
    assert ((known >= 0) & (known <= 100)).all()  # others too are held on the scale


def test_each_kind_gives_the_scores_of_its_definition() -> None:
    data = np.array([[1.0], [2.0], [2.0], [5.0]])
    more, less = np.array([True]), np.array([False])

    def of(kind: Kind, higher: Array) -> list[float]:
        return kind(data, everyone(data), higher)[:, 0].tolist()

    assert of(normalisation.range_of_places, more) == [0, 25, 25, 100]
    assert of(normalisation.range_of_places, less) == [100, 75, 75, 0]
    assert of(normalisation.rank, more) == pytest.approx([0, 100 / 3, 100 / 3, 100])
    assert of(normalisation.rank, less) == pytest.approx([100, 100 / 3, 100 / 3, 0])
    assert of(normalisation.distance_to_leader, more) == pytest.approx([20, 40, 40, 100])
    assert of(normalisation.distance_to_leader, less) == pytest.approx([100, 80, 80, 20])
    assert of(between_goalposts, more) == pytest.approx([0, 0, 0, 100 * 3 / 13])
    percentiles = [stats.percentileofscore(data[:, 0], x, kind="mean") for x in data[:, 0]]
    assert of(normalisation.percentile, more) == pytest.approx(percentiles)
    z = stats.zscore(data[:, 0])
    assert of(normalisation.z_score, more) == pytest.approx((50 + 50 * z / 3).tolist())
    assert of(normalisation.z_score, less) == pytest.approx((50 - 50 * z / 3).tolist())


def test_places_without_a_rare_thing_get_no_points_for_its_rank() -> None:
    has_it = np.zeros((101, 1))
    has_it[0] = 1.0
    scores = normalisation.rank(has_it, everyone(has_it), np.array([True]))[:, 0]
    assert scores[0] == 100
    assert (scores[1:] == 0).all()


def test_a_share_of_the_leader_needs_values_of_0_and_more() -> None:
    with pytest.raises(PipelineError, match=r"number \[0\] have negative values"):
        normalisation.distance_to_leader(np.array([[-1.0], [2.0]]), np.ones(2, dtype=bool), np.array([True]))


def test_goalposts_the_wrong_way_round_are_an_error() -> None:
    two, higher = np.array([[1.0], [2.0]]), np.array([True])
    with pytest.raises(PipelineError, match=r"number \[0\]: the lower end must be below the upper"):
        normalisation.goalposts(two, np.array([5.0]), np.array([5.0]), higher)
    with pytest.raises(PipelineError, match="the lower end must be below"):
        normalisation.goalposts(two, np.array([np.nan]), np.array([5.0]), higher)


# treatment


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_skew_and_kurtosis_are_bias_corrected(seed: int) -> None:
    data = table(np.random.default_rng(seed))
    skew, kurtosis = treatment.shape(data)
    for k in range(data.shape[1]):
        known = data[~np.isnan(data[:, k]), k]
        assert skew[k] == pytest.approx(stats.skew(known, bias=False), rel=1e-9, abs=1e-9)
        assert kurtosis[k] == pytest.approx(stats.kurtosis(known, bias=False), rel=1e-9, abs=1e-9)


@given(st.floats(-1e3, 1e3), st.integers(4, 60))
def test_what_is_equal_everywhere_has_no_shape_whatever_the_rounding_of_its_mean(value: float, places: int) -> None:
    assert all(np.isnan(figure).all() for figure in treatment.shape(np.full((places, 1), value)))


def test_what_is_equal_or_too_short_has_no_shape_and_is_left_as_it_is() -> None:
    data = np.array([[0.1, 1, 0], [0.1, 2, 0], [0.1, 90, 0], [0.1, np.nan, np.nan], [0.1, np.nan, np.nan]])
    assert all(np.isnan(figure).all() for figure in treatment.shape(data))
    assert np.array_equal(treatment.by_shape(data).values, data, equal_nan=True)


def test_outliers_are_set_to_the_next_value_on_the_side_of_the_skew() -> None:
    tail = np.concatenate([np.arange(1.0, 21.0), [60.0, 200.0, np.nan]])
    done = treatment.by_shape(np.column_stack([tail, -tail, np.arange(23.0)]))
    assert np.isnan(done.values[-1, :2]).all()
    assert done.winsorised.tolist() == [2, 2, 0]
    assert done.values[:-1, 0].tolist() == [*range(1, 21), 20, 20]  # 200 to 60, then both to 20
    assert np.array_equal(done.values[:, 1], -done.values[:, 0], equal_nan=True)
    assert np.array_equal(done.values[:, 2], np.arange(23.0))
    assert not done.is_log.any()
    assert not done.is_skewed.any()


@pytest.mark.parametrize(("tied", "moved"), [(5, 5), (6, 0)])
def test_no_more_than_five_values_are_moved_and_ties_count(tied: int, moved: int) -> None:
    """With six at the top the first step would already move too many, so that the logarithm is taken."""
    column = np.concatenate([np.arange(200) % 10, np.full(tied, 60.0)])
    assert treatment.is_skewed(column[:, None])[0]
    done = treatment.by_shape(column[:, None])
    assert done.winsorised.tolist() == [moved]
    assert done.is_log.tolist() == [moved == 0]
    if moved:
        assert done.values.max() == 9


def test_where_that_does_not_help_the_untouched_values_get_a_logarithm() -> None:
    column = np.exp(np.linspace(0, 9, 300)) + 3
    done = treatment.by_shape(column[:, None])
    low, high = column.min(), column.max()
    assert done.is_log.tolist() == [True]
    assert done.winsorised.tolist() == [0]
    np.testing.assert_allclose(done.values[:, 0], np.log(column - low + 0.01 * (high - low)), rtol=1e-12)


def test_an_indicator_that_stays_skewed_says_so_and_none_becomes_constant() -> None:
    """Three yes among a thousand no: without them nothing would be left to compare."""
    flag = np.zeros((1000, 1))
    flag[:3] = 1.0
    done = treatment.by_shape(flag)
    assert done.is_skewed.tolist() == [True]
    assert len(np.unique(done.values)) == 2


@given(SEEDS, st.floats(0.3, 3))
@settings(max_examples=60, deadline=None)
def test_treatment_turns_no_order_around(seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    data = rng.lognormal(0, spread, (60, 4)) * np.array([1, -1, 1, -1])
    done = treatment.by_shape(data)
    for k in range(4):
        assert (np.diff(done.values[np.argsort(data[:, k]), k]) >= 0).all()


def test_treatment_refuses_infinity_and_a_logarithm_of_nothing() -> None:
    with pytest.raises(PipelineError, match=r"number \[0\] have infinite values"):
        treatment.by_shape(np.array([[1.0], [-np.inf]]))
    with pytest.raises(PipelineError, match=r"number \[1\] are equal everywhere"):
        treatment.shifted_log(np.array([[1.0, 2.0], [3.0, 2.0]]))


def test_a_ratio_over_nothing_is_missing() -> None:
    found = values.ratio(np.array([1.0, 0.0, 3.0, np.nan]), np.array([0.0, 0.0, 4.0, 2.0]))
    assert np.array_equal(found, [np.nan, np.nan, 0.75, np.nan], equal_nan=True)


# aggregation


def duels(scores: Array, weight: Array) -> list[int]:
    """Copeland's definition, pair by pair; weights are whole numbers, so that sums are exact."""
    result = []
    for own in scores:
        margins = [int((weight * np.sign(np.round(own - other, 10))).sum()) for other in scores]
        result.append(int(np.sign(margins).sum()))
    return result


@given(SEEDS, st.integers(1, 40), st.integers(1, 23))
@settings(max_examples=80, deadline=None)
def test_copeland_counts_pairs_won_less_pairs_lost_with_exact_ties(seed: int, places: int, areas: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.round(rng.random((places, areas)) * 100, int(rng.integers(-2, 2)))
    whole = rng.integers(0, 5, areas)
    whole[0] += 1
    expected = duels(scores, whole)
    assert aggregation.copeland(scores, whole * 0.1).tolist() == expected  # 0.1 + 0.2 against 0.3 is even
    assert aggregation.copeland(scores, whole / 3).tolist() == expected


@pytest.mark.parametrize("pairs", [1, 7, 64])
def test_copeland_is_the_same_in_blocks_of_any_size(pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    scores, weight = rng.integers(0, 9, (50, 10)).astype(float), rng.integers(1, 4, 10)
    monkeypatch.setattr(aggregation, "DUELS", pairs)
    assert aggregation.copeland(scores, weight.astype(float)).tolist() == duels(scores, weight)


def test_copeland_compares_more_than_65536_different_scores() -> None:
    """Dense ranks of so many need more than two bytes."""
    places = 66_000
    found = aggregation._dense_ranks(np.arange(places, dtype=float)[:, None])
    assert found[0].tolist() == list(range(places))


def test_copeland_takes_scores_that_differ_in_the_last_bit_for_equal() -> None:
    assert aggregation.copeland(np.array([[0.1 + 0.2, 5.0], [0.3, 5.0]]), np.ones(2)).tolist() == [0, 0]


def test_how_far_ahead_a_place_is_does_not_matter_to_copeland() -> None:
    scores = np.array([[100.0, 10, 10], [0, 11, 11], [0, 0, 0]])
    assert aggregation.copeland(scores, np.ones(3)).tolist() == [0, 2, -2]
    assert np.argmax(aggregation.arithmetic(scores, np.ones(3))) == 0


def test_the_geometric_mean_is_the_weighted_product() -> None:
    scores = np.array([[4.0, 9.0], [50.0, 2.0]])
    assert aggregation.geometric(scores, np.ones(2)) == pytest.approx([6.0, 10.0])
    assert aggregation.geometric(scores, np.array([3.0, 1.0])) == pytest.approx([4**0.75 * 9**0.25, 50**0.75 * 2**0.25])


@pytest.mark.parametrize("wrong", [0.0, 0.5, 101.0])
def test_the_geometric_mean_refuses_what_is_not_on_1_to_100(wrong: float) -> None:
    with pytest.raises(PipelineError, match="needs areas on 1 to 100"):
        aggregation.geometric(np.array([[50.0, wrong], [60.0, 70.0]]), np.ones(2))


def test_a_score_of_0_does_not_make_the_geometric_total_0_but_its_place_depends_on_the_scale() -> None:
    scores = np.array([[0.0, 100.0], [12.0, 20.0]])
    first, second = aggregation.geometric(aggregation.above_zero(scores), np.ones(2))
    assert 0 < first < second
    first, second = aggregation.geometric(10.0 + 0.9 * scores, np.ones(2))
    assert first > second


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_a_geometric_mean_never_exceeds_the_arithmetic_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, weight = rng.uniform(1, 100, (20, 4)), rng.uniform(0.1, 3, 4)
    assert (aggregation.geometric(scores, weight) <= aggregation.arithmetic(scores, weight) + 1e-9).all()


@every_mean
@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_neither_order_nor_scale_of_weights_changes_a_rank(mean: Kind, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, weight = np.round(rng.uniform(0, 100, (40, 10)), 1), rng.uniform(0.1, 3, 10)
    places, areas = rng.permutation(40), rng.permutation(10)
    straight = ranks.competition(mean(scores, weight))
    assert np.array_equal(ranks.competition(mean(scores[places], weight)), straight[places])
    assert np.array_equal(ranks.competition(mean(scores[:, areas], weight[areas])), straight)
    assert np.array_equal(ranks.competition(mean(scores[:, ::-1], weight[::-1])), straight)
    assert np.array_equal(ranks.competition(mean(scores, weight * rng.uniform(0.01, 100))), straight)


@every_mean
@given(SEEDS, st.floats(0, 50))
@settings(max_examples=40, deadline=None)
def test_a_better_area_never_costs_a_rank(mean: Kind, seed: int, gain: float) -> None:
    rng = np.random.default_rng(seed)
    scores, weight = np.round(rng.uniform(0, 50, (30, 5)), 0), rng.uniform(0.1, 3, 5)
    better = scores.copy()
    better[4, 2] += gain
    assert mean(better, weight)[4] >= mean(scores, weight)[4] - 1e-9
    assert ranks.competition(mean(better, weight))[4] <= ranks.competition(mean(scores, weight))[4]


@every_mean
@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_a_place_worse_in_every_area_changes_no_order_above_it(mean: Kind, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, weight = np.round(rng.uniform(5, 100, (30, 5)), 0), rng.uniform(0.1, 3, 5)
    more = np.vstack([scores, scores.min(axis=0) - 1])
    found = ranks.competition(mean(more, weight))
    assert np.array_equal(found[:-1], ranks.competition(mean(scores, weight)))
    assert found[-1] == 31


@pytest.mark.parametrize("mean", [aggregation.geometric, aggregation.copeland])
def test_an_area_left_out_for_everyone_is_left_out_and_one_that_a_place_lacks_is_no_total(mean: Kind) -> None:
    scores = np.random.default_rng(2).uniform(1, 100, (12, 4))
    weight = np.array([1.0, 2, 1, 0])
    gappy = scores.copy()
    gappy[:, 2] = np.nan
    gappy[:, 3] = np.where(np.arange(12) < 6, np.nan, 1.0)  # weighs nothing
    gappy[5, 0] = np.nan
    found = mean(gappy, weight)
    others = np.arange(12) != 5
    assert np.isnan(found[5])
    assert np.array_equal(found[others], mean(scores[others][:, :2], weight[:2]))
    assert np.isnan(mean(np.full((3, 2), np.nan), np.ones(2))).all()


@every_mean
def test_weights_that_are_negative_missing_unmatched_or_nothing_are_an_error(mean: Kind) -> None:
    scores = np.full((3, 2), 50.0)
    with pytest.raises(PipelineError, match="3 weights do not match 2 areas"):
        mean(scores, np.ones(3))
    for wrong in ([1.0, -0.1], [1.0, np.nan], [np.inf, 1.0], [0.0, 0.0]):
        with pytest.raises(PipelineError, match="must be 0 or more and not all 0"):
            mean(scores, np.array(wrong))


@pytest.mark.parametrize("mean", [aggregation.geometric, aggregation.copeland])
def test_infinite_areas_are_refused(mean: Kind) -> None:
    with pytest.raises(PipelineError, match="infinite"):
        mean(np.array([[np.inf, 1.0], [2.0, 3.0]]), np.ones(2))


def test_a_league_of_one_has_nobody_to_win_against() -> None:
    assert aggregation.copeland(np.array([[3.0, 4.0]]), np.ones(2)).tolist() == [0.0]
    assert aggregation.copeland(np.empty((0, 2)), np.ones(2)).tolist() == []


# trees

PARENT = np.array([3, 3, 4, 5, 5, -1])  # two indicators and one, in two pillars, in one index
WEIGHT = np.array([1.0, 3.0, 7.0, 2.0, 1.0, 1.0])


def test_weights_are_rescaled_inside_each_parent() -> None:
    scores = np.array([[10.0, 50.0, 100.0]])
    assert aggregation.roll_up(scores, PARENT, WEIGHT)[0].tolist() == pytest.approx(
        [10, 50, 100, 40, 100, (2 * 40 + 100) / 3]
    )


def test_what_is_missing_is_reweighted_inside_its_parent_only() -> None:
    scores = np.array([[np.nan, 50.0, 100.0], [np.nan, np.nan, 100.0]])
    found = aggregation.roll_up(scores, PARENT, WEIGHT)
    assert found[0, 3:].tolist() == pytest.approx([50, 100, (2 * 50 + 100) / 3])
    assert np.isnan(found[1, 3])
    assert found[1, 5] == pytest.approx(100)


@given(SEEDS, st.floats(0.01, 100))
@settings(max_examples=30, deadline=None)
def test_scaling_the_weights_of_one_parent_changes_nothing(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0, 100, (20, 3))
    scaled = np.where(PARENT == 3, WEIGHT * factor, WEIGHT)
    np.testing.assert_allclose(
        aggregation.roll_up(scores, PARENT, scaled), aggregation.roll_up(scores, PARENT, WEIGHT), rtol=1e-12
    )


def test_a_tree_of_two_levels_is_the_mean_of_the_ranking() -> None:
    """Indicators in areas in a total: the same as effective weights, re-weighted inside the area."""
    rng = np.random.default_rng(4)
    area, inside, between = np.array([0, 0, 0, 1, 1, 2]), rng.uniform(0.5, 2, 6), rng.uniform(0.5, 2, 3)
    scores = rng.uniform(0, 100, (40, 6))
    scores[rng.random(40) < 0.5, 1] = np.nan
    is_scored, no_flag = np.ones(6, dtype=bool), np.zeros(6, dtype=bool)
    effective = weights.effective(inside, area, between, is_scored, no_flag, 1.0)
    flat = aggregation.weighted_mean(scores, aggregation.unit_weights(~np.isnan(scores), effective, area))
    tree = aggregation.roll_up(
        scores, np.concatenate([area + 6, [9, 9, 9, -1]]), np.concatenate([inside, between, [1]])
    )
    np.testing.assert_allclose(tree[:, -1], flat, rtol=1e-12)


@pytest.mark.parametrize("parent", [[3, 3, 4, 5, 3, -1], [2, 3, 4, 5, 5, -1], [3, 3, 4, 5, 6, -1], [3, 3, 4, 5, 5, -2]])
def test_a_tree_in_which_a_parent_is_no_later_aggregate_is_an_error(parent: list[int]) -> None:
    with pytest.raises(PipelineError, match="have a parent that is an indicator, does not exist, or stands before"):
        aggregation.roll_up(np.ones((2, 3)), np.array(parent), WEIGHT)


def test_an_aggregate_of_nothing_and_unmatched_weights_are_errors() -> None:
    with pytest.raises(PipelineError, match="aggregate number 4 has no part"):
        aggregation.roll_up(np.ones((2, 3)), np.array([3, 3, 3, 5, 5, -1]), WEIGHT)
    with pytest.raises(PipelineError, match="5 weights for 6 nodes"):
        aggregation.roll_up(np.ones((2, 3)), PARENT, WEIGHT[:5])


# weights


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_noise_on_many_weights_averages_out_so_areas_get_their_own(seed: int) -> None:
    """50 weights that each vary by a quarter hardly move a score; the weights of ten areas do."""
    rng = np.random.default_rng(seed)
    area = np.arange(50) % 10
    score = rng.uniform(20, 80, 10)[area] + rng.uniform(-20, 20, 50)  # a place that is strong or weak by area
    is_scored, no_flag = np.ones(50, dtype=bool), np.zeros(50, dtype=bool)

    def spread(inside: float, between: float) -> float:
        noise = rng.uniform(-1, 1, (200, 60))
        totals = [
            weights.effective(1 + inside * draw[:50], area, 1 + between * draw[50:], is_scored, no_flag, 1.0) @ score
            for draw in noise
        ]
        return float(np.std(totals))

    assert 1.5 * spread(0.25, 0.0) < spread(0.25, 0.25)


@given(hnp.arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1e6)))
def test_checked_weights_are_shares_of_one(weight: Array) -> None:
    assume(weight.sum() > 1e-6)
    shares = weights.checked(weight, len(weight), "areas")
    assert shares.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(shares * weight.sum(), weight, rtol=1e-9, atol=1e-9)
