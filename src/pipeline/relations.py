"""What must hold between values: inside a row, between levels, from one date to the next, between two sources.

A relation is one SELECT in sql/relations that gives a row per break: `source_id, edition, row_number, expected, found`.
It runs where the files are read, on all their rows (totals too), since it needs the other editions and sources beside
the one that it looks at. One whose tables are not all there does not run.
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import pandas as pd

from pipeline import warehouse
from pipeline.catalog import Catalog
from pipeline.errors import CheckError, PipelineError

SHOWN = 3  # breaks of one relation that the message names
VALUES = {
    "source_id": "varchar", "edition": "varchar", "part": "varchar", "level": "varchar", "unit_key": "varchar",
    "unit_name": "varchar",
    "variable": "varchar", "reference_date": "date", "value": "double", "row_number": "bigint",
}  # fmt: skip
OWN_DATE = "territory_date"
NAMED = [  # tables in which the key of a municipality stands beside its name: key, name, rows, day of the territory
    ("typed__destatis_gv__units", "ags", "name", "record_type = '60'", OWN_DATE),
    ("typed__destatis_gv100ad__units", "ags", "name", "record_type = '60'", OWN_DATE),
    ("typed__destatis_population_2018__places", "ags", "null", "true", "population_date"),
    ("typed__bkg_vg5000__outlines", "ags", "name", "true", "date '2021-01-01'"),
    ("typed__bbsr_umstieg__pairs", "source_ags", "source_name", "true", "source_date"),
    ("typed__bbsr_umstieg__pairs", "target_ags", "target_name", "true", "null"),
    (
        "typed__bbsr_deutschlandatlas__values",
        "unit_key",
        "unit_name",
        "true",
        "make_date(2000 + right(part, 2)::int, 12, 31)",
    ),
    ("typed__bbsr_inkar_2024__values", "unit_key", "unit_name", "level = 'municipality'", "null"),
    ("typed__bbsr_inkar_export__values", "unit_key", "unit_name", "level = 'municipality'", "date '2022-12-31'"),
    ("typed__facts_funding__members", "ags", "member_name", "entity_type = 'Gemeinde'", "null"),
    ("typed__facts_strategies__evidence", "ags", "place_name", "true", "null"),
]
STEPS = """
with dates as (
  select *, lag(reference_date) over (partition by source_id, level, variable order by reference_date) as before
  from (select distinct source_id, level, variable, reference_date from typed_values)
)
select newer.*, dates.before, older.value as value_before
from typed_values as newer
join dates using (source_id, level, variable, reference_date)
join typed_values as older
  on older.source_id = newer.source_id and older.level = newer.level and older.variable = newer.variable
  and older.reference_date = dates.before and older.unit_key = newer.unit_key
where newer.value is not null and older.value is not null
"""
NAMES = {
    "source_id": "varchar", "edition": "varchar", "part": "varchar", "row_number": "bigint", "ags": "varchar",
    "name": "varchar", "territory_date": "date",
}  # fmt: skip
STEADY = {
    "source_id": "varchar", "level": "varchar", "variable": "varchar", "correlation": "double", "ratio_low": "double",
    "ratio_high": "double", "same": "double", "coverage": "double", "leap": "double", "breaks": "date[]",
}  # fmt: skip


def require(connection: duckdb.DuckDBPyConnection, catalog: Catalog, whole: Collection[str]) -> None:
    """Raise CheckError where a relation is broken or a declared correction has nothing left to correct.

    whole: sources that were read whole; only of these can be said that an error is gone.
    """
    found = [*breaks(connection, catalog), *corrected(connection, catalog, whole)]
    if found:
        raise CheckError(
            f"{len(found)} relation(s) between the values do not hold; nothing was written\n" + "\n".join(found)
        )


def breaks(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> list[str]:
    """One message per broken relation and edition: what was expected, what was found, where first."""
    _declare(connection, catalog)
    views = connection.execute("select view_name from duckdb_views() where not internal").fetchall()
    there = warehouse.tables(connection) | {name for (name,) in views}
    messages = []
    for name, sql in sorted(warehouse.layer(catalog, "relations").items()):
        if not warehouse.references(sql) <= there:
            continue
        try:
            rows = warehouse.frame(connection, f"select * from ({sql}) order by all")
        except duckdb.Error as error:
            raise PipelineError(f"sql: model {name}: {error}") from error
        for (source, edition), broken in rows.groupby(["source_id", "edition"]):
            messages.append(_message(name, str(source), str(edition), broken))
    return messages


def _message(name: str, source: str, edition: str, broken: pd.DataFrame) -> str:
    lines = [
        f"{_row(row['row_number'])}{row['expected']} is expected, found {row['found']}"
        for row in broken.head(SHOWN).to_dict("records")
    ]
    more = f"; and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    return f"- {name.removeprefix('relation__')}: {source}, edition {edition}: " + "; ".join(lines) + more


def _row(number: float | None) -> str:
    return f"row {int(number)}: " if number and number == number else ""


def corrected(connection: duckdb.DuckDBPyConnection, catalog: Catalog, whole: Collection[str]) -> list[str]:
    """Corrections whose error is gone from the publisher's file."""
    messages = []
    for correction in catalog.corrections.values():
        if correction.source not in whole:
            continue
        try:
            rows = connection.execute(f'select 1 from "{correction.table}" where {correction.guard} limit 1').fetchall()
        except duckdb.Error as error:
            raise PipelineError(f"corrections.yml: {correction.id}: key 'guard': {error}") from error
        if not rows:
            messages.append(
                f"- corrections.yml: {correction.id}: rows of {correction.table} with {correction.guard!r} expected, "
                f"found none: the publisher has put it right; take the entry and its use in {correction.model} out"
            )
    return messages


def _declare(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """typed_values, typed_names: all typed cells, all keys with names; typed_steps: each value beside that of its unit
    at the date before; frame__steady: what is declared for each column of cells."""
    tables = warehouse.tables(connection)
    selects = [f"select {', '.join(f'null::{kind} as {name}' for name, kind in VALUES.items())} where false"]
    selects += [
        f"select '{source.id}' as {', '.join(VALUES)} from \"{table}\""
        for table, source in sorted(catalog.typed_tables.items())
        if table in tables and source.steady and "variable" in warehouse.columns(connection, table)
    ]
    connection.execute(f"create or replace temp view typed_values as {' union all '.join(selects)}")
    connection.execute(f"create or replace temp view typed_steps as {STEPS}")
    selects = [f"select {', '.join(f'null::{kind} as {name}' for name, kind in NAMES.items())} where false"]
    for table, key, name, rows, day in NAMED:
        if table in tables:
            part = "part" if "part" in warehouse.columns(connection, table) else "null"
            picked = f"'{catalog.typed_tables[table].id}', edition, {part}, row_number, {key}, {name}, {day}"
            selects.append(f"select distinct {picked} from {table} where {rows}")
    connection.execute(f"create or replace temp view typed_names as {' union all '.join(selects)}")
    kinds = ", ".join(f"{name} {kind}" for name, kind in STEADY.items())
    connection.execute(f"create or replace temp table frame__steady ({kinds})")
    columns = connection.execute("select distinct source_id, level, variable from typed_values order by all").fetchall()
    for source_id, level, variable in columns:
        steady = catalog.sources[source_id].steady
        declared = steady.get(f"{variable}@{level}") or steady.get(variable) or steady["*"]
        row = [source_id, level, variable, declared.correlation, *declared.ratio, declared.same, declared.coverage]
        connection.execute(
            f"insert into frame__steady values ({', '.join('?' * len(STEADY))})", [*row, declared.leap, declared.breaks]
        )
