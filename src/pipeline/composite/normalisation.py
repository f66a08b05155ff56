"""Treatment and normalisation: one scale of 0 to 100 for all years, between bounds that are frozen once.

`min_max` between frozen bounds is the method's. The other kinds are its variants, as other indices have them; theirs
look at the places of one league and year, so they say nothing about change over time:

    kind                 0 and 100 are                           reference
    goalposts            declared ends                           Human Development Index
    range                the places' worst and best              OECD/JRC Handbook, COINr n_minmax
    rank                 the last and a sole first place         Handbook, COINr n_prank
    percentile           none and all places behind              Handbook, ties in the middle (Hazen)
    z_score              3 standard deviations off the mean      Handbook, COINr n_zscore
    distance_to_leader   100 is the leader                       Handbook

All take and return (units, indicators). NaN stays NaN, and an indicator without any value is left out by that. inf, and
an indicator that is equal in all places, are errors: whoever calls decides to leave it out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.composite.ranks import rounded
from pipeline.composite.values import Bools, Floats
from pipeline.errors import PipelineError

Z_REACH = 3.0  # standard deviations between the mean and either end of the scale


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


def goalposts(treated: Floats, lower: Floats, upper: Floats, is_higher_better: Bools) -> Floats:
    """Min-max between declared ends, (indicators,) on the treated scale, of which lower must be below upper."""
    _finite(treated)
    wrong = ~(lower < upper)
    if wrong.any():
        raise PipelineError(
            f"goalposts of indicators number {np.flatnonzero(wrong).tolist()}: the lower end must be below the upper"
        )
    return min_max(treated, lower, upper, is_higher_better)


def range_of_places(treated: Floats, is_place: Bools, is_higher_better: Bools) -> Floats:
    """Min-max between the worst and the best of the places (units,); other units are held at these ends."""
    places = _places(treated, is_place)
    return min_max(treated, _over(np.nanmin, places), _over(np.nanmax, places), is_higher_better)


def rank(treated: Floats, is_place: Bools, is_higher_better: Bools) -> Floats:
    """100 x the share of the other places that a unit is ahead of: 0 for the last, 100 for a sole first.

    Ties share the worse rank, so a flag that most places lack gives those 0 points.
    """
    behind, _, count = _order(treated, is_place, is_higher_better)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.minimum(100.0, 100.0 * behind / (count - 1))


def percentile(treated: Floats, is_place: Bools, is_higher_better: Bools) -> Floats:
    """100 x the share of the places behind a unit, where places at the same value count by half."""
    behind, equal, count = _order(treated, is_place, is_higher_better)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 100.0 * (behind + 0.5 * equal) / count


def z_score(treated: Floats, is_place: Bools, is_higher_better: Bools) -> Floats:
    """50 at the mean of the places; 0 and 100 at `Z_REACH` standard deviations from it and beyond."""
    places = _places(treated, is_place)
    with np.errstate(invalid="ignore"):
        z = (treated - _over(np.nanmean, places)) / _over(np.nanstd, places)
        return 50.0 + 50.0 * np.clip(np.where(is_higher_better, z, -z) / Z_REACH, -1.0, 1.0)


def distance_to_leader(treated: Floats, is_place: Bools, is_higher_better: Bools) -> Floats:
    """100 less the distance to the best place, in percent of the largest value of the places.

    For ratio scales only: a negative value is an error. Where more is better this is the share of the leader's value.
    """
    places = _places(treated, is_place)
    negative = (places < 0).any(axis=0)
    if negative.any():
        raise PipelineError(
            f"indicators number {np.flatnonzero(negative).tolist()} have negative values: a share of the leader's "
            "value has no meaning; leave them out or use another normalisation"
        )
    largest, smallest = _over(np.nanmax, places), _over(np.nanmin, places)
    with np.errstate(invalid="ignore"):
        gap = np.where(is_higher_better, largest - treated, treated - smallest) / largest
    return 100.0 * (1.0 - np.clip(gap, 0.0, 1.0))


def _finite(treated: Floats) -> None:
    infinite = np.isinf(treated).any(axis=0)
    if infinite.any():
        raise PipelineError(
            f"indicators number {np.flatnonzero(infinite).tolist()} have infinite values: a division by nothing is a "
            "missing value (values.finite), not the best or the worst"
        )


def _places(treated: Floats, is_place: Bools) -> Floats:
    """(places, indicators): the values that define the scale; an error where it has no width."""
    _finite(treated)
    places = np.asarray(treated[is_place])
    equal = rounded(_over(np.nanmax, places)) == rounded(_over(np.nanmin, places))
    if equal.any():
        raise PipelineError(
            f"indicators number {np.flatnonzero(equal).tolist()} are equal in all places, so they have no scale: "
            "leave them out (NaN)"
        )
    return places


def _over(statistic: Callable[..., Floats], places: Floats) -> Floats:
    """(indicators,) a NaN-aware statistic of each column, NaN where a column has no value."""
    result = np.full(places.shape[1], np.nan)
    known = ~np.isnan(places).all(axis=0)
    result[known] = statistic(places[:, known], axis=0)
    return result


def _order(treated: Floats, is_place: Bools, is_higher_better: Bools) -> tuple[Floats, Floats, Floats]:
    """How many places are behind a unit and at its value (units, indicators), of how many (indicators,).

    Values are compared as scores are, rounded, so that the last bit of a mean breaks no tie.
    """
    compared = rounded(treated)
    places = _places(compared, is_place)
    behind, equal = np.full(treated.shape, np.nan), np.full(treated.shape, np.nan)
    count = (~np.isnan(places)).sum(axis=0).astype(float)
    for k in np.flatnonzero(count):
        sign = 1.0 if is_higher_better[k] else -1.0
        known = ~np.isnan(treated[:, k])
        ordered = np.sort(sign * places[~np.isnan(places[:, k]), k])
        own = sign * compared[known, k]
        behind[known, k] = np.searchsorted(ordered, own, side="left")
        equal[known, k] = np.searchsorted(ordered, own, side="right") - behind[known, k]
    return behind, equal, count
