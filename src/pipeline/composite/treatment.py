"""Treatment by the shape of the data, as a variant of the declared log(1 + x): winsorise, else take logarithms.

The rule of the OECD/JRC Handbook's practice and of COINr: an indicator is skewed if its skew and its kurtosis both say
so. The few outliers are then set to the next value; if that does not help, the indicator gets a logarithm. The rule
looks at the places of one league and year, so what it does to an indicator may differ from year to year; the default
method declares its treatment for that reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.composite.values import Bools, Floats, Ints
from pipeline.errors import PipelineError

SKEW, KURTOSIS = 2.0, 3.5  # skewed is what reaches both
MOST_WINSORISED = 5  # values set to the next one, counting ties
LOG_SHIFT = 0.01  # of the range, so that the least value has a logarithm


@dataclass(frozen=True)
class Treatment:
    """values: (units, indicators); winsorised: (indicators,) values moved; is_log: (indicators,); is_skewed:
    (indicators,) still skewed after all that."""

    values: Floats
    winsorised: Ints
    is_log: Bools
    is_skewed: Bools


def shape(values: Floats) -> tuple[Floats, Floats]:
    """Skew G1 and excess kurtosis G2, bias-corrected, per indicator (indicators,); NaN values do not count.

    NaN where there are fewer than four values or all are equal.
    """
    n = (~np.isnan(values)).sum(axis=0).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = np.nan_to_num(values - np.nansum(values, axis=0) / n)
        m2, m3, m4 = ((deviation**power).sum(axis=0) / n for power in (2, 3, 4))
        width = np.abs(deviation).max(axis=0, initial=0.0)
        has_shape = (n >= 4) & (width > 1e-12 * np.abs(np.nan_to_num(values)).max(axis=0, initial=0.0))
        skew = np.sqrt(n * (n - 1)) / (n - 2) * m3 / m2**1.5
        kurtosis = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (m4 / m2**2 - 3) + 6)
    return np.where(has_shape, skew, np.nan), np.where(has_shape, kurtosis, np.nan)


def is_skewed(values: Floats) -> Bools:
    """(indicators,): both |skew| and kurtosis reach their limits."""
    skew, kurtosis = shape(values)
    return np.asarray((np.abs(skew) >= SKEW) & (kurtosis >= KURTOSIS))


def winsorise(column: Floats) -> tuple[Floats, int]:
    """One indicator (units,) with its outliers set to the next value until it is skewed no longer, and how many.

    Outliers are taken from the side of the skew. No more than `MOST_WINSORISED` values are moved, those that tie with
    the outermost included; a step that would move more, or leave only one value, is not taken.
    """
    result = column.copy()
    while is_skewed(result[:, None])[0]:
        end, beyond = (np.nanmax, np.less) if shape(result[:, None])[0][0] >= 0 else (np.nanmin, np.greater)
        outermost = end(result)
        rest = result[beyond(result, outermost)]
        moved = np.where(result == outermost, end(rest), result)
        is_last = len(np.unique(rest)) == 1
        if is_last or ((moved != column) & ~np.isnan(column)).sum() > MOST_WINSORISED:
            break
        result = moved
    return result, int(((result != column) & ~np.isnan(column)).sum())


def shifted_log(values: Floats) -> Floats:
    """log(x - min + 1 % of the range) per indicator; (units, indicators). An indicator equal everywhere is an error."""
    least, most = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    if (least == most).any():
        raise PipelineError(
            f"indicators number {np.flatnonzero(least == most).tolist()} are equal everywhere: their range has no "
            "logarithm; leave them out"
        )
    return np.asarray(np.log(values - least + LOG_SHIFT * (most - least)))


def by_shape(values: Floats) -> Treatment:
    """Each skewed indicator winsorised or, if that does not help, its untouched values on a logarithm.

    values: (units, indicators), NaN stays NaN; inf is an error. The order of the units in an indicator never turns
    around, though winsorised values become ties.
    """
    if np.isinf(values).any():
        raise PipelineError(
            f"indicators number {np.flatnonzero(np.isinf(values).any(axis=0)).tolist()} have infinite values: a "
            "division by nothing is a missing value (values.finite)"
        )
    result = values.copy()
    winsorised = np.zeros(values.shape[1], dtype=np.int64)
    is_log = np.zeros(values.shape[1], dtype=bool)
    for k in np.flatnonzero(is_skewed(values)):
        column, moved = winsorise(values[:, k])
        is_log[k] = is_skewed(column[:, None])[0]
        winsorised[k] = 0 if is_log[k] else moved
        result[:, k] = shifted_log(values[:, [k]])[:, 0] if is_log[k] else column
    return Treatment(result, winsorised, is_log, is_skewed(result))
