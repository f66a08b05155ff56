"""Cells that are not known exactly, each as a few equally likely values: counts and imputed gaps.

A count leaves its place's true rate open: it is drawn from the posterior. A gap was filled with the mean of places
alike: it is drawn from these places' values. All values are on the treated scale, so that every normalisation can be
applied to them as to any other value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np

from pipeline.composite.draws import LEVELS
from pipeline.composite.shrinkage import Posterior
from pipeline.composite.values import Floats, Ints

SAMPLING, IMPUTATION = "sampling", "imputation"
SKEWEST = 0.1  # the smallest shape of a gamma distribution that its quantiles are taken for
MIDPOINTS = (np.arange(LEVELS) + 0.5) / LEVELS
_QUANTILES = np.array([NormalDist().inv_cdf(p) for p in MIDPOINTS])
NORMAL = _QUANTILES / _QUANTILES.std()  # as spread out as a normal distribution, which midpoints alone are not quite


@dataclass(frozen=True)
class Noise:
    """Uncertain cells of one indicator. units: (cells,) positions of their places; values: (rows, LEVELS) equally
    likely values, ascending, on the treated scale; row: (cells,) whose row each cell draws from."""

    factor: str
    indicator: int
    units: Ints
    row: Ints
    values: Floats

    @cached_property
    def order(self) -> Ints:
        """Positions of all values, the least first: neighbours are found on a scale much faster than single values."""
        return np.argsort(self.values, axis=None)


def of_counts(posterior: Posterior, indicator: int, per: float, is_log1p: bool) -> Noise:
    """Every place whose rate is open draws from its own posterior."""
    units = np.flatnonzero((posterior.variance > 0) & (posterior.mean > 0))
    rates = per * gamma(posterior.mean[units], posterior.variance[units])
    return Noise(SAMPLING, indicator, units, np.arange(len(units)), np.log1p(rates) if is_log1p else rates)


def gamma(mean: Floats, variance: Floats) -> Floats:
    """(cells, LEVELS): quantiles of gamma distributions by their mean and variance, both above 0.

    The cube of a normal variable (Wilson and Hilferty 1931), brought to the exact mean: up to the 90 % quantile within
    1.5 % of the mean for shapes of 1 and more, within 6 % for shapes down to SKEWEST, which stands for any below it.
    """
    shape = np.maximum(mean**2 / variance, SKEWEST)[:, None]
    cubes = np.maximum(1.0 - 1.0 / (9.0 * shape) + NORMAL / (3.0 * np.sqrt(shape)), 0.0) ** 3
    return np.asarray(mean[:, None] * cubes / cubes.mean(axis=1, keepdims=True))


def of_gaps(treated: Floats, indicator: int, groupings: Sequence[Ints], minimum_places: int, donors: Floats) -> Noise:
    """Every imputed cell of an indicator draws from the places that `imputation.impute` took the mean of."""
    gap = np.isnan(treated[:, indicator])
    given = donors[:, indicator]
    there = np.flatnonzero(~np.isnan(given))
    units: list[Ints] = []
    rows: list[Ints] = []
    values: list[Floats] = []
    for group in groupings:
        if not gap.any():
            break
        ordered = there[np.lexsort((given[there], group[there]))]
        counts = np.bincount(group[there], minlength=int(group.max(initial=-1)) + 1)
        starts = np.cumsum(counts) - counts
        for number in np.unique(group[gap & (counts[group] >= minimum_places)]):
            members = np.flatnonzero(gap & (group == number))
            units.append(members)
            rows.append(np.full(len(members), len(values)))
            at = np.ceil(counts[number] * MIDPOINTS).astype(np.int64) - 1  # the inverse of the empirical distribution
            values.append(given[ordered[starts[number] + at]])
            gap[members] = False
    empty = np.empty(0, dtype=np.int64)
    return Noise(
        IMPUTATION,
        indicator,
        np.concatenate([empty, *units]),
        np.concatenate([empty, *rows]),
        np.array(values).reshape(len(values), LEVELS),
    )
