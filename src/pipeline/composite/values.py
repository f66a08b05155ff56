"""The matrix that everything works on, and the door through which no NaN disguised as a number passes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Matrix:
    """One edition year. Units are sorted by AGS, indicators by id; NaN where there is no value.

    values, numerators, denominators: (units, indicators), in the indicator's unit; is_inherited, is_carried:
    (units, indicators); population: (units,), NaN where unknown; land, district, size_class: (units,) group
    numbers.
    """

    values: Floats
    numerators: Floats
    denominators: Floats
    is_inherited: Bools
    is_carried: Bools
    population: Floats
    land: Ints
    district: Ints
    size_class: Ints


@dataclass(frozen=True)
class Indicators:
    """What the method must know of each indicator, as arrays (indicators,); area: (indicators,) area numbers;
    per: a rate is per x numerator / denominator."""

    area: Ints
    is_implementation: Bools
    is_higher_better: Bools
    is_log1p: Bools
    is_flag: Bools
    is_shrunk: Bools
    per: Floats
    weight: Floats


def finite(values: Floats) -> Floats:
    """inf and -inf become NaN: a division by nothing is a missing value, not the best of all."""
    return np.where(np.isfinite(values), values, np.nan)


def ratio(numerators: Floats, denominators: Floats) -> Floats:
    """numerators / denominators; NaN where either is missing or the denominator is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return finite(numerators / denominators)
