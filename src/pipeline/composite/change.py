"""Why a rank changed: own data, the others' data, the method, the territory; and what of it is only new evidence.

Each of the four can stand at the year before or at the year: sixteen worlds, in each of which a place has a rank. The
Shapley value shares the change among the four so that the parts add up to it, whatever the order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import factorial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.composite import aggregation, ranks
from pipeline.composite.values import Bools, Floats, Ints
from pipeline.errors import PipelineError

T = TypeVar("T", np.float64, np.bool_)
FACTORS = ("own_data", "others_data", "method", "territory")
BEFORE, AFTER, KNOWN = 0, 1, 2
GRID = 2.0**20  # parts are multiples of 1 / GRID, so that their sum is exact


@dataclass(frozen=True)
class Side:
    """One set of one year. ags: (units,) sorted; scale: (units, indicators) nominal scores of 0 to 100 with everything
    filled; is_known: (units, indicators) what was not imputed; weight, area: (indicators,) nominal; ranked: league to
    (units,) who has a rank in it."""

    ags: Ints
    scale: Floats
    is_known: Bools
    weight: Floats
    area: Ints
    ranked: Mapping[str, Bools]


@dataclass(frozen=True)
class Change:
    """Places with a rank in both years. Ranks count down: a part above 0 is a rise. evidence: the method's part and
    what the own data owe to values that only one of the years knows or scores."""

    ags: Ints
    rank_previous: Ints
    rank: Ints
    parts: Mapping[str, Floats]
    evidence: Floats


def explain(before: Side, after: Side) -> dict[str, Change]:
    """League to the explained changes of its places. The two sides have the same indicators in the same order."""
    if before.scale.shape[1] != after.scale.shape[1]:
        raise PipelineError(
            f"a change between {before.scale.shape[1]} and {after.scale.shape[1]} indicators cannot be explained"
        )
    ags = np.union1d(before.ags, after.ags)
    scales = [_spread(side.scale, side.ags, ags, np.nan) for side in (before, after)]
    is_known = [_spread(side.is_known, side.ags, ags, False) for side in (before, after)]
    exists = [np.isin(ags, side.ags) for side in (before, after)]
    full = [np.where(exists[year][:, None], scales[year], scales[1 - year]) for year in (BEFORE, AFTER)]
    is_comparable = is_known[BEFORE] & is_known[AFTER] & (before.weight > 0) & (after.weight > 0)
    data = [*full, np.where(is_comparable, full[AFTER], full[BEFORE])]
    score = {
        (year, method): _scores(data[year], side.weight, side.area)
        for year in (BEFORE, AFTER, KNOWN)
        for method, side in enumerate((before, after))
    }
    found = {}
    for league in before.ranked.keys() & after.ranked.keys():
        members = [_spread(side.ranked[league], side.ags, ags, False) for side in (before, after)]
        found[league] = _explain_league(ags, score, members)
    return found


def _spread(values: NDArray[T], own: Ints, ags: Ints, empty: float | bool) -> NDArray[T]:
    result = np.full((len(ags), *values.shape[1:]), empty, dtype=values.dtype)
    result[np.searchsorted(ags, own)] = values
    return result


def _scores(scale: Floats, weight: Floats, area: Ints) -> Floats:
    each = aggregation.unit_weights(~np.isnan(scale) & (weight > 0), weight, area)
    return ranks.rounded(aggregation.weighted_mean(scale, each))


def _explain_league(ags: Ints, score: Mapping[tuple[int, int], Floats], members: list[Bools]) -> Change:
    places = np.flatnonzero(members[BEFORE] & members[AFTER])
    worlds: dict[tuple[int, ...], Ints] = {
        world: _ranks_among(score[world[0], world[2]][places], places, score[world[1], world[2]], members[world[3]])
        for world in product((BEFORE, AFTER, KNOWN), (BEFORE, AFTER), (BEFORE, AFTER), (BEFORE, AFTER))
    }
    first, last = worlds[BEFORE, BEFORE, BEFORE, BEFORE], worlds[AFTER, AFTER, AFTER, AFTER]
    parts = {name: _share(worlds, number, AFTER) for number, name in enumerate(FACTORS)}
    parts["territory"] = (first - last) - parts["own_data"] - parts["others_data"] - parts["method"]
    evidence = parts["method"] + parts["own_data"] - _share(worlds, 0, KNOWN)
    return Change(ags[places], first, last, parts, evidence)


def _ranks_among(own: Floats, places: Ints, others: Floats, is_member: Bools) -> Ints:
    """(places,): one more than the members ahead of each place's own score, the place itself not counted."""
    ordered = np.sort(others[is_member & ~np.isnan(others)])
    ahead = len(ordered) - np.searchsorted(ordered, own, side="right")
    is_counted = is_member[places] & (others[places] > own)
    return np.asarray(1 + ahead - is_counted)


def _share(worlds: Mapping[tuple[int, ...], Ints], factor: int, moved: int) -> Floats:
    """(places,): the factor's Shapley value of the rise in rank, to 1 / GRID; moved: where the factor moves to."""
    count = len(FACTORS)
    total = np.zeros(len(next(iter(worlds.values()))))
    for others in product((BEFORE, AFTER), repeat=count - 1):
        size = sum(others)
        orders = factorial(size) * factorial(count - 1 - size)
        still, there = ((*others[:factor], end, *others[factor:]) for end in (BEFORE, moved))
        total += orders * (worlds[still] - worlds[there])
    return np.asarray(np.round(total / factorial(count) * GRID) / GRID, dtype=float)
