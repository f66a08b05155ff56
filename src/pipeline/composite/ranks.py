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


INDEX_BITS, SCORE_BITS = np.uint64(26), np.uint64(32)
MOST_GROUPS = 60


@dataclass(frozen=True)
class Grouping:
    """Leagues that share no place, ranked in one pass. key: (units,) league and position, packed; offset: (units,) how
    many sorted places stand before a sorted place's league; ranked: how many places have a league."""

    key: NDArray[np.uint64]
    offset: Ranks
    ranked: int


def grouping(members: Sequence[Bools], units: int) -> Grouping:
    """members: (units,) per league; a place in two of them is an error, a place in none gets no rank."""
    label = np.full(units, len(members))
    for number, is_member in enumerate(members):
        if (label[is_member] != len(members)).any() or len(members) > MOST_GROUPS:
            raise ValueError(f"{len(members)} leagues that share places cannot be ranked in one pass")
        label[is_member] = number
    sizes = np.bincount(label, minlength=len(members) + 1)
    kind = np.uint16 if units < 2**16 else np.uint32
    return Grouping(
        key=(label.astype(np.uint64) << (INDEX_BITS + SCORE_BITS)) | np.arange(units, dtype=np.uint64),
        offset=np.repeat(np.cumsum(sizes) - sizes, sizes).astype(kind),
        ranked=int(sizes[:-1].sum()),
    )


def competition_rows(scores: NDArray[np.float32], group: Grouping, out: Ranks) -> None:
    """Ranks of each row of scores (draws, units), none below 0, inside the leagues of a grouping; 0 outside them.

    One sort of 64-bit integers: league, score bits (of a positive float they order as it does, here turned round) and
    position. Equal bits are a tie.
    """
    units = scores.shape[1]
    keys = (np.uint32(0xFFFFFFFF) - scores.view(np.uint32)).astype(np.uint64)
    keys <<= INDEX_BITS
    keys |= group.key
    keys.sort(axis=1)
    position = (keys & np.uint64(2**26 - 1)).astype(np.intp)
    keys >>= INDEX_BITS
    places = np.empty(scores.shape, dtype=out.dtype)
    places[:] = np.arange(1, units + 1)
    places[:, 1:][keys[:, 1:] == keys[:, :-1]] = 0
    np.maximum.accumulate(places, axis=1, out=places)
    places -= group.offset
    places[:, group.ranked :] = 0
    for row, (at, place) in enumerate(zip(position, places, strict=True)):
        out[row, at] = place
