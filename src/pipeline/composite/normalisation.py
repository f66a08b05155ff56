"""Treatment and min-max: one scale of 0 to 100 for all years, between bounds that are frozen once."""

from __future__ import annotations

import numpy as np

from pipeline.composite.values import Bools, Floats
from pipeline.errors import PipelineError


def weighted_quantile(values: Floats, weights: Floats, quantile: float) -> float:
    """The smallest value at or below which at least `quantile` of the weight lies; NaN values do not count."""
    known = ~np.isnan(values) & (weights > 0)
    if not known.any():
        return float("nan")
    order = np.argsort(values[known], kind="stable")
    ordered, heaps = values[known][order], np.cumsum(weights[known][order])
    return float(ordered[np.searchsorted(heaps, quantile * heaps[-1], side="left")])


def treat(values: Floats, is_log1p: Bools) -> Floats:
    """log(1 + x) for the declared skewed indicators; (units, indicators). A negative value there is an error."""
    if np.nanmin(np.where(is_log1p, values, 0.0), initial=0.0) < 0:
        raise PipelineError("an indicator declared log1p has a negative value; it needs another treatment")
    with np.errstate(invalid="ignore"):
        return np.where(is_log1p, np.log1p(np.where(is_log1p, values, 0.0)), values)


def untreat(treated: Floats, is_log1p: Bools) -> Floats:
    """The inverse of `treat`."""
    return np.where(is_log1p, np.expm1(np.where(is_log1p, treated, 0.0)), treated)


def min_max(treated: Floats, lower: Floats, upper: Floats, is_higher_better: Bools) -> Floats:
    """(units, indicators) on 0 to 100; beyond the bounds is at the bound, and 100 is always the better end.

    lower, upper: (indicators,) on the treated scale, lower < upper wherever there is a value to be normalised.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((treated - lower) / (upper - lower), 0.0, 1.0)
    return 100.0 * np.where(is_higher_better, share, 1.0 - share)
