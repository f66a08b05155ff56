"""Weighted arithmetic means, with what is missing re-weighted inside its area and nowhere else."""

from __future__ import annotations

import numpy as np

from pipeline.composite.values import Bools, Floats, Ints


def unit_weights(there: Bools, weights: Floats, area: Ints) -> Floats:
    """(units, indicators): each unit's own effective weights; a missing value's weight goes to its area's others."""
    result: Floats = there * weights
    for number in np.unique(area[weights > 0]):
        members = (area == number) & (weights > 0)
        have = result[:, members].sum(axis=1, keepdims=True)
        full = weights[members].sum()
        scale = np.divide(full, have, out=np.zeros_like(have), where=have > 0)
        result[:, members] *= scale
    return result


def weighted_mean(scores: Floats, weights: Floats) -> Floats:
    """(units,): sum of weight x score over sum of weights; NaN where a unit has no weight.

    scores, weights: (units, indicators), NaN scores have weight 0.
    """
    total = weights.sum(axis=1)
    points = (np.where(weights > 0, scores, 0.0) * weights).sum(axis=1)
    return np.asarray(np.divide(points, total, out=np.full(len(total), np.nan), where=total > 0))


def area_scores(scores: Floats, weights: Floats, area: Ints, areas: int) -> Floats:
    """(units, areas): the weighted mean inside each area."""
    columns = [weighted_mean(scores[:, area == number], weights[:, area == number]) for number in range(areas)]
    return np.stack(columns, axis=1)
