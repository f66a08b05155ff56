"""Empirical-Bayes shrinkage of small-area rates, Poisson scale: place to district, district to Land.

With equal true rates the extremes of a table of places are the smallest places. Each rate is moved towards the
rate of its district by as much as its own count is noise; the district's rate towards its Land's. A district
that is one municipality (county borough) goes straight to the Land. Variances are method-of-moments estimates
per Land (Marshall 1991); where the spread between places is no more than Poisson noise, all get the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.composite.values import Floats, Ints


@dataclass(frozen=True)
class Posterior:
    """Gamma distributions of true rates (units,) per unit of exposure; NaN where nothing was counted."""

    mean: Floats
    variance: Floats


def shrink_rates(counts: Floats, exposures: Floats, district: Ints, land: Ints) -> Floats:
    """Shrunk rates (units,) per unit of exposure: the means of `posterior`, whose arguments these are."""
    return posterior(counts, exposures, district, land).mean


def posterior(counts: Floats, exposures: Floats, district: Ints, land: Ints) -> Posterior:
    """What a count says of its place's rate; the mean is the shrunk rate.

    counts >= 0; exposures > 0; district and land are group numbers, every district in one Land. With a gamma prior of
    the group's mean m and spread A, count y and exposure n, the posterior is Gamma(m^2 / A + y, m / A + n); its mean
    is the linear shrinkage, its variance mean x A / (m + A n). To it comes what a district's mean itself leaves open,
    as far as a place leans on it (Kass and Steffey 1989); A is taken as known. NaN where count or exposure is missing
    or exposure is 0.
    """
    known = np.isfinite(counts) & np.isfinite(exposures) & (exposures > 0)
    result = Posterior(np.full(counts.shape, np.nan), np.full(counts.shape, np.nan))
    if not known.any():
        return result
    y, n, d = counts[known], exposures[known], district[known]
    districts, d = np.unique(d, return_inverse=True)
    land_of = np.zeros(len(districts), dtype=np.int64)
    land_of[d] = land[known]
    lands, land_of = np.unique(land_of, return_inverse=True)

    places = np.bincount(d)
    y_d, n_d = _sums(d, y), _sums(d, n)
    rate_d = y_d / n_d
    y_l, n_l = _sums(land_of, y_d), _sums(land_of, n_d)
    rate_l = y_l / n_l

    between = _variance(rate_d, rate_l[land_of], n_d, land_of, len(lands))
    prior = _towards(rate_d, rate_l[land_of], n_d, between[land_of])

    rate = y / n
    shared = places[d] > 1
    within = _variance(rate[shared], rate_d[d[shared]], n[shared], land_of[d[shared]], len(lands))
    shrunk = np.where(shared, _towards(rate, prior[d], n, within[land_of[d]]), prior[d])
    result.mean[known] = shrunk
    means = np.where(shared, prior[d], rate_l[land_of[d]])
    spread = np.where(shared, within[land_of[d]], between[land_of[d]])
    total = means + spread * n
    stays = np.divide(spread, total, out=np.zeros_like(total), where=total > 0)
    doubt = (within[land_of] * _sums(d, n**2) / n_d + rate_d) / n_d  # of a district's mean as that of its places
    result.variance[known] = shrunk * stays + np.where(shared, (1.0 - stays * n) ** 2 * doubt[d], 0.0)
    return result


def unshrunk(counts: Floats, exposures: Floats) -> Posterior:
    """What a count says by itself, with Jeffreys' prior: Gamma(y + 1/2, n)."""
    known = np.isfinite(counts) & np.isfinite(exposures) & (exposures > 0)
    n = np.where(known, exposures, np.nan)
    return Posterior((counts + 0.5) / n, (counts + 0.5) / n**2)


def _sums(group: Ints, values: Floats) -> Floats:
    return np.asarray(np.bincount(group, weights=values), dtype=float)


def _variance(rates: Floats, means: Floats, exposures: Floats, group: Ints, groups: int) -> Floats:
    """Spread of rates around their means beyond Poisson noise, one figure per group (Land), never below 0."""
    size = np.bincount(group, minlength=groups)
    n = np.bincount(group, weights=exposures, minlength=groups)
    spread = np.bincount(group, weights=exposures * (rates - means) ** 2, minlength=groups)
    mean = np.bincount(group, weights=exposures * means, minlength=groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = spread / n - (mean / n) / (n / size)
    return np.where(np.isfinite(variance), np.maximum(variance, 0.0), 0.0)


def _towards(rates: Floats, means: Floats, exposures: Floats, variance: Floats) -> Floats:
    """Each rate moved to its mean; the share that stays is variance / (variance + Poisson noise)."""
    noise = means / exposures
    total = variance + noise
    share = np.divide(variance, total, out=np.zeros_like(total), where=total > 0)
    return means + share * (rates - means)
