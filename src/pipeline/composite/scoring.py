"""The steps of the default method in their order, for one edition year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.composite import aggregation, imputation, normalisation, ranks, screening, shrinkage, weights
from pipeline.composite.values import Bools, Floats, Indicators, Ints, Matrix, finite
from pipeline.errors import PipelineError

DECIMALS = 10  # of shrunk values and scores: the last bits of log1p differ between processors


@dataclass(frozen=True)
class Method:
    """Numbers of the declared method; area_weight and joins are (areas,), lower and upper (indicators,) in units."""

    area_weight: Floats
    joins: Ints
    lower: Floats
    upper: Floats
    indicator_coverage: float
    area_share: float
    unit_share: float
    area_minimum: int
    max_flag_share: float
    imputation_minimum: int


@dataclass(frozen=True)
class IndicatorSet:
    """in_set: (indicators,) what is asked of the set's places; is_place: (units,)."""

    in_set: Bools
    is_place: Bools


@dataclass(frozen=True)
class SetScores:
    """One indicator set of one year; unit arrays are NaN for units that are not its places or not available.

    nominal: (indicators,) weights with nothing missing; weight, is_imputed: (units, indicators);
    area_score, area_available: (units, areas); score, potential, implementation, availability, share_inherited,
    share_own: (units,); is_available: (units,).
    """

    choice: screening.Choice
    nominal: Floats
    weight: Floats
    is_imputed: Bools
    area_score: Floats
    area_available: Floats
    score: Floats
    potential: Floats
    implementation: Floats
    availability: Floats
    share_inherited: Floats
    share_own: Floats
    is_available: Bools


@dataclass(frozen=True)
class YearScores:
    """value: (units, indicators) shrunk and imputed, in the indicator's unit; normalised: 0 to 100."""

    value: Floats
    normalised: Floats
    is_imputed: Bools
    sets: Mapping[str, SetScores]


def shrink(matrix: Matrix, indicators: Indicators) -> Floats:
    """(units, indicators): values with the declared counts shrunk; inherited values are no place's own count."""
    values = finite(matrix.values).copy()
    for k in np.flatnonzero(indicators.is_shrunk):
        own = np.where(matrix.is_inherited[:, k], np.nan, matrix.numerators[:, k])
        rate = shrinkage.shrink_rates(own, matrix.denominators[:, k], matrix.district, matrix.land)
        values[:, k] = np.where(np.isnan(rate), values[:, k], indicators.per[k] * rate)
    return np.round(values, DECIMALS)


def frozen_bounds(years: Sequence[Matrix], indicators: Indicators, quantiles: tuple[float, float]) -> Floats:
    """(indicators, 2): population-weighted quantiles over all places and base years, to six significant digits."""
    values = np.concatenate([shrink(matrix, indicators) for matrix in years])
    population = np.concatenate([np.nan_to_num(matrix.population) for matrix in years])
    found = [[normalisation.weighted_quantile(column, population, q) for q in quantiles] for column in values.T]
    return np.array([[float(f"{bound:.6g}") for bound in pair] for pair in found])


def score_year(matrix: Matrix, indicators: Indicators, sets: Mapping[str, IndicatorSet], method: Method) -> YearScores:
    """Raw values to scores. Screening sees the raw availability; imputation comes after it and never adds to it."""
    shrunk = shrink(matrix, indicators)
    treated = normalisation.treat(shrunk, indicators.is_log1p)
    donors = imputation.without_partial_lists(treated, indicators.is_flag, matrix.land)
    filled = imputation.impute(treated, _alike(matrix), method.imputation_minimum, donors)
    lower = normalisation.treat(method.lower[None, :], indicators.is_log1p)[0]
    upper = normalisation.treat(method.upper[None, :], indicators.is_log1p)[0]
    scale = normalisation.min_max(filled, lower, upper, indicators.is_higher_better)
    scale = np.round(scale, DECIMALS)
    results = {name: _score_set(matrix, indicators, chosen, method, scale) for name, chosen in sets.items()}
    is_imputed = np.any([result.is_imputed for result in results.values()], axis=0)
    keep = ~np.isnan(shrunk) | is_imputed
    value = np.where(is_imputed, np.round(normalisation.untreat(filled, indicators.is_log1p), DECIMALS), shrunk)
    return YearScores(
        value=np.where(keep, value, np.nan),
        normalised=np.where(keep, scale, np.nan),
        is_imputed=is_imputed,
        sets=results,
    )


def _alike(matrix: Matrix) -> list[Ints]:
    """Groups to impute from, the closest first."""
    classes = int(matrix.size_class.max(initial=0)) + 1
    return [
        matrix.district * classes + matrix.size_class,
        matrix.land * classes + matrix.size_class,
        matrix.size_class,
    ]


def _score_set(
    matrix: Matrix, indicators: Indicators, chosen: IndicatorSet, method: Method, scale: Floats
) -> SetScores:
    choice = screening.choose(
        matrix,
        indicators,
        chosen.in_set,
        chosen.is_place,
        method.joins,
        method.indicator_coverage,
        method.area_minimum,
    )
    scored, area, areas = choice.is_scored, choice.area, len(method.joins)
    unbounded = scored & ~(method.lower < method.upper)
    if unbounded.any():
        raise PipelineError(f"indicators without bounds: numbers {np.flatnonzero(unbounded).tolist()}")
    nominal = weights.effective(
        indicators.weight, area, method.area_weight, scored, indicators.is_flag, method.max_flag_share
    )
    there = ~np.isnan(matrix.values) & scored
    area_available = screening.area_availability(there, nominal, area, areas)
    available = chosen.is_place & screening.is_available(
        there[:, scored], area_available, method.area_share, method.unit_share
    )
    weight = aggregation.unit_weights(~np.isnan(scale) & scored & available[:, None], nominal, area)
    by_area = aggregation.area_scores(scale, weight, area, areas)
    doing = weight * indicators.is_implementation
    own = weight * (there & ~matrix.is_inherited & ~matrix.is_carried)
    place = np.where(chosen.is_place, 1.0, np.nan)
    return SetScores(
        choice=choice,
        nominal=nominal,
        weight=weight,
        is_imputed=(weight > 0) & ~there,
        area_score=ranks.rounded(by_area),
        area_available=area_available * place[:, None],
        score=ranks.rounded(aggregation.weighted_mean(scale, weight)),
        potential=ranks.rounded(aggregation.weighted_mean(scale, weight - doing)),
        implementation=ranks.rounded(aggregation.weighted_mean(scale, doing)),
        availability=there[:, scored].mean(axis=1) * place,
        share_inherited=np.round((weight * matrix.is_inherited).sum(axis=1), DECIMALS) * place,
        share_own=np.round(own.sum(axis=1), DECIMALS) * place,
        is_available=available,
    )
