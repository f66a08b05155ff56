"""Ranks in many draws at once: blocks of draws as matrix products, one sort per draw, quantiles at the end.

What a draw is stands in `scoring.score_year(draw=...)`, in float64 and one at a time; here the same draws are made
fast, in float32, and once for all places that are alike in an area. Scores of indicators and weights inside areas are
whole numbers so small that sums of products are exact: block size, threads, the order of places and the kind of
processor change no bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.composite import aggregation, draws, ranks
from pipeline.composite.draws import LEVELS, Draws
from pipeline.composite.noise import Noise
from pipeline.composite.ranks import Grouping, Ranks
from pipeline.composite.scoring import IndicatorSet, Method, Scale, SetScores, Stages, scale_of
from pipeline.composite.values import Bools, Floats, Indicators, Ints
from pipeline.composite.weights import drawn, without_area
from pipeline.errors import PipelineError

Floats32 = NDArray[np.float32]
POINTS = 8000  # a score of 100; with weights that sum to at most WEIGHTS every sum stays below 2 ** 24
WEIGHTS = 2048
BLOCK = 16  # draws at a time: what fits into the cache of one processor
TOTAL = -1  # the number of the total among the areas' numbers
QUANTILES = (0.05, 0.5, 0.95)
PIECE = 200_000  # multiplications in one matrix product
CHUNK = 256  # units at a time when quantiles are taken
PIECES = 64  # draws at a time when they are turned to stand behind each other
SEPARATED = 0.95  # the share of draws in which a group's first place is ahead of the next group's


@dataclass(frozen=True)
class Problem:
    """What the draws of one indicator set and year work on: available units and scored indicators only.

    ags: (units,); indicators: (indicators,) numbers in the draws' names; area: (indicators,) their areas; weight:
    (indicators,) nominal; there: (units, indicators), every unit has something in every area; scores: treatment and
    normalisation to scores of 0 to 100 (units, indicators); noise: uncertain cells, by position in these arrays;
    drawn_scores: the same as `scores` for the values (rows, LEVELS) that the cells of one noise take.
    """

    ags: Ints
    indicators: Ints
    area: Ints
    weight: Floats
    there: Bools
    scores: Callable[[str, str], Floats]
    noise: Sequence[Noise]
    drawn_scores: Callable[[Noise, str, str], Floats]

    def __post_init__(self) -> None:
        for number in np.unique(self.area):
            lacking = ~self.there[:, self.area == number].any(axis=1)
            if lacking.any():
                raise PipelineError(
                    f"uncertainty: {int(lacking.sum())} units have no value in area number {number}, the first is "
                    f"{self.ags[lacking][0]:08d}; screening comes first"
                )


def problem(
    steps: Stages, indicators: Indicators, method: Method, chosen: IndicatorSet, result: SetScores, ags: Ints
) -> Problem:
    """The draws' problem from the stages and the nominal result of a set."""
    units, columns = np.flatnonzero(result.is_available), np.flatnonzero(result.choice.is_scored)
    unit_at, column_at = np.full(len(ags), -1), np.full(len(indicators.area), -1)
    unit_at[units], column_at[columns] = np.arange(len(units)), np.arange(len(columns))
    of_places = Stages(steps.shrunk[chosen.is_place], steps.filled[chosen.is_place], steps.noise)
    everyone, place = (
        np.ones(len(of_places.filled), dtype=bool),
        np.searchsorted(np.flatnonzero(chosen.is_place), units),
    )
    scale = {
        (treatment, kind): scale_of(of_places, indicators, method, everyone, result.choice.is_scored, treatment, kind)
        for treatment in draws.CHOICES["treatment"]
        for kind in draws.CHOICES["normalisation"]
    }
    noise = []
    for part in steps.noise:
        is_in = unit_at[part.units] >= 0
        if column_at[part.indicator] >= 0 and is_in.any():
            rows, row = np.unique(part.row[is_in], return_inverse=True)
            position = int(column_at[part.indicator])
            noise.append(Noise(part.factor, position, unit_at[part.units[is_in]], row, part.values[rows]))
    return Problem(
        ags=ags[units],
        indicators=columns,
        area=result.choice.area[columns],
        weight=result.nominal[columns],
        there=~np.isnan(steps.filled[np.ix_(units, columns)]),
        scores=lambda treatment, kind: scale[treatment, kind][0][np.ix_(place, columns)],
        noise=noise,
        drawn_scores=lambda part, treatment, kind: _drawn_scores(
            part, int(columns[part.indicator]), scale[treatment, kind][1]
        ),
    )


def _drawn_scores(part: Noise, indicator: int, scale: Scale) -> Floats:
    result = np.empty(part.values.size)
    result[part.order] = scale(indicator, part.values.ravel()[part.order])
    return result.reshape(part.values.shape)


@dataclass(frozen=True)
class _Kinds:
    """Places that are alike in all that an area's ranks rest on in any draw, so that one of them is scored and ranked
    for all: many values are a district's. first, sizes: (kinds,) one of them, and how many; of: (units,)."""

    first: Ints
    sizes: Ints
    of: Ints


@dataclass(frozen=True)
class _Drawn:
    """Cells of one indicator that are drawn, each a kind (at) of its own: table holds their points, a row of LEVELS and
    then the nominal ones."""

    noise: Noise
    column: int
    at: Ints
    start: Ints
    table: NDArray[np.uint16]
    is_everyone: bool


@dataclass(frozen=True)
class _Area:
    """One area's indicators under one treatment and normalisation: points (indicators, kinds), drawn cells at 0."""

    points: Floats32
    drawn: list[_Drawn]


def simulate(
    problem: Problem,
    made: Draws,
    passes: Sequence[Grouping],
    threads: int = 1,
    block: int = BLOCK,
    total: Floats32 | None = None,
) -> Iterator[tuple[int, Ints, list[Ranks]]]:
    """For every area's number, then for TOTAL: of which kind a place is (units,), and the ranks of the kinds (draws,
    kinds) in each pass of leagues, 0 outside them.

    The rows follow `made`, which is best sorted by scenario; the arrays are used again for the next area. total:
    (draws, units) of zeros, to be filled with what the totals are ranked by: points, logarithms where the mean is
    geometric.
    """
    units = len(problem.ags)
    total = np.zeros((len(made), units), dtype=np.float32) if total is None else total
    kind = np.uint16 if units < 2**16 else np.uint32
    room: list[Ranks] = [np.empty(total.size, dtype=kind) for _ in passes]
    runs = _runs(made, block)
    inside, outside = _weights(problem, made)
    points = {scenario: _points(problem.scores(*scenario)) for scenario in sorted({run[1:3] for run in runs})}
    duels: list[tuple[int, Floats32]] = []
    with ThreadPoolExecutor(threads) as pool:
        each = map if threads == 1 else pool.map  # memory that another thread gave back is touched anew each time
        for number in np.unique(problem.area).tolist():
            columns = np.flatnonzero(problem.area == number)
            kinds = _kinds(problem, columns, list(points.values()), passes)
            there = problem.there[np.ix_(kinds.first, columns)].T.astype(np.float32)
            mask = None if there.all() else there
            areas = {scenario: _area(problem, made, columns, scenario, points[scenario], kinds) for scenario in points}
            groups = [ranks.merged(group, kinds.first, kinds.sizes) for group in passes]
            found = [_shaped(some, len(made), len(kinds.first)) for some in room]
            held = np.empty_like(total) if draws.COPELAND in made.aggregation else None

            def score_area(
                run: tuple[slice, str, str, str],
                number: int = number,
                columns: Ints = columns,
                kinds: _Kinds = kinds,
                mask: Floats32 | None = mask,
                areas: dict[tuple[str, str], _Area] = areas,
                groups: list[Grouping] = groups,
                found: list[Ranks] = found,
                held: Floats32 | None = held,
            ) -> None:
                rows, treatment, normalisation, how = run
                scores = _area_scores(problem, made, areas[treatment, normalisation], inside[rows, columns], mask, rows)
                ranks.competition_rows(scores, groups, [ranked[rows] for ranked in found])
                if how == draws.COPELAND and held is not None:
                    held[rows] = scores.take(kinds.of, axis=1)
                    return
                if how == draws.GEOMETRIC:
                    scores = LOGARITHMS[(scores * 4).astype(np.intp)]
                scores *= outside[rows, number, None]
                total[rows] += scores.take(kinds.of, axis=1)

            list(each(score_area, runs))
            if held is not None:
                duels.append((number, held))
            yield number, kinds.of, found

        found = [_shaped(some, len(made), units) for some in room]

        def rank_total(run: tuple[slice, str, str, str]) -> None:
            rows = run[0]
            if run[3] == draws.COPELAND:
                for row in range(rows.start, rows.stop):
                    scores = np.stack([held[row] for _, held in duels], axis=1).astype(float)
                    won = aggregation.copeland(scores, outside[row, [n for n, _ in duels]].astype(float))
                    total[row] = won + units  # not below 0
            ranks.competition_rows(total[rows], passes, [ranked[rows] for ranked in found])

        list(each(rank_total, runs))
        yield TOTAL, np.arange(units), found


LOGARITHMS = np.log(aggregation.above_zero((np.arange(4 * POINTS + 1) + 0.5) / (4 * POINTS) * 100.0)).astype(np.float32)


def totals(problem: Problem, made: Draws, threads: int = 1) -> Floats32:
    """(draws, units): scores of 0 to 100, 1 to 100 where the mean is geometric, wins less losses with Copeland."""
    result = np.zeros((len(made), len(problem.ags)), dtype=np.float32)
    for _ in simulate(problem, made, [], threads, total=result):
        pass
    return as_scores(result, made)


def as_scores(total: Floats32, made: Draws) -> Floats32:
    """The totals that `simulate` filled (draws, units) as `totals` gives them."""
    result, how = total.copy(), np.array(made.aggregation)
    result[how == draws.ARITHMETIC] *= 100.0 / POINTS
    result[how == draws.GEOMETRIC] = np.exp(result[how == draws.GEOMETRIC])
    result[how == draws.COPELAND] -= total.shape[1]
    return result


def _runs(made: Draws, block: int) -> list[tuple[slice, str, str, str]]:
    """Neighbouring draws of one scenario, at most `block` of them."""
    scenarios, runs, first = made.scenarios, [], 0
    for row in range(1, len(scenarios) + 1):
        if row == len(scenarios) or scenarios[row] != scenarios[first] or row - first == block:
            runs.append((slice(first, row), *scenarios[first]))
            first = row
    return runs


def _weights(problem: Problem, made: Draws) -> tuple[Floats32, Floats32]:
    """Whole numbers inside each area (draws, indicators), and the areas' shares of the total (draws, areas)."""
    on_indicators = made.indicator_weight[:, problem.indicators]
    noisy = drawn(problem.weight, problem.area, on_indicators, made.area_weight)
    areas = made.area_weight.shape[1]
    inside = np.zeros(noisy.shape)
    outside = np.zeros((len(made), areas))
    for number in np.unique(problem.area):
        members = problem.area == number
        outside[:, number] = noisy[:, members].sum(axis=1)
        inside[:, members] = np.floor(np.round(WEIGHTS * noisy[:, members] / outside[:, number, None], 6))
    outside = without_area(outside, made.left_out)
    return inside.astype(np.float32), (outside / outside.sum(axis=1, keepdims=True)).astype(np.float32)


def _points(scores: Floats) -> Floats32:
    """(indicators, units) whole numbers; a missing value is 0, and its weight is not counted."""
    return np.ascontiguousarray(np.rint(np.nan_to_num(scores) * (POINTS / 100.0)).T.astype(np.float32))


def _kinds(problem: Problem, columns: Ints, points: Sequence[Floats32], passes: Sequence[Grouping]) -> _Kinds:
    """Same points in every scenario, same gaps, same leagues, and nothing drawn: random numbers are a place's own."""
    units = np.arange(len(problem.ags))
    is_drawn = np.zeros(len(units), dtype=bool)
    for part in problem.noise:
        is_drawn[part.units] |= part.indicator in columns
    parts = [*(some[columns].T.astype(np.uint16) for some in points), problem.there[:, columns]]
    parts += [group.step[:, None] for group in passes] + [np.where(is_drawn, units + 1, 0)[:, None]]
    rows = np.hstack([np.ascontiguousarray(part).view(np.uint8) for part in parts])
    alike = rows.view(np.dtype((np.void, rows.shape[1]))).ravel()
    _, first, of, sizes = np.unique(alike, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    return _Kinds(first[order], sizes[order], np.argsort(order)[of])


def _shaped(room: Ranks, draws: int, kinds: int) -> Ranks:
    return room[: draws * kinds].reshape(draws, kinds)


def _area(
    problem: Problem, made: Draws, columns: Ints, scenario: tuple[str, str], points: Floats32, kinds: _Kinds
) -> _Area:
    mine = points[np.ix_(columns, kinds.first)]
    found = []
    for part in problem.noise:
        if part.indicator not in columns or not getattr(made.factors, part.factor):
            continue
        column = int(np.flatnonzero(columns == part.indicator)[0])
        table = np.empty((len(part.values), LEVELS + 1), dtype=np.uint16)
        table[:, :LEVELS] = np.rint(problem.drawn_scores(part, *scenario) * (POINTS / 100.0))
        at = kinds.of[part.units]
        table[part.row, LEVELS] = mine[column, at]
        mine[column, at] = 0.0
        is_everyone = np.array_equal(at, np.arange(len(kinds.first)))
        found.append(_Drawn(part, column, at, part.row * (LEVELS + 1), table, is_everyone))
    return _Area(mine, found)


def _area_scores(
    problem: Problem, made: Draws, area: _Area, weight: Floats32, mask: Floats32 | None, rows: slice
) -> Floats32:
    """(draws, kinds): weighted means in points, re-weighted where a value is missing."""
    scores = _product(weight, area.points)
    for cells in area.drawn:
        part = cells.noise
        name = made.names.indicators[problem.indicators[part.indicator]]
        numbers = getattr(made, part.factor)[rows]
        level = draws.levels(made.seed, part.factor, name, problem.ags[part.units], numbers)
        values = cells.table.take(cells.start + level) * weight[:, cells.column, None]
        if cells.is_everyone:
            scores += values
        else:
            scores[:, cells.at] += values
    scores /= weight.sum(axis=1, keepdims=True) if mask is None else _product(weight, mask)
    return scores


def _product(weight: Floats32, points: Floats32) -> Floats32:
    """weight @ points, in pieces for which the library underneath starts no threads of its own: they would wait for
    each other longer than they work, and the threads and processes of a build are ours to choose."""
    result = np.empty((len(weight), points.shape[1]), dtype=np.float32)
    width = max(PIECE // weight.size, 1)
    for first in range(0, points.shape[1], width):
        np.matmul(weight, points[:, first : first + width], out=result[:, first : first + width])
    return result


def quantiles(values: Ranks | NDArray[np.int32] | Floats32, probabilities: Sequence[float] = QUANTILES) -> Floats:
    """(units, probabilities): type-7 quantiles over draws (draws, units)."""
    count, units = values.shape
    result = np.empty((units, len(probabilities)))
    at = (count - 1) * np.asarray(probabilities)
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, count - 1)
    room = np.empty((CHUNK, count), dtype=values.dtype)
    for first in range(0, units, CHUNK):
        some = room[: units - first]
        for draw in range(0, count, PIECES):
            some[:, draw : draw + PIECES] = values[draw : draw + PIECES, first : first + CHUNK].T
        some.sort(axis=1)
        below = some[:, low].astype(float)
        result[first : first + CHUNK] = below + (at - low) * (some[:, high] - below)
    return result


def ahead_of_next(drawn_ranks: Ranks, order: Ints) -> Floats:
    """(units,): the share of draws in which a unit is ahead of the next one in the order, NaN for the last.

    order: positions, the best first; whoever is not in it is NaN.
    """
    result = np.full(drawn_ranks.shape[1], np.nan)
    for first in range(0, len(order) - 1, CHUNK):
        mine, others = order[first : first + CHUNK], order[first + 1 : first + CHUNK + 1]
        mine = mine[: len(others)]
        result[mine] = (drawn_ranks[:, mine] < drawn_ranks[:, others]).mean(axis=0)
    return result


def rank_groups(drawn_ranks: Ranks, nominal: Ints, order: Ints) -> Ints:
    """(units,) groups from 1, 0 for whoever is not in the order: a new one starts at the first unit that the group's
    first unit is ahead of in 95 % of the draws. nominal: (units,) ranks; units that share one share the group."""
    result = np.zeros(drawn_ranks.shape[1], dtype=np.int64)
    group, first = 0, 0
    while first < len(order):
        group += 1
        ahead = drawn_ranks[:, order[first]]
        last = first + 1
        while last < len(order):
            some = order[last : last + CHUNK]
            is_separate = (ahead[:, None] < drawn_ranks[:, some]).mean(axis=0) >= SEPARATED
            is_separate &= nominal[some] != nominal[order[last - 1 : last - 1 + len(some)]]
            if is_separate.any():
                last += int(np.argmax(is_separate))
                break
            last += len(some)
        result[order[first:last]] = group
        first = last
    return result
