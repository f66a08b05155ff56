"""How well an index holds together: do its parts agree, and what does each of them decide.

Everything is computed on the scores of 0 to 100 that the index is made of, where more is always better, so that a
correlation below 0 means that two parts pull a place in opposite directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.composite.ranks import competition
from pipeline.composite.values import Bools, Floats, Ints


def cronbach_alpha(items: Floats) -> float:
    """Cronbach's alpha of items (places, items), nothing missing: 1 where all say the same, 0 where they are unrelated,
    below 0 where they contradict each other; NaN for fewer than two items or a sum that is equal everywhere."""
    count = items.shape[1]
    if count < 2 or len(items) < 2:
        return float("nan")
    of_sum = items.sum(axis=1).var(ddof=1)
    if not of_sum > 1e-9:
        return float("nan")
    return float(count / (count - 1) * (1.0 - items.var(axis=0, ddof=1).sum() / of_sum))


def mid_ranks(columns: Floats) -> Floats:
    """(places, columns): ranks from 1, ascending, equal values share the mean of theirs; nothing missing."""
    result = np.empty(columns.T.shape)
    for column, out in zip(np.ascontiguousarray(columns.T), result, strict=True):
        order = np.argsort(column)
        ordered = column[order]
        first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
        sizes = np.diff(first, append=len(column))
        out[order] = np.repeat(first + (sizes + 1) / 2, sizes)
    return result.T


def standardised(columns: Floats) -> Floats:
    """(places, columns) with mean 0 and length 1, so that a product of two is their correlation; NaN where constant."""
    centred = columns - columns.mean(axis=0)
    length = np.sqrt((centred * centred).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(length > 1e-9, centred / length, np.nan))


def correlations(one: Floats, other: Floats) -> Floats:
    """Pearson's correlations (columns of one, columns of the other) of the same places.

    No matrix product: the library underneath would start threads that wait for each other longer than they work.
    """
    mine, others = (np.ascontiguousarray(standardised(columns).T) for columns in (one, other))
    return np.array([(column * others).sum(axis=1) for column in mine]).reshape(len(mine), len(others))


def column_correlations(one: Floats, other: Floats) -> Floats:
    """Pearson's correlations (columns,) of each column with that of the same number."""
    return np.asarray((standardised(one) * standardised(other)).sum(axis=0))


@dataclass(frozen=True)
class Parts:
    """A total as the sum of its parts: what each indicator and area adds to it.

    share, points: (places, indicators) effective weights that sum to 1 over a place, and weight x score; area:
    (indicators,) numbers of areas; total: (places,) scores.
    """

    share: Floats
    points: Floats
    area: Ints
    total: Floats

    @classmethod
    def of(cls, scale: Floats, share: Floats, area: Ints) -> Parts:
        """From scores (places, indicators) of 0 to 100 and effective weights; a cell without weight counts nothing."""
        points = np.where(share > 0, scale, 0.0) * share
        return cls(share, points, area, points.sum(axis=1))

    def area_sums(self, values: Floats) -> Floats:
        """(places, areas): sums over each area's indicators."""
        areas = range(int(self.area.max(initial=-1)) + 1)
        return np.stack([values[:, self.area == number].sum(axis=1) for number in areas], axis=1)

    def without_indicators(self) -> tuple[Floats, Floats]:
        """Totals, and scores of the indicator's area, with one indicator left out: (places, indicators) each.

        Its weight goes to the others of its area, as that of a missing value does; where it is all that the area has,
        the area has no score and its weight goes to the other areas.
        """
        share_of_area = self.area_sums(self.share)[:, self.area]
        points_of_area = self.area_sums(self.points)[:, self.area]
        left = share_of_area - self.share
        is_left = left > 1e-12
        with np.errstate(invalid="ignore", divide="ignore"):
            area = np.where(is_left, (points_of_area - self.points) / left, np.nan)
            rest = self.total[:, None] - points_of_area
            total = np.where(is_left, rest + share_of_area * area, rest / (1.0 - share_of_area))
        return np.where(self.share > 0, total, self.total[:, None]), area

    def without_areas(self) -> Floats:
        """(places, areas): totals with one area left out; NaN where nothing else is there."""
        share, points = self.area_sums(self.share), self.area_sums(self.points)
        with np.errstate(invalid="ignore", divide="ignore"):
            total = np.where(share < 1.0 - 1e-12, (self.total[:, None] - points) / (1.0 - share), np.nan)
        return np.where(share > 0, total, self.total[:, None])


@dataclass(frozen=True)
class Shift:
    """How far ranks move: mean, median and 95 % quantile of the absolute shift; place: the position of the one that
    moves most, of several the first; rank: its new rank."""

    mean: float
    median: float
    p95: float
    place: int
    rank: int


def shift(rank: Ints, scores: Floats) -> Shift:
    """From ranks (places,) to those of other scores (places,); nobody is without either."""
    after = competition(scores)
    moved = np.abs(after - rank)
    place = int(np.argmax(moved))
    median, p95 = np.quantile(moved, (0.5, 0.95))
    return Shift(float(moved.mean()), float(median), float(p95), place, int(after[place]))


def is_complete(scale: Floats, share: Floats) -> Bools:
    """(places,): whether every indicator that anyone has a weight for has a score."""
    used = (share > 0).any(axis=0)
    return np.asarray(~np.isnan(scale[:, used]).any(axis=1))
