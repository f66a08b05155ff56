"""One place's rank, explained number by number: source cell, typed value, indicator, bounds, weight, area, score, rank.

All numbers are those of the published files of the edition. The cells behind a value are found by running the SQL of
its indicator once more on the figures, with companions that carry the cells along (`lineage`), and led back to the
publishers' files (`origins`). What that SQL gives must be what is published, or the value is said not to be traced.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from pipeline import archive, figures, lineage, origins, publish, published, warehouse
from pipeline.catalog import Catalog, Indicator
from pipeline.composite import normalisation
from pipeline.errors import PipelineError, UsageError
from pipeline.origins import Cell, Origin

FILES = ("rankings", "indicators", "weights", "areas", "area_scores", "sources", "dictionary")
EVERYWHERE, MAIN_LEAGUE = "germany", "city_30k"
ROLES = ("numerator", "denominator", "value")
LEVELS = ("municipality", "association", "district")  # of a place: the finest first, as values are chosen
PLACES = "core__municipalities"
TERRITORY = ("predecessors",)  # columns about another territory, where the edition has them
SHARE_DIGITS = 1e-3  # relative; shares of territory are published with four digits
FOREIGN = ("inherited", "imputed")  # values that are not the place's own
OTHER_FIGURES = (
    "the edition's figures are not the ones in {folder}; name the folder that it was built from with --figures"
)
NO_ROW = "no row of the source names this place, and the source is complete: {rule}"
NOT_TRACED = "the program's SQL gives another value than the edition has: another version of the program made it"
NOTICE = "arithmetic on the published numbers, small counts as shrunk, everything else unchanged; no advice"


@dataclass(frozen=True)
class Trace:
    """The cells of one value by role, the columns of typed tables that they stand in, or why there are none.

    not_followed: roles whose number belongs to the new territory and not to the rows that the value came from.
    """

    cells: dict[str, list[Cell]] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    missing_because: str | None = None
    not_followed: list[str] = field(default_factory=list)


def require_place(edition: duckdb.DuckDBPyConnection, entry: str, catalog: Catalog) -> str:
    """The AGS of the one place that a key or name means, ranked or not; an error with the candidates where none is."""
    (found,) = published.match(edition, EVERYWHERE, [entry], catalog)
    return published.known(found)


def require_indicators(edition: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    """An error for what is no indicator of the edition."""
    there = [row[0] for row in edition.execute("select distinct indicator_id from indicators order by 1").fetchall()]
    unknown = sorted(set(names) - set(there))
    if unknown:
        raise UsageError(f"unknown indicator {', '.join(unknown)}; the edition has {', '.join(there)}")


def document(
    catalog: Catalog,
    edition: duckdb.DuckDBPyConnection,
    folder: Path,
    ags: str,
    league: str | None = None,
    only: Sequence[str] = (),
    figures_folder: Path = figures.BUNDLED,
    archive_root: Path | None = None,
) -> dict[str, Any]:
    """Everything about one place in one league (by default `city_30k` where it belongs to it, else `germany`).

    edition: its FILES; folder: where they are, with the lock; only: indicators to show; archive_root: also read the
    publishers' originals and give the text that stands in each cell (`raw`). Raises UsageError where the place is not
    in the league or the figures are not the edition's, ReadError where an original cannot be read.

    `place`: its row of `rankings`; `leagues`: its ranks in all of them; `areas`: weight, score and points (weight x
    score), or why they are not scored; `indicators`: the published row with `scale` (value to 0 to 100), `points`,
    `columns` (of typed tables, by role, from the SQL) and `cells` (file, sha256, sheet, row, column, header, value,
    and the typed row), scored ones first; `sum_of_points`: the score; `next_group`: see there.
    """
    leagues = _rows(edition, "from rankings where ags = $1 order by league", [ags])
    member = {row["league"]: row for row in leagues}
    league = league or (MAIN_LEAGUE if MAIN_LEAGUE in member else EVERYWHERE)
    if league not in member:
        raise UsageError(f"{leagues[0]['name']} ({ags}) is not in {league}; it is in {', '.join(member)}")
    place = member[league]
    year = place["edition_year"]
    indicator_set = catalog.leagues[league].indicator_set
    values = _values(edition, catalog, ags, indicator_set)
    shown = [row for row in values if not only or row["indicator_id"] in only]
    files = {(row["source_id"], row["edition"], row["part"]): row for row in _rows(edition, "from sources")}
    require_figures(catalog, folder, figures_folder)
    with warehouse.connect(threads=2) as connection:
        wanted = [row["indicator_id"] for row in shown if row["value_unshrunk"] is not None]
        tracer = prepare(connection, catalog, figures_folder, [year], {source for source, *_ in files}, wanted)
        units = unit_keys(connection, year, ags)
        traces = {row["indicator_id"]: follow(connection, tracer, catalog, units, row) for row in shown}
        cells = {cell for found in traces.values() for some in found.cells.values() for cell in some}
        places = origins.locate(connection, catalog, cells)
    file_of = {cell: _file(files, origin) for cell, origin in places.items()}
    digests = {cell: file["sha256"] for cell, file in file_of.items()}
    texts = origins.texts(archive_root, places, digests) if archive_root else {}
    entries = [
        _indicator(catalog, row, traces[row["indicator_id"]], places, file_of, texts, archive_root is not None)
        for row in shown
    ]
    ranked = edition.execute("select count(rank) from rankings where league = $1", [league]).fetchall()[0][0]
    return {
        "edition_year": year,
        "revision": place["revision"],
        "league": league,
        "indicator_set": indicator_set,
        "ranked": ranked,
        "only": list(only),
        "place": place,
        "leagues": [
            {key: row[key] for key in ("league", "rank", "rank_group", "rank_p05", "rank_p95", "score", "reason")}
            for row in leagues
        ],
        "areas": _areas(edition, ags, league, indicator_set, values),
        "indicators": entries,
        "sum_of_points": sum(row["points"] for row in values if row["points"] is not None) or None,
        "next_group": next_group(edition, catalog, place, shown),
    }


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
    result = connection.execute(sql, list(parameters))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _values(edition: duckdb.DuckDBPyConnection, catalog: Catalog, ags: str, indicator_set: str) -> list[dict[str, Any]]:
    """The place's published indicator rows with weight, points and scale in the set; the scored ones first."""
    weight = "weight_effective_city" if indicator_set == "city" else "weight_effective"
    rows = _rows(
        edition,
        f"""
        select
          indicators.* exclude (edition_year, ags, area, weight_effective, weight_effective_city), scored.area,
          indicators.{weight} as weight, indicators.{weight} * indicators.normalised as points,
          scored.status, scored.reason, finite_or_null(scored.lower_bound) as lower_bound,
          finite_or_null(scored.upper_bound) as upper_bound,
          terms.label_de, terms.label_en, terms.direction, terms.treatment, terms.is_shrunk = 'yes' as is_shrunk
        from indicators
        join weights as scored on scored.indicator_id = indicators.indicator_id and scored.indicator_set = $1
        join dictionary as terms on terms.kind = 'indicator' and terms.name = indicators.indicator_id
        where indicators.ags = $2
        """,
        [indicator_set, ags],
    )
    areas = list(catalog.areas)
    return sorted(rows, key=lambda row: (row["weight"] is None, areas.index(row["area"]), row["indicator_id"]))


def require_figures(catalog: Catalog, folder: Path, figures_folder: Path) -> None:
    """The typed tables must be those that the edition's lock names."""
    try:
        locked = json.loads((folder / publish.LOCK).read_text("utf-8"))["figures"]
    except (OSError, ValueError, KeyError) as error:
        raise PipelineError(f"{folder}: {publish.LOCK} does not say which figures the edition was made from") from error
    try:
        there = figures.sums(catalog, figures_folder)
    except OSError as error:
        raise UsageError(f"--figures {figures_folder}: {error.strerror}: {error.filename}") from error
    if locked != there:
        raise UsageError(OTHER_FIGURES.format(folder=figures_folder))


def prepare(
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    folder: Path,
    years: Collection[int],
    sources: Collection[str],
    indicators: Iterable[str],
) -> lineage.Tracer:
    """Make what `follow` asks for these indicators: their models with companions, as views on a folder of figures.

    years: editions to be followed; with those that they carry values from, only these are computed. sources: those that
    the editions name. The connection keeps the typed tables.
    """
    warehouse.declare(connection, catalog)
    carried = {catalog.methods[catalog.edition(year).method].carry_forward_years for year in years}
    connection.execute(
        f"delete from frame__years where edition_year not between {min(years) - max(carried)} and {max(years)}"
    )
    typed = origins.number_tables(connection, catalog, folder, sources)
    others = {name: columns for name, columns in warehouse.all_columns(connection).items() if name not in typed}
    models = {name: sql for name, sql in catalog.sql.items() if catalog.sql_layer[name] in ("2_core", "3_indicators")}
    tracer = lineage.Tracer(models, typed, others)
    for indicator in indicators:
        model = catalog.indicators[indicator].model
        for role in _roles(tracer, model):
            tracer.ask(model, role)
    warehouse.run(connection, tracer.known(PLACES), keep={*tracer.reads(), PLACES})
    for name, sql in tracer.views().items():
        connection.execute(f'create view "{name}" as {sql}')
    return tracer


def _roles(tracer: lineage.Tracer, model: str) -> list[str]:
    there = tracer.columns_of(model)
    return [role for role in ROLES if role in there]


def unit_keys(connection: duckdb.DuckDBPyConnection, year: int, ags: str) -> list[str]:
    """The place's own key, its association's and its district's."""
    sql = f"select [ags, association_key, district_key] from {PLACES} where list_year = $1 and ags = $2"
    ((keys,),) = connection.execute(sql, [year, ags]).fetchall()
    return list(keys)


def follow(
    connection: duckdb.DuckDBPyConnection,
    tracer: lineage.Tracer,
    catalog: Catalog,
    units: list[str],
    row: Mapping[str, Any],
) -> Trace:
    """The cells behind one published row of `indicators`, where the same value comes out of the SQL again.

    units: the `unit_keys` of the row's place.
    """
    if row["value_unshrunk"] is None:
        said = "" if row["sign_raw"] is None else f", {row['sign_raw']!r} in row {row['source_row']} of its file"
        return Trace(missing_because=f"no value: {row['missing_because']}{said}")
    indicator = catalog.indicators[row["indicator_id"]]
    columns = {role: tracer.ask(indicator.model, role) for role in _roles(tracer, indicator.model)}
    named = {role: sorted(f"{table}.{column}" for table, column in found) for role, found in columns.items()}
    if row.get("predecessors"):
        cells = _of_predecessors(connection, indicator, row, named)
    else:
        cells = _of_place(connection, indicator, units, row, named)
    if cells is None:
        return Trace(columns=named, missing_because=NOT_TRACED)
    shown: dict[str, list[Cell]] = {}
    for role in ROLES:  # a value is made of its numerator and denominator, whose cells are shown once
        own = cells.get(role, set()).difference(*(cells.get(other, set()) for other in shown))
        if own:
            shown[role] = [tracer.cell(number) for number in sorted(own)]
    counted = "value" if row["numerator"] is None else "numerator"  # where that has no cell, nothing was counted
    missing = None if cells.get(counted) else NO_ROW.format(rule=indicator.null_rule)
    lost = [role for role in ROLES[:2] if row.get("predecessors") and row[role] is not None and not cells.get(role)]
    return Trace(shown, named, missing, lost)


def _of_place(
    connection: duckdb.DuckDBPyConnection,
    indicator: Indicator,
    units: list[str],
    row: Mapping[str, Any],
    named: Mapping[str, Sequence[str]],
) -> dict[str, set[int]] | None:
    """The cells by role of the very value that is published, of the place or of the unit that it inherits it from."""
    companions = "".join(f', "{role}{lineage.CELLS}"' for role, columns in named.items() if columns)
    for key in dict.fromkeys(units[LEVELS.index(row["level"]) :] + units):  # by one key at a time: read, not searched
        rows = _rows(
            connection,
            f'select level{companions} from "{lineage.TRACED}{indicator.model}" '
            f"where unit_key = {warehouse.literal(key)} and reference_date = date '{row['reference_date']}' "
            "and value = $1 and row_number is not distinct from $2 and edition is not distinct from $3",
            [row["value_unshrunk"], row["source_row"], row["source_edition"]],
        )
        if rows:
            return {role: set(rows[0].get(role + lineage.CELLS) or ()) for role in named}
    return None


def _of_predecessors(
    connection: duckdb.DuckDBPyConnection,
    indicator: Indicator,
    row: Mapping[str, Any],
    named: Mapping[str, Sequence[str]],
) -> dict[str, set[int]] | None:
    """The cells by role of a value that came from other territory: `key` or `key (share)` for every part of it.

    Only what adds up to the published numbers counts; a denominator that is the new territory's own has no cells here.
    """
    shares = {key: float(share or 1) for key, share in re.findall(r"(\d+)(?: \(([\d.]+)\))?", row["predecessors"])}
    parts = _rows(
        connection,
        f'from "{lineage.TRACED}{indicator.model}" where list_contains($1, unit_key) and reference_date = $2 '
        "and edition is not distinct from $3 order by unit_key",
        [list(shares), row["reference_date"], row["source_edition"]],
    )
    cells = {}
    for role in named:
        stands = row["value_unshrunk"] if role == "value" else row[role]
        numbers = [shares[part["unit_key"]] * float(part[role]) for part in parts if part[role] is not None]
        is_same = stands is not None and math.isclose(sum(numbers), stands, rel_tol=SHARE_DIGITS)
        cells[role] = set().union(*(part.get(role + lineage.CELLS) or () for part in parts)) if is_same else set()
    return cells if any(cells.values()) else None


def _file(files: Mapping[tuple[str, str, str], dict[str, Any]], origin: Origin) -> dict[str, Any]:
    key = (origin.source.id, origin.edition, archive.part_name(origin.part))
    if key not in files:
        raise PipelineError(f"sources.parquet: {' '.join(key)} is not there, and a value rests on it")
    return files[key]


def _indicator(
    catalog: Catalog,
    row: dict[str, Any],
    found: Trace,
    places: Mapping[Cell, Origin],
    files: Mapping[Cell, dict[str, Any]],
    texts: Mapping[Cell, str | None],
    is_read: bool,
) -> dict[str, Any]:
    """One value with its way from the cells to its points."""
    cells = [
        _cell(role, places[cell], files[cell]) | ({"raw": texts[cell]} if is_read else {})
        for role in ROLES
        for cell in found.cells.get(role, ())
    ]
    source = catalog.sources[row["source_id"]]
    return {
        **{key: value for key, value in row.items() if key not in TERRITORY},
        "publisher": source.publisher,
        "model": catalog.indicators[row["indicator_id"]].model,
        "territory": {name: row[name] for name in TERRITORY if row.get(name) is not None},
        "columns": found.columns,
        "cells": cells,
        "cells_missing_because": found.missing_because,
        "not_followed": found.not_followed,
        "scale": scale(row),
    }


def _cell(role: str, origin: Origin, file: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "used_for": role,
        "source_id": origin.source.id,
        "edition": origin.edition,
        "part": archive.part_name(origin.part),
        "file": file["file"],
        "sha256": file["sha256"],
        "reader": origin.layout.reader,
        "sheet": origin.layout.sheet,
        "row": origin.row,
        "column": origin.mark,
        "header": origin.header,
        "cell": origin.address,
        "value": origin.value,
        "typed_column": f"{origin.table}.{origin.column}",
        "typed": dict(origin.typed),
    }


def scale(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """How the value becomes 0 to 100, in numbers and as a formula; None for what has no value or no scale."""
    value, lower, upper = row["value"], row["lower_bound"], row["upper_bound"]
    if value is None or row["normalised"] is None or lower is None or upper is None:
        return None
    is_log, is_higher_better = row["treatment"] != "none", row["direction"] == "higher"
    held = min(max(value, lower), upper)
    shown = [f"ln(1 + {number:g})" if is_log else f"{number:g}" for number in (held, lower, upper)]
    share = f"({shown[0]} - {shown[1]}) / ({shown[2]} - {shown[1]})"
    return {
        "lower": lower,
        "upper": upper,
        "direction": row["direction"],
        "treatment": row["treatment"],
        "treated": float(_treated(value, is_log)),
        "is_clipped": held != value,
        "clipped": held,
        "formula": f"100 x {share}" if is_higher_better else f"100 x (1 - {share})",
        "recomputed": scaled(row),
    }


def _treated(value: float, is_log: bool) -> Any:
    return normalisation.treat(np.array([[value]]), np.array([is_log]))[0, 0]


def scaled(row: Mapping[str, Any]) -> float:
    """A row's value on 0 to 100 between its bounds, as the method does it."""
    is_log = row["treatment"] != "none"
    treated, low, high = (np.array([[_treated(row[key], is_log)]]) for key in ("value", "lower_bound", "upper_bound"))
    is_higher_better = np.array([row["direction"] == "higher"])
    return float(normalisation.min_max(treated, low[0], high[0], is_higher_better)[0, 0])


def _areas(
    edition: duckdb.DuckDBPyConnection,
    ags: str,
    league: str,
    indicator_set: str,
    values: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """All areas: the scored ones with score, rank and points, the others with the reason."""
    rows = _rows(
        edition,
        "select areas.area, areas.status, areas.reason, areas.weight, own.score, own.rank, own.rank_p05, own.rank_p95 "
        "from areas left join area_scores as own on own.area = areas.area and own.ags = $1 and own.league = $2 "
        "where areas.indicator_set = $3 order by areas.area",
        [ags, league, indicator_set],
    )
    points: dict[str, float] = {}
    for row in values:
        if row["points"] is not None:
            points[row["area"]] = points.get(row["area"], 0.0) + row["points"]
    return [{**row, "points": points.get(row["area"])} for row in rows]


def next_group(
    edition: duckdb.DuckDBPyConnection, catalog: Catalog, place: Mapping[str, Any], values: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """How far it is to the score of the last place of the next better group, and which value alone would close that."""
    group, score = place["rank_group"], place["score"]
    if score is None:
        return {"notice": NOTICE, "reason": f"no rank: {place['reason'] or place['status']}"}
    if group is None:
        return {"notice": NOTICE, "reason": "the edition has no draws, so no groups"}
    ahead = _rows(
        edition,
        "select ags, name, rank, score, rank_group from rankings where league = $1 and rank_group < $2 "
        "order by rank_group desc, rank desc, ags limit 1",
        [place["league"], group],
    )
    if not ahead:
        return {"notice": NOTICE, "reason": "it is in the first group"}
    gap = ahead[0]["score"] - score
    own = [row for row in values if row["points"] is not None and _is_own(row)]
    return {
        "notice": NOTICE,
        "reason": "",
        "last_ahead": ahead[0],
        "points_missing": gap,
        "by_one_value": [_alone(catalog.indicators[row["indicator_id"]], row, gap) for row in own],
    }


def _is_own(row: Mapping[str, Any]) -> bool:
    return row["value_status"] not in FOREIGN and row["level"] == "municipality"


def _alone(indicator: Indicator, row: Mapping[str, Any], gap: float) -> dict[str, Any]:
    """The value of one indicator that would add the missing points, rounded to its decimals to the better side."""
    lower, upper, is_log = row["lower_bound"], row["upper_bound"], row["treatment"] != "none"
    needed = row["normalised"] + gap / row["weight"]
    result = {
        "indicator_id": indicator.id, "unit": indicator.unit, "value": row["value"], "needed": None,
        "is_reachable": needed <= 100.0,
    }  # fmt: skip
    if needed > 100.0:
        return result
    share = needed / 100.0 if indicator.direction == "higher" else 1.0 - needed / 100.0
    low, high = _treated(lower, is_log), _treated(upper, is_log)
    exact = float(normalisation.untreat(np.array([[low + share * (high - low)]]), np.array([is_log]))[0, 0])
    step = 10.0**indicator.decimals
    rounded = np.ceil(exact * step) if indicator.direction == "higher" else np.floor(exact * step)
    return {**result, "needed": float(rounded / step)}
