"""How far two orders of the same places agree: Spearman's and Kendall's rank correlation, with intervals.

An interval comes from drawing places with replacement. A draw is a row of counts, how often each place was drawn, and
the statistics take counts, so the nominal value is a draw like any other: each place once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from pipeline.composite.values import Floats, Ints
from pipeline.errors import PipelineError

QUANTILES = (0.05, 0.95)
BLOCK = 256  # places whose pairs are held at a time
DRAWS_BLOCK = 16  # draws held at a time: their counts of 10,000 places stay in the cache

Statistic = Callable[[Floats], Floats]  # counts (draws, places) to (draws,)


def interval(statistic: Statistic, places: int, draws: int, seed: int) -> tuple[float, float, float]:
    """The nominal value and its 5 and 95 % quantiles over places drawn with replacement; NaN draws do not count."""
    value = float(statistic(np.ones((1, places)))[0])
    drawn = np.concatenate([statistic(counts) for counts in drawn_counts(places, draws, seed)])
    if np.isnan(value) or np.isnan(drawn).all():
        return value, float("nan"), float("nan")
    low, high = np.nanquantile(drawn, QUANTILES)
    return value, float(low), float(high)


def drawn_counts(places: int, draws: int, seed: int) -> Iterator[Floats]:
    """(draws, places) in blocks: how often each place stands in a sample of as many, drawn with replacement."""
    generator = np.random.Generator(np.random.PCG64(seed))
    for first in range(0, draws, DRAWS_BLOCK):
        block = min(DRAWS_BLOCK, draws - first)
        picked = generator.integers(places, size=(block, places)) + places * np.arange(block)[:, None]
        yield np.bincount(picked.ravel(), minlength=block * places).reshape(block, places).astype(float)


def spearman(x: Floats, y: Floats) -> Statistic:
    """Pearson's correlation of the mid-ranks of x and y (places,), counted; NaN where one is equal everywhere."""
    groups_x, groups_y = _groups(x), _groups(y)

    def of(counts: Floats) -> Floats:
        return _correlation(_mid_ranks(counts, *groups_x), _mid_ranks(counts, *groups_y), counts)

    return of


def kendall(x: Floats, y: Floats) -> Statistic:
    """Kendall's tau b of x and y (places,), counted: concordant less discordant pairs over those not tied."""
    groups_x, groups_y = _groups(x), _groups(y)

    def of(counts: Floats) -> Floats:
        together = np.zeros(len(counts))
        for first in range(0, len(x), BLOCK):
            block = slice(first, first + BLOCK)
            signs = np.sign(x[block, None] - x) * np.sign(y[block, None] - y)
            # whole numbers below 2^24, so single precision is exact
            met = counts.astype(np.float32) @ signs.T.astype(np.float32)
            together += (met.astype(float) * counts[:, block]).sum(axis=1)
        pairs = _pairs(counts.sum(axis=1, keepdims=True))
        free_x = pairs - _pairs(_group_counts(counts, *groups_x))
        free_y = pairs - _pairs(_group_counts(counts, *groups_y))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where((free_x > 0) & (free_y > 0), together / 2 / np.sqrt(free_x * free_y), np.nan))

    return of


def _pairs(counts: Floats) -> Floats:
    return np.asarray((counts * (counts - 1)).sum(axis=1) / 2)


def _groups(values: Floats) -> tuple[Ints, Ints, Ints]:
    """Places in ascending order, where each group of equal values starts, and the group of each place."""
    if not np.isfinite(values).all():
        raise PipelineError("orders are compared over places that stand in both; found a missing or infinite value")
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return np.argsort(values, kind="stable"), np.cumsum(sizes) - sizes, group


def _group_counts(counts: Floats, order: Ints, starts: Ints, group: Ints) -> Floats:
    """(draws, groups): how many drawn places have each value."""
    return np.asarray(np.add.reduceat(counts[:, order], starts, axis=1))


def _mid_ranks(counts: Floats, order: Ints, starts: Ints, group: Ints) -> Floats:
    """(draws, places): the mean of the ranks that a place's equals take in the draw."""
    sizes = _group_counts(counts, order, starts, group)
    return np.asarray((np.cumsum(sizes, axis=1) - sizes + (sizes + 1) / 2)[:, group])


def _correlation(x: Floats, y: Floats, counts: Floats) -> Floats:
    """(draws,) counted Pearson correlation of x and y (draws, places)."""
    n = counts.sum(axis=1, keepdims=True)
    dx = x - (x * counts).sum(axis=1, keepdims=True) / n
    dy = y - (y * counts).sum(axis=1, keepdims=True) / n
    xx, yy, xy = ((counts * product).sum(axis=1) for product in (dx * dx, dy * dy, dx * dy))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where((xx > 1e-9) & (yy > 1e-9), xy / np.sqrt(xx * yy), np.nan))
