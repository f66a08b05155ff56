"""Between the warehouse and `composite/`: tables to arrays, and arrays back to the rows of score__*."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.catalog import Catalog, Indicator, League, MethodSpec
from pipeline.composite import leagues, screening
from pipeline.composite.aggregation import weighted_mean
from pipeline.composite.ranks import competition, rounded
from pipeline.composite.scoring import IndicatorSet, Method, SetScores, YearScores, frozen_bounds, score_year
from pipeline.composite.strategy_gate import gated
from pipeline.composite.values import Bools, Floats, Indicators, Ints, Matrix
from pipeline.errors import CatalogError, PipelineError

SETS = ("every_place", "city")
REASONS = {
    screening.SCORED: "",
    screening.NOT_IN_SET: "the set does not ask for it",
    screening.CONSTANT: "equal everywhere, so it cannot tell places apart",
    screening.AREA_TOO_THIN: "its area rests on too few indicators and is left out this year",
}


@dataclass(frozen=True)
class Year:
    """One edition year as arrays; ags: (units,) numbers, sorted."""

    year: int
    ags: Ints
    matrix: Matrix


@dataclass(frozen=True)
class Scored:
    """An edition year with its nominal scores and what they were made by."""

    year: Year
    spec: MethodSpec
    indicators: Indicators
    method: Method
    asked: Mapping[str, IndicatorSet]
    scores: YearScores


def score(catalog: Catalog, year: Year) -> Scored:
    """The nominal scores of one edition year."""
    spec = catalog.methods[catalog.editions[year.year].method]
    indicators, method, asked = indicator_arrays(catalog, spec), _method(catalog, spec), _asked(catalog, year.matrix)
    return Scored(year, spec, indicators, method, asked, score_year(year.matrix, indicators, asked, method))


def read_years(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> Iterator[Year]:
    """Every declared edition year, one at a time; the rows of a year are a full grid of places and indicators."""
    return (read_year(connection, catalog, year) for year in sorted(catalog.editions))


def read_year(connection: duckdb.DuckDBPyConnection, catalog: Catalog, year: int) -> Year:
    places = connection.execute(
        "select ags_number, population, land_code::integer as land, district_key::integer as district, size_class "
        f"from edition__places where edition_year = {year} order by ags_number"
    ).df()
    cells = connection.execute(
        "select ags_number, indicator_number, value, numerator, denominator, "
        "value_status = 'inherited' as is_inherited, "
        "value_status = 'carried_forward' or reference_year < edition_year as is_carried "
        f"from edition__values where edition_year = {year}"
    ).fetchnumpy()
    ags = places["ags_number"].to_numpy(dtype=np.int64)
    shape = (len(places), len(catalog.sorted_indicators))
    position = np.searchsorted(ags, cells["ags_number"]) * shape[1] + cells["indicator_number"]
    row = np.argsort(position)  # of each cell of the grid, place by place
    is_whole = np.array_equal(position[row], np.arange(shape[0] * shape[1]))
    if not is_whole or not np.array_equal(cells["ags_number"][row], np.repeat(ags, shape[1])):
        raise PipelineError(
            f"edition {year}: {len(position)} values, not one for each of {shape[0]} places x {shape[1]} indicators"
        )
    classes = {name: number for number, name in enumerate(sorted(catalog.leagues), 1)}
    matrix = Matrix(
        values=_floats(cells["value"][row], shape),
        numerators=_floats(cells["numerator"][row], shape),
        denominators=_floats(cells["denominator"][row], shape),
        is_inherited=_flags(cells["is_inherited"][row], shape),
        is_carried=_flags(cells["is_carried"][row], shape),
        population=places["population"].to_numpy(dtype=float, na_value=np.nan),
        land=places["land"].to_numpy(dtype=np.int64),
        district=places["district"].to_numpy(dtype=np.int64),
        size_class=places["size_class"].map(classes).fillna(0).to_numpy().astype(np.int64),
    )
    return Year(year, ags, matrix)


def _floats(column: Any, shape: tuple[int, int]) -> Floats:
    values = column.filled(np.nan) if np.ma.isMaskedArray(column) else column
    return np.asarray(values, dtype=float).reshape(shape)


def _flags(column: Any, shape: tuple[int, int]) -> Bools:
    values = column.filled(False) if np.ma.isMaskedArray(column) else column
    return np.asarray(values, dtype=bool).reshape(shape)


def indicator_arrays(catalog: Catalog, spec: MethodSpec) -> Indicators:
    areas = list(catalog.areas)

    def column(read: Any, kind: type) -> Any:
        return np.array([read(i) for i in catalog.sorted_indicators], dtype=kind)

    return Indicators(
        area=column(lambda i: areas.index(i.area), np.int64),
        is_implementation=column(lambda i: i.dimension == "implementation", bool),
        is_higher_better=column(lambda i: i.direction == "higher", bool),
        is_log1p=column(lambda i: i.log1p, bool),
        is_flag=column(lambda i: i.flag, bool),
        is_shrunk=column(lambda i: i.shrink, bool),
        per=column(lambda i: i.per, float),
        weight=column(lambda i: spec.indicator_weights.get(i.id, 1.0), float),
    )


def _asked(catalog: Catalog, matrix: Matrix) -> dict[str, IndicatorSet]:
    """What each set asks of whom: a set's places are those of its widest league."""
    asked = {}
    for name in SETS:
        smallest = min(lg.min_population for lg in catalog.leagues.values() if lg.indicator_set == name)
        in_set = np.array([name in i.sets for i in catalog.sorted_indicators])
        asked[name] = IndicatorSet(in_set, np.nan_to_num(matrix.population) >= smallest)
    return asked


def _method(catalog: Catalog, spec: MethodSpec) -> Method:
    areas = list(catalog.areas)
    bounds = {i.id: _bounds(catalog, spec, i) for i in catalog.sorted_indicators}
    return Method(
        area_weight=np.array([spec.area_weights[a] for a in areas], dtype=float),
        joins=np.array([areas.index(a.joins) if a.joins else -1 for a in catalog.areas.values()]),
        lower=np.array([bounds[i.id][0] for i in catalog.sorted_indicators], dtype=float),
        upper=np.array([bounds[i.id][1] for i in catalog.sorted_indicators], dtype=float),
        indicator_coverage=spec.screening.indicator_coverage,
        area_share=spec.screening.area_weight,
        unit_share=spec.screening.unit_share,
        area_minimum=spec.area_minimum_indicators,
        max_flag_share=spec.max_flag_share,
        imputation_minimum=spec.imputation_minimum_places,
    )


def _bounds(catalog: Catalog, spec: MethodSpec, indicator: Indicator) -> tuple[float, float]:
    """Goalposts where declared, else the frozen bounds; NaN for what is not scored."""
    if indicator.goalposts:
        return indicator.goalposts
    if not indicator.sets:
        return (np.nan, np.nan)
    frozen = catalog.bounds.get(spec.id)
    if frozen is None or frozen.version != spec.version or indicator.id not in frozen.indicators:
        raise CatalogError(
            f"bounds.yml: no bounds of {indicator.id!r} for method {spec.id} {spec.version}; "
            "`stadtrang bounds` computes them from the base years"
        )
    return frozen.indicators[indicator.id]


def new_bounds(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, spec: MethodSpec
) -> dict[str, tuple[float, float]]:
    """Bounds of all scored indicators without goalposts, from the method's base years."""
    years = [year.matrix for year in read_years(connection, catalog) if year.year in spec.base_years]
    if len(years) != len(spec.base_years):
        raise PipelineError(
            f"bounds need all base years {spec.base_years}; declared editions are {sorted(catalog.editions)}"
        )
    found = frozen_bounds(years, indicator_arrays(catalog, spec), spec.bounds_quantiles)
    result = {}
    for indicator, (lower, upper) in zip(catalog.sorted_indicators, found, strict=True):
        if not indicator.sets or indicator.goalposts:
            continue
        if not lower < upper:
            raise PipelineError(
                f"bounds of {indicator.id}: lower {lower}, upper {upper}; 95 % of people have the same value"
            )
        result[indicator.id] = (float(lower), float(upper))
    return result


def league_members(catalog: Catalog, scored: Scored, league_id: str) -> tuple[Bools, NDArray[np.str_]]:
    """(units,) who belongs to a league, and everyone's status in it."""
    league = catalog.leagues[league_id]
    result, known = scored.scores.sets[league.indicator_set], scored.year.matrix.population
    population = np.nan_to_num(known)
    is_member = population >= league.min_population
    if league.max_population is not None:
        is_member &= population < league.max_population
    if league.id == "germany":  # the league of all: also places whose population is not known, to say so
        is_member[:] = True
    status = leagues.standing(known, result.is_available, result.share_inherited, scored.spec.max_inherited_share)
    return is_member, status


def league_ranked(catalog: Catalog, scored: Scored, league_id: str) -> Bools:
    """(units,): who has a rank in the league."""
    is_member, status = league_members(catalog, scored, league_id)
    return np.asarray(is_member & (status == leagues.RANKED))


def tables(catalog: Catalog, scored: Scored) -> dict[str, pd.DataFrame]:
    """The rows of the tables score__* of one edition year."""
    frames: dict[str, list[pd.DataFrame]] = {}
    for name, frame in _frames(catalog, scored):
        frames.setdefault(name, []).append(frame)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in frames.items()}


def _frames(catalog: Catalog, scored: Scored) -> Iterator[tuple[str, pd.DataFrame]]:
    year, spec, scores = scored.year, scored.spec, scored.scores
    is_fact = np.array([i.source in spec.fact_sources for i in catalog.sorted_indicators])
    without_facts = {
        name: rounded(weighted_mean(scores.scale, result.weight * ~is_fact)) for name, result in scores.sets.items()
    }
    yield "score__cells", _cells(year, scores)
    for name, result in scores.sets.items():
        units = _units(year, name, result)
        units["score_without_facts"] = without_facts[name]
        yield "score__units", units
        yield "score__area_status", _area_status(catalog, spec, year, name, result)
        asked = scored.asked[name]
        rows = _indicator_status(catalog, spec, year, name, result, scores, scored.method, asked)
        yield "score__indicator_status", rows
    for league in catalog.leagues.values():
        result = scores.sets[league.indicator_set]
        is_member, status = league_members(catalog, scored, league.id)
        members = np.flatnonzero(is_member)
        ranks = leagues.rank(result.score, is_member, status)
        without = leagues.rank(without_facts[league.indicator_set], is_member, status)
        yield (
            "score__ranks",
            pd.DataFrame(
                {
                    "edition_year": year.year,
                    "league": league.id,
                    "ags_number": year.ags[members],
                    "rank": _or_null(ranks[members]),
                    "rank_without_facts": _or_null(without[members]),
                    "rank_strategy_gate": _or_null(_gate_ranks(catalog, scored, league, is_member, status)[members]),
                    "status": status[members],
                    "reason": [_why(catalog, spec, result, unit, str(status[unit])) for unit in members.tolist()],
                }
            ),
        )
        yield "score__areas", _areas(catalog, year, league.id, result, np.flatnonzero(is_member & (ranks > 0)))


def _gate_ranks(catalog: Catalog, scored: Scored, league: League, is_member: Bools, status: NDArray[np.str_]) -> Ints:
    """Ranks of the strategy-gate variant; nobody has one where the search for strategies is not declared complete."""
    gate = scored.spec.strategy_gate
    if not any(search.year == scored.year.year and search.league == league.id for search in gate.complete):
        return np.zeros(len(is_member), dtype=np.int64)
    column = [i.id for i in catalog.sorted_indicators].index(gate.indicator)
    has_strategy = scored.year.matrix.values[:, column] > 0
    result = scored.scores.sets[league.indicator_set]
    scores = gated(result, scored.indicators.is_implementation, has_strategy, gate.implementation_limit)
    return leagues.rank(scores, is_member, status)


def _why(catalog: Catalog, spec: MethodSpec, result: SetScores, unit: int, status: str) -> str:
    """In words, for the place's own page: what is missing for a rank."""
    if status == leagues.NO_POPULATION:
        return "its inhabitants are not known, or there are none"
    if status == leagues.MOSTLY_INHERITED:
        return (
            f"{result.share_inherited[unit]:.0%} of the weight is inherited, {spec.max_inherited_share:.0%} are allowed"
        )
    if status != leagues.AVAILABILITY or np.isnan(result.availability[unit]):
        return ""
    parts = [
        f"{area}: values for {share:.0%} of the area's weight, two thirds are needed"
        for area, share in zip(catalog.areas, result.area_available[unit], strict=True)
        if share < spec.screening.area_weight
    ]
    if result.availability[unit] < spec.screening.unit_share:
        share = result.availability[unit]
        parts.append(f"values for {share:.0%} of the indicators, {spec.screening.unit_share:.0%} are needed")
    return "; ".join(parts)


def _or_null(ranks: Ints) -> pd.Series:
    return pd.Series(ranks).astype("Int32").mask(ranks == 0)


def _cells(year: Year, scores: YearScores) -> pd.DataFrame:
    units, indicators = scores.value.shape
    by_set = {f"weight_{name}": result.weight for name, result in scores.sets.items()}
    return pd.DataFrame(
        {
            "edition_year": year.year,
            "ags_number": np.repeat(year.ags, indicators),
            "indicator_number": np.tile(np.arange(indicators), units),
            "value": scores.value.ravel(),
            "normalised": scores.normalised.ravel(),
            "is_imputed": scores.is_imputed.ravel(),
            **{name: np.where(weight > 0, np.round(weight, 12), np.nan).ravel() for name, weight in by_set.items()},
        }
    )


def _units(year: Year, name: str, result: SetScores) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "edition_year": year.year,
            "indicator_set": name,
            "ags_number": year.ags,
            "score": result.score,
            "score_potential": result.potential,
            "score_implementation": result.implementation,
            "availability": result.availability,
            "share_inherited": result.share_inherited,
            "share_own": result.share_own,
            "share_imputed": result.share_imputed,
        }
    )


def _areas(catalog: Catalog, year: Year, league: str, result: SetScores, ranked: Ints) -> pd.DataFrame:
    """The ranked places area by area; the area's name is a category, since a text per row takes most of the time."""
    names = list(catalog.areas)
    numbers = np.array(
        [n for n in range(len(names)) if result.choice.area_status[n] == screening.SCORED], dtype=np.int64
    )
    scores = result.area_score[np.ix_(ranked, numbers)]
    return pd.DataFrame(
        {
            "edition_year": year.year,
            "league": league,
            "ags_number": np.tile(year.ags[ranked], len(numbers)),
            "area": pd.Categorical.from_codes(np.repeat(numbers, len(ranked)), dtype=pd.CategoricalDtype(names)),
            "score": scores.ravel(order="F"),
            "rank": np.concatenate([np.array([], dtype=np.int64), *map(competition, scores.T)]),
            "availability": result.area_available[np.ix_(ranked, numbers)].ravel(order="F"),
        }
    )


def _area_status(catalog: Catalog, spec: MethodSpec, year: Year, name: str, result: SetScores) -> pd.DataFrame:
    rows = []
    choice = result.choice
    for number, area in enumerate(catalog.areas.values()):
        members = choice.is_scored & (choice.area == number)
        status = choice.area_status[number]
        reason = {
            screening.SCORED: "",
            screening.JOINED: f"too few indicators of its own; they stand in {area.joins}",
            screening.LEFT_OUT: f"fewer than {spec.area_minimum_indicators} indicators pass the screening "
            "(two where one is a dated continuous value of the place itself)",
        }[status]
        rows.append(
            (
                year.year,
                name,
                area.id,
                status,
                reason,
                int(members.sum()),
                round(float(result.nominal[members].sum()), 12),
            )
        )
    columns = ["edition_year", "indicator_set", "area", "status", "reason", "indicators", "weight"]
    return pd.DataFrame(rows, columns=columns)


def _indicator_status(
    catalog: Catalog,
    spec: MethodSpec,
    year: Year,
    name: str,
    result: SetScores,
    scores: YearScores,
    method: Method,
    asked: IndicatorSet,
) -> pd.DataFrame:
    areas = list(catalog.areas)
    choice = result.choice
    rows = []
    for k, indicator in enumerate(catalog.sorted_indicators):
        status = choice.status[k]
        coverage = float(choice.coverage[k])
        reason = REASONS.get(status) or (
            f"{coverage:.1%} of the places have a value, {spec.screening.indicator_coverage:.0%} are asked"
            if status == screening.COVERAGE
            else ""
        )
        given = scores.normalised[asked.is_place & ~np.isnan(year.matrix.values[:, k]), k]
        given = given[~np.isnan(given)]
        share_0, share_100 = (float((given == end).mean()) if len(given) else np.nan for end in (0.0, 100.0))
        weight = round(float(result.nominal[k]), 12)
        rows.append(
            (year.year, name, indicator.id, areas[choice.area[k]], status, reason, coverage, weight,
             method.lower[k], method.upper[k], share_0, share_100)
        )  # fmt: skip
    columns = [
        "edition_year", "indicator_set", "indicator_id", "area", "status", "reason", "coverage", "weight",
        "lower_bound", "upper_bound", "share_at_0", "share_at_100",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)
