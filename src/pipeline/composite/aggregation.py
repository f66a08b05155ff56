"""Weighted arithmetic means, with what is missing re-weighted inside its area and nowhere else.

Between areas there are two alternatives. `geometric` lets a strong area make up for a weak one only in part.
`copeland` compares places two by two and counts the comparisons won, so that how far ahead a place is in an area
does not matter (OECD/JRC Handbook, non-compensatory aggregation).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.composite import weights as shares
from pipeline.composite.ranks import rounded
from pipeline.composite.values import Bools, Floats, Ints
from pipeline.errors import PipelineError

GEOMETRIC_LEAST, GEOMETRIC_MOST = 1.0, 100.0
DUELS = 1 << 19  # pairs of places compared at a time: the work stays in the cache
THREADS = 2
DIGITS = 5  # areas whose outcomes, in base 3, fit one byte


def unit_weights(there: Bools, weights: Floats, area: Ints) -> Floats:
    """(units, indicators): each unit's own effective weights; a missing value's weight goes to its area's others."""
    result: Floats = there * weights
    for number in np.unique(area[weights > 0]):
        members = (area == number) & (weights > 0)
        have = result[:, members].sum(axis=1, keepdims=True)
        full = weights[members].sum()
        scale = np.divide(full, have, out=np.zeros_like(have), where=have > 0)
        result[:, members] *= scale
    return result


def weighted_mean(scores: Floats, weights: Floats) -> Floats:
    """(units,): sum of weight x score over sum of weights; NaN where a unit has no weight.

    scores, weights: (units, indicators), NaN scores have weight 0.
    """
    total = weights.sum(axis=1)
    points = (np.where(weights > 0, scores, 0.0) * weights).sum(axis=1)
    return np.asarray(np.divide(points, total, out=np.full(len(total), np.nan), where=total > 0))


def area_scores(scores: Floats, weights: Floats, area: Ints, areas: int) -> Floats:
    """(units, areas): the weighted mean inside each area."""
    columns = [weighted_mean(scores[:, area == number], weights[:, area == number]) for number in range(areas)]
    return np.stack(columns, axis=1)


def arithmetic(area_score: Floats, area_weight: Floats) -> Floats:
    """(units,): the weighted mean of areas (units, areas), weights (areas,); what a unit lacks is re-weighted."""
    share = shares.checked(area_weight, area_score.shape[1], "areas")
    return weighted_mean(area_score, ~np.isnan(area_score) * share)


def roll_up(
    scores: Floats, parent: Ints, weight: Floats, mean: Callable[[Floats, Floats], Floats] = arithmetic
) -> Floats:
    """(units, nodes): indicators (units, indicators) and, after them, every aggregate of a tree of any height.

    Node numbers count the indicators first. parent: (nodes,) the node that a node is part of, -1 for the top, always
    a later one; weight: (nodes,) within the parent, on any scale; mean: of (units, parts) with weights (parts,).
    """
    nodes, indicators = len(parent), scores.shape[1]
    numbers = np.arange(nodes)
    is_misplaced = (parent != -1) & ((parent <= numbers) | (parent < indicators) | (parent >= nodes))
    if is_misplaced.any() or weight.shape != parent.shape:
        raise PipelineError(
            f"{weight.size} weights for {nodes} nodes, of which {np.flatnonzero(is_misplaced).tolist()} have a parent "
            "that is an indicator, does not exist, or stands before its part"
        )
    result = np.full((len(scores), nodes), np.nan)
    result[:, :indicators] = scores
    for node in range(indicators, nodes):
        parts = parent == node
        if not parts.any():
            raise PipelineError(f"aggregate number {node} has no part: there is nothing to take the mean of")
        result[:, node] = mean(result[:, parts], weight[parts])
    return result


def above_zero(scores: Floats) -> Floats:
    """Scores of 0 to 100 on 1 to 100, for the geometric mean, whose result depends on this choice of the least."""
    return GEOMETRIC_LEAST + (GEOMETRIC_MOST - GEOMETRIC_LEAST) / 100.0 * scores


def geometric(area_score: Floats, area_weight: Floats) -> Floats:
    """(units,): the weighted geometric mean of areas (units, areas) on 1 to 100, weights (areas,).

    An area that nobody has a score in is left out for everyone; NaN for a unit that lacks any other. A score outside
    1 to 100 is an error: one 0 would make the total 0 whatever the other areas are (`above_zero`).
    """
    scores, weight = _scored_areas(area_score, area_weight)
    if (scores < GEOMETRIC_LEAST - 1e-9).any() or (scores > GEOMETRIC_MOST + 1e-9).any():
        raise PipelineError(
            f"a geometric mean needs areas on {GEOMETRIC_LEAST:g} to {GEOMETRIC_MOST:g}, found "
            f"{np.nanmin(scores):g} to {np.nanmax(scores):g}; put them there first (aggregation.above_zero)"
        )
    return np.asarray(np.exp(np.log(scores) @ weight))


def copeland(area_score: Floats, area_weight: Floats) -> Floats:
    """(units,): comparisons won less lost, each against every other; area scores (units, areas), weights (areas,).

    A unit wins against another where the areas in which it is ahead weigh more than those in which it is behind. Equal
    scores (rounded as for ranks) and equal sums of weights are neither won nor lost, exactly. Areas nobody has a score
    in are left out; a unit that lacks any other is NaN and is not compared.
    """
    scores, weight = _scored_areas(area_score, area_weight)
    is_compared = ~np.isnan(scores).any(axis=1)
    levels = _dense_ranks(scores[is_compared])
    result = np.full(len(scores), np.nan)
    result[is_compared] = _wins_less_losses(levels, weight)
    return result


def _scored_areas(area_score: Floats, area_weight: Floats) -> tuple[Floats, Floats]:
    """Areas that have a weight and a score for anyone, with their shares of the weight."""
    share = shares.checked(area_weight, area_score.shape[1], "areas")
    if np.isinf(area_score).any():
        raise PipelineError("an area score is infinite; missing is NaN (values.finite)")
    scored = (share > 0) & ~np.isnan(area_score).all(axis=0)
    if not scored.any():
        return np.full((len(area_score), 1), np.nan), np.ones(1)
    return area_score[:, scored], shares.checked(share[scored], int(scored.sum()), "areas")


def _dense_ranks(scores: Floats) -> NDArray[np.unsignedinteger]:
    """(areas, units): the number of different lower scores in the area, in as few bytes as hold it."""
    kind = np.min_scalar_type(max(len(scores) - 1, 0))
    return np.array([np.unique(column, return_inverse=True)[1] for column in rounded(scores).T]).astype(kind)


def _wins_less_losses(levels: NDArray[np.unsignedinteger], weight: Floats) -> Floats:
    """(units,): of levels (areas, units). Every pair is compared once, in blocks of units against all later ones."""
    units = levels.shape[1]
    tables = _margins(weight)

    def compare(block: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Wins less losses of the block's units, and losses less wins of all units after the block."""
        first, last = block
        outcome = _outcome(levels[:, first:last, None], levels[:, None, first:], tables)
        return outcome.sum(axis=1, dtype=np.int64), outcome[:, last - first :].sum(axis=0, dtype=np.int64)

    blocks, last = [], 0
    while last < units:
        first, last = last, min(last + max(DUELS // (units - last), 1), units)
        blocks.append((first, last))
    result = np.zeros(units)
    with ThreadPoolExecutor(THREADS) as threads:
        for (first, last), (won, lost) in zip(blocks, threads.map(compare, blocks), strict=True):
            result[first:last] += won
            result[last:] -= lost
    return result


def _outcome(
    ours: NDArray[np.unsignedinteger], theirs: NDArray[np.unsignedinteger], tables: list[NDArray[Any]]
) -> NDArray[np.int8]:
    """(ours, theirs): 1 won, 0 even, -1 lost; of dense ranks (areas, ours, 1) and (areas, 1, theirs).

    Which areas are won, even or lost is a number in base 3 by which the margin is looked up, so that weights are added
    once per pattern and not once per pair.
    """
    margins = []
    for number, table in enumerate(tables):
        halves = []
        for begin in (2 * number * DIGITS, (2 * number + 1) * DIGITS):
            code = np.zeros(np.broadcast_shapes(ours.shape[1:], theirs.shape[1:]), dtype=np.uint8)
            for own, other in zip(ours[begin : begin + DIGITS], theirs[begin : begin + DIGITS], strict=True):
                code += code + code
                code += (own > other).view(np.uint8)
                code += (own >= other).view(np.uint8)
            halves.append(code)
        pattern = halves[0].astype(np.uint16) << 8 | halves[1]
        margins.append(table[pattern])
    return margins[0] if len(margins) == 1 else _sign(np.sum(margins, axis=0))


def _sign(margin: Floats) -> NDArray[np.int8]:
    return np.sign(rounded(margin)).astype(np.int8)


def _margins(weight: Floats) -> list[NDArray[Any]]:
    """Per ten areas (65536,): weight won less lost, by the outcomes of five areas in the high byte, five in the low.

    Only the sign of the margin, where ten areas are all.
    """

    def half(some: Floats) -> Floats:
        outcomes = np.arange(256)[:, None] // 3 ** np.arange(len(some))[::-1] % 3 - 1
        return np.asarray(outcomes @ some)

    starts = range(0, len(weight), 2 * DIGITS)
    halves = [(half(weight[a : a + DIGITS]), half(weight[a + DIGITS : a + 2 * DIGITS])) for a in starts]
    margins = [(high[:, None] + low).ravel() for high, low in halves]
    return margins if len(margins) > 1 else [_sign(margins[0])]
