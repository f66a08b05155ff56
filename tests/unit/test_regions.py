"""Groups of places as units: means weighted by inhabitants, and their intervals from the places' own draws."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import regions
from pipeline.composite import draws, uncertainty
from pipeline.composite.regions import Groups, weighted_means
from pipeline.errors import PipelineError
from pipeline.regions import Regions

SEEDS = st.integers(0, 2**32 - 1)
POPULATION = np.array([1000.0, 3000.0, 500.0, 500.0])
GROUPS = Groups(3, np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 2, 1, 2, 3]))  # a place may be in many


def test_a_mean_is_weighted_by_inhabitants() -> None:
    """1,000 at 40 and 3,000 at 60 are 55; 3,000 at 60, 500 at 20 and 500 at 100 are 60."""
    scores = np.array([40.0, 60.0, 20.0, 100.0])
    assert weighted_means(scores, GROUPS, POPULATION) == pytest.approx([55, 20, 60])
    assert GROUPS.total(POPULATION).tolist() == [4000, 500, 4000]


@given(SEEDS, st.floats(0, 100))
def test_members_of_equal_scores_give_their_score(seed: int, score: float) -> None:
    rng = np.random.default_rng(seed)
    unit = rng.integers(20, size=60)
    groups = Groups(6, np.sort(np.append(np.arange(6), rng.integers(6, size=54))), unit)
    found = weighted_means(np.full(20, score), groups, rng.integers(1, 4_000_000, 20).astype(float))
    assert found == pytest.approx(np.full(6, score))


@given(SEEDS)
def test_a_mean_lies_between_its_members_and_does_not_depend_on_the_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, population = rng.uniform(0, 100, (3, 4)), rng.integers(1, 9999, 4).astype(float)
    found = weighted_means(scores, GROUPS, population)
    for group in range(3):
        members = scores[:, GROUPS.unit[GROUPS.group == group]]
        assert (found[:, group] <= members.max(axis=1) + 1e-9).all()
        assert (found[:, group] >= members.min(axis=1) - 1e-9).all()
    alone = GROUPS.pick(np.ones(4, dtype=bool), np.array([False, False, True]))
    assert (weighted_means(scores, alone, population)[:, 0] == found[:, 2]).all()


def test_only_some_places_and_groups() -> None:
    picked = GROUPS.pick(np.array([True, True, False, True]), np.array([True, False, True]))
    assert (picked.count, picked.group.tolist(), picked.unit.tolist()) == (2, [0, 0, 1, 1], [0, 1, 1, 3])


def test_a_group_without_a_member_has_no_mean() -> None:
    with pytest.raises(PipelineError, match="a group without a member has no mean"):
        weighted_means(POPULATION, GROUPS.pick(np.arange(4) != 2, np.ones(3, dtype=bool)), POPULATION)


def test_members_out_of_order_are_refused() -> None:
    with pytest.raises(PipelineError, match="groups in ascending order"):
        Groups(2, np.array([1, 0]), np.array([0, 1]))


def drawn(aggregation: tuple[str, ...], seed: int = 3) -> tuple[draws.Draws, np.ndarray, np.ndarray]:
    """Draws, what `uncertainty.simulate` would fill in for the four places, and the scores that it stands for."""
    made = draws.make(draws.Factors(aggregation=aggregation), seed, np.arange(1, 61), draws.Names(("a", "b"), ("i",)))
    made = made.by_scenario()
    scores = np.random.default_rng(seed).uniform(5, 95, (60, 4)).astype(np.float32)
    total = scores * np.float32(uncertainty.POINTS / 100)
    how = np.array(made.aggregation)
    total[how == draws.GEOMETRIC] = np.log(scores[how == draws.GEOMETRIC])
    total[how == draws.COPELAND] = scores[how == draws.COPELAND] // 40 + 3
    return made, total, scores


def listed(is_scored: list[bool], is_ranked: list[bool]) -> Regions:
    kinds = np.array(["district", "land", "land"], dtype=object)
    keys = np.array(["01", "02", "03"], dtype=object)
    return Regions(kinds, keys, GROUPS, np.array(is_scored), np.array(is_ranked), np.ones(3))


def test_intervals_are_those_of_the_draws_scored_one_by_one() -> None:
    """Arithmetic and geometric draws, and the places in the year at other positions than among the drawn ones."""
    made, total, scores = drawn((draws.ARITHMETIC, draws.GEOMETRIC))
    scored = SimpleNamespace(year=SimpleNamespace(matrix=SimpleNamespace(population=POPULATION)))
    found = regions.intervals(scored, listed([True] * 4, [True] * 3), np.arange(4), total, made)
    means = np.array([weighted_means(row.astype(float), GROUPS, POPULATION) for row in scores])
    expected = np.quantile(means, (0.05, 0.5, 0.95), axis=0).T
    assert found[["score_p05", "score_p50", "score_p95"]].to_numpy() == pytest.approx(expected, rel=1e-4)
    first = 1 + (means[:, 1] < means[:, 2])
    assert found["rank_p50"].tolist() == [1.0, *np.median([first, 3 - first], axis=1).tolist()]
    assert (found.loc[0, ["rank_p05", "rank_p95"]] == 1).all()  # alone among its kind


def test_members_without_a_score_are_left_out_and_the_others_keep_their_draws() -> None:
    made, total, scores = drawn((draws.ARITHMETIC,))
    scored = SimpleNamespace(year=SimpleNamespace(matrix=SimpleNamespace(population=POPULATION)))
    units = np.array([0, 1, 3])  # the third place has too few values to be drawn
    only = listed([True, True, False, True], [True, False, True])
    found = regions.intervals(scored, only, units, total[:, units], made)
    last = (3000 * scores[:, 1].astype(float) + 500 * scores[:, 3]) / 3500
    assert len(found) == 2
    assert found.loc[1, "score_p50"] == pytest.approx(np.median(last), rel=1e-4)


def test_wins_less_losses_rank_regions_and_are_no_scores() -> None:
    made, total, scores = drawn((draws.ARITHMETIC, draws.COPELAND))
    scored = SimpleNamespace(year=SimpleNamespace(matrix=SimpleNamespace(population=POPULATION)))
    found = regions.intervals(scored, listed([True] * 4, [True] * 3), np.arange(4), total, made)
    is_score = np.array(made.aggregation) == draws.ARITHMETIC
    means = np.array([weighted_means(row.astype(float), GROUPS, POPULATION) for row in scores[is_score]])
    assert found["score_p95"].to_numpy() == pytest.approx(np.quantile(means, 0.95, axis=0), rel=1e-4)
    assert found["rank_p95"].max() == 2
