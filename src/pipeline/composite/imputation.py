"""What stands in for a missing value: the mean of places that are alike. Always flagged, never reported."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.composite.values import Bools, Floats, Ints


def impute(treated: Floats, groupings: Sequence[Ints], minimum_places: int, donors: Floats | None = None) -> Floats:
    """(units, indicators) without NaN wherever a group has at least `minimum_places` values.

    groupings: group numbers (units,), the closest first (district x size class, Land x size class, size class).
    The mean is taken on the treated scale, over raw values only; existing values are never changed. donors: the
    values that may be averaged, where these are fewer.
    """
    filled = treated.copy()
    donors = treated if donors is None else donors
    for group in groupings:
        gaps = np.isnan(filled)
        if not gaps.any():
            break
        means = _group_means(donors, group, minimum_places)
        filled = np.where(gaps, means[group], filled)
    return filled


def _group_means(values: Floats, group: Ints, minimum_places: int) -> Floats:
    """(groups, indicators): NaN where a group has too few values."""
    groups = int(group.max(initial=-1)) + 1
    means = np.full((groups, values.shape[1]), np.nan)
    for k in range(values.shape[1]):
        there = ~np.isnan(values[:, k])
        count = np.bincount(group[there], minlength=groups)
        total = np.bincount(group[there], weights=values[there, k], minlength=groups)
        np.divide(total, count, out=means[:, k], where=count >= minimum_places)
    return means


def without_partial_lists(values: Floats, is_flag: Bools, land: Ints) -> Floats:
    """The values that others may be estimated from: of a yes/no flag only those of Länder that are known as a whole.

    Where a list names winners and says nothing of the others, its known values are all 1; their mean would give a
    town the funding that nobody knows of.
    """
    donors = values.copy()
    for k in np.flatnonzero(is_flag):
        partial = np.unique(land[np.isnan(values[:, k])])
        donors[np.isin(land, partial), k] = np.nan
    return donors
