"""Which indicators, areas and units are good enough to be scored. Decided on raw availability, before imputation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.composite.values import Bools, Floats, Indicators, Ints, Matrix

SCORED, NOT_IN_SET, COVERAGE, CONSTANT, AREA_TOO_THIN = (
    "scored",
    "not_in_set",
    "coverage",
    "constant",
    "area_too_thin",
)
JOINED, LEFT_OUT = "joined", "left_out"


@dataclass(frozen=True)
class Choice:
    """What is scored in one indicator set of one year.

    status: (indicators,) one of the words above; area: (indicators,) the area it is scored in;
    area_status: (areas,) scored, joined or left_out; coverage: (indicators,) share of the set's places.
    """

    status: list[str]
    area: Ints
    area_status: list[str]
    coverage: Floats

    @property
    def is_scored(self) -> Bools:
        return np.array([s == SCORED for s in self.status], dtype=bool)


def choose(
    matrix: Matrix,
    indicators: Indicators,
    in_set: Bools,
    is_place: Bools,
    joins: Ints,
    minimum_coverage: float,
    area_minimum: int,
) -> Choice:
    """Indicators by coverage, then areas by number.

    in_set: (indicators,); is_place: (units,) the set's places; joins: (areas,) the neighbour or -1. An area
    rests on `area_minimum` indicators, or on two of which one is a dated continuous value that most places have
    of their own; else its indicators join the neighbour, or the area is left out for everyone.
    """
    values = matrix.values[is_place]
    there = ~np.isnan(values)
    places = max(len(values), 1)
    coverage = there.sum(axis=0) / places
    is_own = (there & ~matrix.is_inherited[is_place]).sum(axis=0) / places >= minimum_coverage
    status = [
        _indicator_status(bool(in_set[k]), coverage[k], values[there[:, k], k], minimum_coverage)
        for k in range(values.shape[1])
    ]
    area = indicators.area.copy()
    area_status = [SCORED] * len(joins)
    for number in sorted(range(len(joins)), key=lambda a: joins[a] < 0):  # joining areas before their neighbours
        members = [k for k in range(len(status)) if status[k] == SCORED and area[k] == number]
        continuous = any(is_own[k] and not indicators.is_flag[k] for k in members)
        if len(members) >= area_minimum or (len(members) == 2 and continuous):
            continue
        if members and joins[number] >= 0:
            area[members] = joins[number]
            area_status[number] = JOINED
            continue
        area_status[number] = LEFT_OUT
        for k in members:
            status[k] = AREA_TOO_THIN
    return Choice(status, area, area_status, coverage)


def _indicator_status(in_set: bool, coverage: float, values: Floats, minimum: float) -> str:
    if not in_set:
        return NOT_IN_SET
    if coverage < minimum:
        return COVERAGE
    if len(np.unique(values)) == 1:
        return CONSTANT
    return SCORED


def area_availability(there: Bools, weights: Floats, area: Ints, areas: int) -> Floats:
    """(units, areas): the share of each area's weight that a unit has values for; NaN for an area without weight."""
    shares = np.full((there.shape[0], areas), np.nan)
    for number in range(areas):
        members = (area == number) & (weights > 0)
        if members.any():
            shares[:, number] = (there[:, members] * weights[members]).sum(axis=1) / weights[members].sum()
    return shares


def is_available(there: Bools, by_area: Floats, minimum_area: float, minimum_share: float) -> Bools:
    """(units,): enough of every scored area, and enough of all indicators. `there`: scored indicators only."""
    share = there.mean(axis=1) if there.shape[1] else np.zeros(there.shape[0])
    enough = np.isnan(by_area) | (by_area >= minimum_area - 1e-9)
    return np.asarray((share >= minimum_share - 1e-9) & enough.all(axis=1))
