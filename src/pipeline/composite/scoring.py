"""The steps of the default method in their order, for one edition year."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.composite import (
    aggregation,
    draws,
    imputation,
    noise,
    normalisation,
    ranks,
    screening,
    shrinkage,
    weights,
)
from pipeline.composite.draws import Draws
from pipeline.composite.noise import Noise
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
    share_own, share_imputed: (units,); is_available: (units,).
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
    share_imputed: Floats
    is_available: Bools


@dataclass(frozen=True)
class YearScores:
    """value: (units, indicators) shrunk and imputed, in the indicator's unit; normalised: 0 to 100; scale: the same
    with everything filled that can be, scored or not."""

    value: Floats
    normalised: Floats
    scale: Floats
    is_imputed: Bools
    sets: Mapping[str, SetScores]


def shrink(matrix: Matrix, indicators: Indicators) -> Floats:
    """(units, indicators): values with the declared counts shrunk; inherited values are no place's own count."""
    values = finite(matrix.values).copy()
    for k in np.flatnonzero(indicators.is_shrunk):
        rate = shrinkage.shrink_rates(own_counts(matrix, k), matrix.denominators[:, k], matrix.district, matrix.land)
        values[:, k] = np.where(np.isnan(rate), values[:, k], indicators.per[k] * rate)
    return np.round(values, DECIMALS)


def own_counts(matrix: Matrix, k: int | np.intp) -> Floats:
    """(units,): an inherited count is its district's, which says nothing of the place's own chance."""
    return np.where(matrix.is_inherited[:, k], np.nan, matrix.numerators[:, k])


def frozen_bounds(years: Sequence[Matrix], indicators: Indicators, quantiles: tuple[float, float]) -> Floats:
    """(indicators, 2): population-weighted quantiles over all places and base years, to six significant digits."""
    values = np.concatenate([shrink(matrix, indicators) for matrix in years])
    population = np.concatenate([np.nan_to_num(matrix.population) for matrix in years])
    found = [[normalisation.weighted_quantile(column, population, q) for q in quantiles] for column in values.T]
    return np.array([[float(f"{bound:.6g}") for bound in pair] for pair in found])


@dataclass(frozen=True)
class Stages:
    """Values on their way, the same for every set and draw: shrunk (units, indicators) in the indicator's unit; filled
    the same on the treated scale with nothing missing that can be imputed; noise: the cells that a draw may change."""

    shrunk: Floats
    filled: Floats
    noise: Sequence[Noise]


def stages(matrix: Matrix, indicators: Indicators, method: Method, with_noise: bool = False) -> Stages:
    """Shrinkage, treatment and imputation; the uncertain cells only where they are asked for."""
    shrunk = shrink(matrix, indicators)
    treated = normalisation.treat(shrunk, indicators.is_log1p)
    donors = imputation.without_partial_lists(treated, indicators.is_flag, matrix.land)
    filled = imputation.impute(treated, _alike(matrix), method.imputation_minimum, donors)
    found: list[Noise] = []
    if with_noise:
        for k in range(treated.shape[1]):
            if indicators.is_shrunk[k]:
                rates = shrinkage.posterior(
                    own_counts(matrix, k), matrix.denominators[:, k], matrix.district, matrix.land
                )
                found.append(noise.of_counts(rates, k, float(indicators.per[k]), bool(indicators.is_log1p[k])))
            found.append(noise.of_gaps(treated, k, _alike(matrix), method.imputation_minimum, donors))
    return Stages(shrunk, filled, [part for part in found if len(part.units)])


def score_year(
    matrix: Matrix,
    indicators: Indicators,
    sets: Mapping[str, IndicatorSet],
    method: Method,
    draw: Draws | None = None,
    ags: Ints | None = None,
) -> YearScores:
    """Raw values to scores. Screening sees the raw availability; imputation comes after it and never adds to it.

    draw: one draw, by default the nominal one (draw 0), whose scores are published; ags: (units,) the places' numbers,
    by which a draw's noise is keyed.
    """
    if draw is None:
        names = draws.Names(("",) * len(method.joins), ("",) * len(indicators.area))
        draw = draws.nominal(names)
    if len(draw) != 1 or (draw.numbers[0] > 0 and ags is None):
        raise PipelineError(f"one draw can be scored at a time, with its places' numbers; found {len(draw)} draws")
    steps = stages(matrix, indicators, method, with_noise=bool(draw.numbers[0] > 0))
    results, scales = {}, {}
    for name, chosen in sets.items():
        choice = _choose(matrix, indicators, chosen, method)
        scales[name] = _drawn_scale(steps, indicators, method, chosen, choice, draw, ags)
        results[name] = _score_set(matrix, indicators, chosen, method, choice, scales[name], draw)
    is_imputed = np.any([result.is_imputed for result in results.values()], axis=0)
    keep = ~np.isnan(steps.shrunk) | is_imputed
    filled = np.round(normalisation.untreat(steps.filled, indicators.is_log1p), DECIMALS)
    everywhere = np.ones(len(steps.filled), dtype=bool)
    published, _ = scale_of(steps, indicators, method, everywhere, everywhere, draws.DECLARED, draws.MIN_MAX)
    scale = np.round(published, DECIMALS)
    return YearScores(
        value=np.where(keep, np.where(is_imputed, filled, steps.shrunk), np.nan),
        normalised=np.where(keep, scale, np.nan),
        scale=scale,
        is_imputed=is_imputed,
        sets=results,
    )


Scale = Callable[[int, Floats], Floats]  # treated values of an indicator, in any shape, to scores of 0 to 100


def scale_of(
    steps: Stages,
    indicators: Indicators,
    method: Method,
    is_place: Bools,
    is_scored: Bools,
    treatment: str,
    kind: str,
) -> tuple[Floats, Scale]:
    """A scenario's scores (units, indicators) of the filled values, and the same scale for other values.

    Between bounds the scale is a formula. Percentiles and z-scores rest on the set's places as they are; a drawn value
    between two places' values stands between their scores.
    """
    is_log1p = indicators.is_log1p
    lower, upper = method.lower, method.upper
    filled = steps.filled
    if treatment == draws.DECLARED:
        lower = normalisation.treat(lower[None, :], is_log1p)[0]
        upper = normalisation.treat(upper[None, :], is_log1p)[0]
    else:
        filled = normalisation.untreat(filled, is_log1p)

    def treated(k: int, values: Floats) -> Floats:
        return np.expm1(values) if treatment != draws.DECLARED and is_log1p[k] else values

    if kind == draws.MIN_MAX:

        def between_bounds(k: int, values: Floats) -> Floats:
            column = treated(k, values).reshape(-1, 1)
            one = slice(k, k + 1)
            found = normalisation.min_max(column, lower[one], upper[one], indicators.is_higher_better[one])
            return found.reshape(values.shape)

        return normalisation.min_max(filled, lower, upper, indicators.is_higher_better), between_bounds
    kinds = {draws.PERCENTILE: normalisation.percentile, draws.Z_SCORE: normalisation.z_score}
    scored = np.where(is_scored, filled, np.nan)  # what is not scored may be equal everywhere, and has no scale then
    scale = kinds[kind](scored, is_place, indicators.is_higher_better)

    def between_places(k: int, values: Floats) -> Floats:
        known = is_place & ~np.isnan(scored[:, k])
        places, first = np.unique(scored[known, k], return_index=True)
        return np.asarray(np.interp(treated(k, values), places, scale[known, k][first]))

    return scale, between_places


def _drawn_scale(
    steps: Stages,
    indicators: Indicators,
    method: Method,
    chosen: IndicatorSet,
    choice: screening.Choice,
    draw: Draws,
    ags: Ints | None,
) -> Floats:
    """(units, indicators): the scores of one draw, its uncertain cells at the values that it gives them."""
    scores, scale = scale_of(
        steps, indicators, method, chosen.is_place, choice.is_scored, draw.treatment[0], draw.normalisation[0]
    )
    if ags is None:
        return np.round(scores, DECIMALS)
    base = scores.copy()  # the scale rests on the scores as they are
    for part in steps.noise:
        k = part.indicator
        if not choice.is_scored[k] or not getattr(draw.factors, part.factor):
            continue
        numbers = getattr(draw, part.factor)
        level = draws.levels(draw.seed, part.factor, draw.names.indicators[k], ags[part.units], numbers)[0]
        base[part.units, k] = scale(k, part.values[part.row, level])
    return np.round(base, DECIMALS)


def _alike(matrix: Matrix) -> list[Ints]:
    """Groups to impute from, the closest first."""
    classes = int(matrix.size_class.max(initial=0)) + 1
    return [
        matrix.district * classes + matrix.size_class,
        matrix.land * classes + matrix.size_class,
        matrix.size_class,
    ]


def _choose(matrix: Matrix, indicators: Indicators, chosen: IndicatorSet, method: Method) -> screening.Choice:
    choice = screening.choose(
        matrix,
        indicators,
        chosen.in_set,
        chosen.is_place,
        method.joins,
        method.indicator_coverage,
        method.area_minimum,
    )
    unbounded = choice.is_scored & ~(method.lower < method.upper)
    if unbounded.any():
        raise PipelineError(f"indicators without bounds: numbers {np.flatnonzero(unbounded).tolist()}")
    return choice


def _score_set(
    matrix: Matrix,
    indicators: Indicators,
    chosen: IndicatorSet,
    method: Method,
    choice: screening.Choice,
    scale: Floats,
    draw: Draws,
) -> SetScores:
    scored, area, areas = choice.is_scored, choice.area, len(method.joins)
    nominal = weights.effective(
        indicators.weight, area, method.area_weight, scored, indicators.is_flag, method.max_flag_share
    )
    there = ~np.isnan(matrix.values) & scored
    area_available = screening.area_availability(there, nominal, area, areas)
    available = chosen.is_place & screening.is_available(
        there[:, scored], area_available, method.area_share, method.unit_share
    )
    inside = weights.drawn(nominal, area, draw.indicator_weight[0], draw.area_weight[0])
    weight = aggregation.unit_weights(~np.isnan(scale) & scored & available[:, None], inside, area)
    by_area = aggregation.area_scores(scale, weight, area, areas)
    by_area_weight = np.bincount(area, weights=inside, minlength=areas).astype(float)
    kept = weights.without_area(by_area_weight[None, :], draw.left_out)[0]
    weight = weight * (kept > 0)[area]
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
        score=ranks.rounded(_total(scale, weight, by_area, kept, draw.aggregation[0])),
        potential=ranks.rounded(aggregation.weighted_mean(scale, weight - doing)),
        implementation=ranks.rounded(aggregation.weighted_mean(scale, doing)),
        availability=there[:, scored].mean(axis=1) * place,
        share_inherited=np.round((weight * matrix.is_inherited).sum(axis=1), DECIMALS) * place,
        share_own=np.round(own.sum(axis=1), DECIMALS) * place,
        share_imputed=np.round((weight * ~there).sum(axis=1), DECIMALS) * place,
        is_available=available,
    )


def _total(scale: Floats, weight: Floats, by_area: Floats, area_weight: Floats, kind: str) -> Floats:
    """(units,): the draw's aggregation between areas; by default the arithmetic mean, straight from the indicators."""
    if kind == draws.ARITHMETIC:
        return aggregation.weighted_mean(scale, weight)
    if kind == draws.GEOMETRIC:
        return aggregation.geometric(aggregation.above_zero(by_area), area_weight)
    return aggregation.copeland(by_area, area_weight)
