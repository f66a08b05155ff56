"""From declared weights to the share of the total that each indicator has."""

from __future__ import annotations

import numpy as np

from pipeline.composite.values import Bools, Floats, Ints
from pipeline.errors import PipelineError


def effective(
    weight: Floats, area: Ints, area_weight: Floats, is_scored: Bools, is_flag: Bools, max_flag_share: float
) -> Floats:
    """(indicators,) shares that sum to 1; 0 for what is not scored.

    Equal inside an area unless declared otherwise, then by area; an area in which one yes/no flag would have
    more than `max_flag_share` gives weight up to the other areas.
    """
    inside = np.zeros(len(weight))
    areas = len(area_weight)
    total = np.bincount(area[is_scored], weights=weight[is_scored], minlength=areas)
    inside[is_scored] = weight[is_scored] / total[area[is_scored]]
    limit = np.full(areas, np.inf)
    for number in range(areas):
        flags = inside[is_scored & is_flag & (area == number)]
        if len(flags):
            limit[number] = max_flag_share / flags.max()
    share = _capped(np.where(total > 0, area_weight, 0.0), limit)
    return np.asarray(np.where(is_scored, inside * share[area], 0.0))


def _capped(weight: Floats, limit: Floats) -> Floats:
    """Shares proportional to the weights, none above its limit; what a limit takes goes to the others."""
    if not weight.sum() > 0:
        raise PipelineError("no area has a weight: nothing can be scored")
    share: Floats = weight / weight.sum()
    capped = np.zeros(len(weight), dtype=bool)
    while (share > limit + 1e-12).any():
        capped |= share > limit + 1e-12
        rest = 1.0 - limit[capped].sum()
        free = np.where(capped, 0.0, weight)
        if free.sum() <= 0 or rest <= 0:
            raise PipelineError("the limit on flags leaves no area that could take the weight")
        share = np.where(capped, np.where(capped, limit, 0.0), rest * free / free.sum())
    return share


def checked(weight: Floats, number: int, what: str) -> Floats:
    """The weights as shares of 1; an error unless there are `number` of them, none negative or missing, not all 0."""
    if weight.shape != (number,):
        raise PipelineError(f"{weight.size} weights do not match {number} {what}")
    if not (np.isfinite(weight) & (weight >= 0)).all() or not weight.sum() > 0:
        raise PipelineError(f"weights of {what} must be 0 or more and not all 0, found {weight.tolist()}")
    return np.asarray(weight / weight.sum())


def drawn(nominal: Floats, area: Ints, on_indicators: Floats, on_areas: Floats) -> Floats:
    """(..., indicators): the nominal weights times the noise on both levels, not yet summing to 1.

    nominal, area: (indicators,); on_indicators: (..., indicators); on_areas: (..., areas). Noise inside an area leaves
    the area's own weight as it is; factors of 1 leave every bit as it is.
    """
    inside = nominal * on_indicators
    result = np.zeros_like(inside)
    for number in np.unique(area[nominal > 0]):
        members = (area == number) & (nominal > 0)
        moved = inside[..., members].sum(axis=-1) / nominal[members].sum()
        result[..., members] = inside[..., members] * (on_areas[..., number] / moved)[..., None]
    return result


def without_area(area_weight: Floats, left_out: Ints) -> Floats:
    """(draws, areas): weights with one area of each draw at 0, -1 for none; the only area with a weight stays."""
    kept: Floats = np.where(left_out[:, None] == np.arange(area_weight.shape[1]), 0.0, area_weight)
    return np.where(kept.sum(axis=1, keepdims=True) > 0, kept, area_weight)
