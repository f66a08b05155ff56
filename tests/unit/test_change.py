"""Changes of rank explained: the parts add up, each means what it says, and new evidence is told apart."""

from __future__ import annotations

import dataclasses
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_composite import everyone, indicators, matrix, method

from pipeline.composite import change, ranks
from pipeline.composite.change import FACTORS, Side
from pipeline.composite.scoring import score_year
from pipeline.composite.strategy_gate import gated
from pipeline.errors import PipelineError

SEEDS = st.integers(0, 2**32 - 1)
UNITS, COLUMNS = 25, 6
AREA = np.repeat([0, 1, 2], 2)


def side(rng: np.random.Generator, ags: np.ndarray | None = None) -> Side:
    ags = np.arange(UNITS) if ags is None else ags
    shape = (len(ags), COLUMNS)
    return Side(
        ags=ags,
        scale=np.round(rng.uniform(0, 100, shape), 3),
        is_known=np.ones(shape, dtype=bool),
        weight=np.full(COLUMNS, 1 / COLUMNS),
        area=AREA,
        ranked={"all": np.ones(len(ags), dtype=bool)},
    )


def scores(one: Side) -> np.ndarray:
    return ranks.rounded(one.scale @ one.weight / one.weight.sum())


def test_nothing_changed_is_explained_by_nothing() -> None:
    one = side(np.random.default_rng(1))
    found = change.explain(one, one)["all"]
    assert np.array_equal(found.rank, found.rank_previous)
    assert all((part == 0).all() for part in [*found.parts.values(), found.evidence])


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_the_parts_add_up_exactly_whatever_changed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = side(rng, np.sort(rng.choice(40, UNITS, replace=False)))
    after = side(rng, np.sort(rng.choice(40, UNITS, replace=False)))
    weight = rng.uniform(0.1, 1, COLUMNS) * (rng.random(COLUMNS) > 0.3)
    weight[0] += 0.1
    known = rng.random(after.scale.shape) > 0.2
    after = dataclasses.replace(after, weight=weight / weight.sum(), is_known=known)
    found = change.explain(before, after)["all"]
    total = np.zeros(len(found.ags))
    for name in FACTORS:
        total = total + found.parts[name]
    assert np.array_equal(total, found.rank_previous - found.rank)
    places = np.isin(before.ags, found.ags)
    assert np.array_equal(found.rank_previous, ranks.competition(scores(before))[places])


def test_the_parts_are_the_mean_over_all_orders_in_which_the_four_can_change() -> None:
    rng = np.random.default_rng(3)
    before, after = side(rng), side(rng)
    after = dataclasses.replace(
        after,
        weight=np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1]),
        ranked={"all": np.arange(UNITS) != 24},
    )
    found = change.explain(before, after)["all"]

    def rank(place: int, moved: set[str]) -> int:
        def score_of(unit: int, factor: str) -> float:
            data = after if factor in moved else before
            weight = (after if "method" in moved else before).weight
            return float(np.round(data.scale[unit] @ weight / weight.sum(), 10))

        members = (after if "territory" in moved else before).ranked["all"]
        own = score_of(place, "own_data")
        return 1 + sum(members[u] and u != place and score_of(u, "others_data") > own for u in range(UNITS))

    for place in (0, 7, 19):
        expected = dict.fromkeys(FACTORS, 0.0)
        for order in permutations(FACTORS):
            moved: set[str] = set()
            for factor in order:
                expected[factor] += (rank(place, moved) - rank(place, moved | {factor})) / 24
                moved.add(factor)
        for factor in FACTORS:
            assert found.parts[factor][place] == pytest.approx(expected[factor], abs=1e-5)


def test_who_alone_moves_owes_it_to_own_data_and_all_others_to_the_others() -> None:
    before = side(np.random.default_rng(4))
    scale = before.scale.copy()
    last = int(np.argmin(scores(before)))
    scale[last] = 100.0
    found = change.explain(before, dataclasses.replace(before, scale=scale))["all"]
    assert found.rank[last] == 1
    assert found.parts["own_data"][last] == UNITS - 1
    others = np.arange(UNITS) != last
    assert (found.parts["others_data"][others] == -1).all()
    assert (found.parts["own_data"][others] == 0).all()
    assert (found.evidence == 0).all()


def test_who_leaves_the_league_is_territory() -> None:
    before = side(np.random.default_rng(5))
    first = int(np.argmax(scores(before)))
    after = dataclasses.replace(before, ranked={"all": np.arange(UNITS) != first})
    found = change.explain(before, after)["all"]
    assert first not in found.ags
    assert (found.parts["territory"] == 1).all()


def test_what_is_scored_for_the_first_time_is_evidence_and_not_progress() -> None:
    """A list that first appears: nobody knew of it before, so the rise of whoever stands in it says nothing."""
    rng = np.random.default_rng(6)
    before = side(rng)
    without = np.array([1, 1, 1, 1, 1, 0]) / 5
    before = dataclasses.replace(before, weight=without)
    scale = before.scale.copy()
    scale[:, 5] = np.where(np.arange(UNITS) < 12, 100.0, 0.0)
    after = dataclasses.replace(before, scale=scale, weight=np.full(COLUMNS, 1 / COLUMNS))
    found = change.explain(before, after)["all"]
    own = found.parts["own_data"] + found.parts["method"]
    np.testing.assert_allclose(found.evidence, own, atol=1e-5)
    assert (np.abs(found.evidence) > 0).sum() > 10


def test_a_value_that_was_imputed_before_is_evidence_too() -> None:
    before = side(np.random.default_rng(7))
    known = before.is_known.copy()
    last = int(np.argmin(scores(before)))
    known[last, 0] = False
    scale = before.scale.copy()
    scale[last, 0] = 100.0
    after = dataclasses.replace(before, scale=scale)
    moved = change.explain(dataclasses.replace(before, is_known=known), after)["all"]
    assert moved.parts["own_data"][last] > 0
    assert moved.evidence[last] == moved.parts["own_data"][last]
    progress = change.explain(before, after)["all"]
    assert progress.parts["own_data"][last] == moved.parts["own_data"][last]
    assert progress.evidence[last] == 0


def test_years_with_other_indicators_cannot_be_explained() -> None:
    one = side(np.random.default_rng(8))
    other = dataclasses.replace(one, scale=one.scale[:, :3])
    with pytest.raises(PipelineError, match="between 6 and 3 indicators"):
        change.explain(one, other)


def test_a_league_of_one_has_no_change_but_by_territory() -> None:
    one = side(np.random.default_rng(9))
    alone = dataclasses.replace(one, ranked={"all": np.arange(UNITS) == 3})
    found = change.explain(alone, alone)["all"]
    assert found.rank.tolist() == [1]
    assert found.ags.tolist() == [3]
    wider = change.explain(one, alone)["all"]
    assert wider.parts["territory"][0] == wider.rank_previous[0] - 1


def test_without_a_strategy_implementation_counts_up_to_the_limit() -> None:
    m = matrix(np.random.default_rng(10))
    declared = indicators()
    result = score_year(m, declared, everyone(m), method(m, declared)).sets["all"]
    has = np.arange(len(m.values)) % 2 == 0
    limit = float(np.median(result.implementation))
    found = gated(result, declared.is_implementation, has, limit)
    assert np.array_equal(found[has], result.score[has])
    low = ~has & (result.implementation <= limit)
    assert np.array_equal(found[low], result.score[low])
    high = ~has & (result.implementation > limit)
    assert (found[high] < result.score[high]).all()
    doing = (result.weight * declared.is_implementation).sum(axis=1)
    expected = (1 - doing) * result.potential + doing * np.minimum(result.implementation, limit)
    np.testing.assert_allclose(found[high], expected[high], atol=1e-8)
