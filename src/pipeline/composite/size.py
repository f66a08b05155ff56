"""Is a score a question of size? The straight line through scores and log10 of the inhabitants, and scores without it.

A slope is in points per tenfold number of inhabitants. Its interval comes from drawing places with replacement: it
says how much the line depends on which places there are, not how certain the scores are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.composite.agreement import QUANTILES, drawn_counts
from pipeline.composite.values import Bools, Floats, Ints
from pipeline.errors import PipelineError


@dataclass(frozen=True)
class Lines:
    """One line per measure, arrays (measures,): points at one inhabitant, points per tenfold inhabitants with their
    5 and 95 % quantiles, share of the variance, places. NaN where the line cannot be told: fewer places than asked for,
    or all of one size."""

    intercept: Floats
    slope: Floats
    slope_p05: Floats
    slope_p95: Floats
    r2: Floats
    n: Ints


def lines(population: Floats, scores: Floats, draws: int, seed: int, minimum_places: int = 3) -> Lines:
    """population: (places,) above 0; scores: (places, measures), NaN where a place has none."""
    if not (population > 0).all():
        raise PipelineError("a score is set against the inhabitants of places that have some; found 0 or missing ones")
    x = np.log10(population)
    known = ~np.isnan(scores)
    n = known.sum(axis=0)
    sums = _moments(x, scores, known)
    whole = np.ones((1, len(x))) @ sums
    slope, r2 = (figures[0] for figures in _slope_and_r2(whole))
    is_told = (n >= max(minimum_places, 3)) & np.isfinite(slope)
    drawn = np.full((2, scores.shape[1]), np.nan)
    if draws and is_told.any():
        drawn = np.nanquantile(_drawn_slopes(sums, len(x), draws, seed), QUANTILES, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x = np.where(known, x[:, None], 0.0).sum(axis=0) / n
        mean_y = np.where(known, scores, 0.0).sum(axis=0) / n
    intercept, slope, r2 = (np.where(is_told, found, np.nan) for found in (mean_y - slope * mean_x, slope, r2))
    low, high = (np.where(is_told, quantile, np.nan) for quantile in drawn)
    return Lines(intercept, slope, low, high, r2, n)


def adjusted(population: Floats, score: Floats, slope: float) -> Floats:
    """(places,): the score that a place would have at the mean log10 of inhabitants; the mean score stays the same."""
    known = ~np.isnan(score)
    x = np.log10(np.where(known, population, 1.0))
    return score - slope * (x - (x[known].mean() if known.any() else 0.0))


def _moments(x: Floats, scores: Floats, known: Bools) -> Floats:
    """(places, 6 x measures): what a line needs to be summed over places, around the centre so that no digits go."""
    measures = scores.shape[1]
    dx = np.where(known, (x - x.mean())[:, None], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.where(known, scores, 0.0).sum(axis=0) / known.sum(axis=0)
    dy = np.where(known, scores - centre, 0.0)
    parts = [known.astype(float), dx, dy, dx * dx, dx * dy, dy * dy]
    return np.stack(parts, axis=1).reshape(len(x), 6 * measures)


def _slope_and_r2(sums: Floats) -> tuple[Floats, Floats]:
    """(draws, measures) each, from summed moments (draws, 6 x measures)."""
    n, x, y, xx, xy, yy = np.moveaxis(sums.reshape(len(sums), 6, -1), 1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread_x, spread_y, together = xx - x * x / n, yy - y * y / n, xy - x * y / n
        has_spread = spread_x > 1e-9 * n
        slope = np.where(has_spread, together / spread_x, np.nan)
        r2 = np.where(has_spread & (spread_y > 1e-12 * n), together**2 / (spread_x * spread_y), np.nan)
    return slope, r2


def _drawn_slopes(sums: Floats, places: int, draws: int, seed: int) -> Floats:
    """(draws, measures): slopes of places drawn with replacement; the same places for every measure."""
    drawn = [_slope_and_r2(counts @ sums)[0] for counts in drawn_counts(places, draws, seed)]
    return np.concatenate(drawn)
