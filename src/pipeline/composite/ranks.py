"""Competition ranks: the best is 1, ties share the better rank, and no rank without a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.composite.values import Bools, Floats, Ints

Ranks = NDArray[np.unsignedinteger]

SCORE_DECIMALS = 10  # last-bit noise of a sum must not break a true tie


def rounded(scores: Floats) -> Floats:
    """Scores as they are ranked and published."""
    return np.round(scores, SCORE_DECIMALS)


def competition(scores: Floats) -> Ints:
    """(units,) ranks from 1, descending, on rounded scores; 0 where the score is NaN."""
    known = ~np.isnan(scores)
    ordered = np.sort(-rounded(scores[known]))
    ranks = np.zeros(len(scores), dtype=np.int64)
    ranks[known] = 1 + np.searchsorted(ordered, -rounded(scores[known]), side="left")
    return ranks


INDEX_BITS = np.uint64(32)
WORD = 64  # bits, of which each league that is counted in one pass takes its own
TOGETHER = 1 << 14  # places sorted at a time: all that is made of them stays in the cache


@dataclass(frozen=True)
class Grouping:
    """Leagues that share no place, counted in one pass: each in its own bits of a word.

    step: (units,) what a place adds to the word of everyone behind it; shift, mask: (units,) where in the word its own
    league is; is_ranked: (units,), as numbers; is_even: whether every place adds the same.
    """

    step: NDArray[np.unsignedinteger]
    shift: NDArray[np.unsignedinteger]
    mask: NDArray[np.unsignedinteger]
    is_ranked: NDArray[np.unsignedinteger]
    is_even: bool


def bits(size: int) -> int:
    """How many bits of a word a league of some places takes."""
    return int(size).bit_length()


def grouping(members: Sequence[Bools], units: int) -> Grouping:
    """members: (units,) per league; a place in two of them is an error, a place in none gets no rank."""
    widths = [bits(is_member.sum()) for is_member in members]
    if (np.sum(members, axis=0) > 1).any() or sum(widths) > WORD:
        raise ValueError(f"{len(members)} leagues that share places or are too large cannot be ranked in one pass")
    kind = np.min_scalar_type((1 << sum(widths)) - 1)
    step, shift, mask = (np.zeros(units, dtype=kind) for _ in range(3))
    for is_member, width, start in zip(members, widths, np.cumsum([0, *widths]).tolist(), strict=False):
        step[is_member] = 1 << start
        shift[is_member] = start
        mask[is_member] = (1 << width) - 1
    return Grouping(step, shift, mask, (mask > 0).astype(kind), _is_even(step))


def merged(group: Grouping, first: Ints, sizes: Ints) -> Grouping:
    """The same leagues with one place for each kind of places, which always tie and are in the same leagues. first:
    (kinds,) a place of each; sizes: (kinds,) how many places it stands for."""
    step = group.step[first] * sizes.astype(group.step.dtype)
    return Grouping(step, group.shift[first], group.mask[first], group.is_ranked[first], _is_even(step))


def _is_even(step: NDArray[np.unsignedinteger]) -> bool:
    return bool((step == step[:1]).all())


def competition_rows(scores: NDArray[np.float32], groups: Sequence[Grouping], outs: Sequence[Ranks]) -> None:
    """Ranks of each row of scores (draws, units), none below 0, inside the leagues of each grouping; 0 outside them.

    One sort of 64-bit integers: score bits (of a positive float they order as it does, here turned round) and position.
    Equal bits are a tie. In this order the places ahead in all leagues of a grouping are one running sum.
    """
    if not (scores.size and groups):
        return
    units = scores.shape[1]
    together = min(max(TOGETHER // units, 1), len(scores))
    position = np.arange(together * units, dtype=np.uint64).reshape(together, units)
    unscored = position + (np.uint64(0xFFFFFFFF) << INDEX_BITS)
    steps = [
        np.arange(units, dtype=g.step.dtype) * g.step[0] if g.is_even else np.tile(g.step, together) for g in groups
    ]
    for first in range(0, len(scores), together):
        rows = slice(first, min(first + together, len(scores)))
        some = rows.stop - first
        keys = scores[rows].view(np.uint32).astype(np.uint64)
        keys <<= INDEX_BITS
        np.subtract(unscored[:some], keys, out=keys)
        keys.sort(axis=1)
        at = (keys & np.uint64(0xFFFFFFFF)).view(np.int64)
        keys >>= INDEX_BITS
        is_tied = np.zeros(keys.shape, dtype=bool)
        np.equal(keys[:, 1:], keys[:, :-1], out=is_tied[:, 1:])
        tied = np.flatnonzero(is_tied)  # with the place before, which may itself be tied
        with_first = tied - 1
        with_first[1:][with_first[1:] == tied[:-1]] = 0
        np.maximum.accumulate(with_first, out=with_first)
        for group, step, out in zip(groups, steps, outs, strict=True):
            if group.is_even:
                ahead = np.tile(step, (some, 1))
            else:
                ahead = np.zeros(at.shape, dtype=step.dtype)
                np.add.accumulate(step.take(at)[:, :-1], axis=1, out=ahead[:, 1:])
            ahead.ravel()[tied] = ahead.ravel()[with_first]
            word = np.empty(at.shape, dtype=step.dtype)
            word.ravel()[at.ravel()] = ahead.ravel()
            word >>= group.shift
            word &= group.mask
            word += group.is_ranked
            out[rows] = word
