"""Runs sql/ in DuckDB. The only place that talks to DuckDB about tables.

A model is one SELECT; its file name is its table's name; the order comes from the references in the SQL
itself. One thread and ordered sums, so that 1 and N threads give the same bytes.
"""

from __future__ import annotations

import graphlib
import itertools
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

import duckdb
import pandas as pd
import sqlglot
from sqlglot import exp

from pipeline.catalog import Catalog
from pipeline.errors import PipelineError
from pipeline.processes import in_turn

MACROS = """
create or replace macro finite_or_null(number) as case when isfinite(number) then number end;
create or replace macro status_of_rate(counted, denominator, value_status) as
  case when counted is not null and nullif(denominator, 0) is null then 'no_denominator' else value_status end;
create or replace macro number_of(raw, decimal_mark) as finite_or_null(try_cast(
  case when decimal_mark = ',' then replace(replace(replace(trim(raw), ' ', ''), '.', ''), ',', '.')
       else replace(trim(raw), ' ', '') end as double));
create or replace macro plain_name(name) as lower(trim(regexp_replace(regexp_replace(regexp_replace(
  replace(name, 'ß', 'ss'), ',.*$', ''), '[-–/ ]+', ' ', 'g'), '\\s+', ' ', 'g')));
create or replace macro name_words(name) as regexp_replace(trim(regexp_replace(strip_accents(
  replace(replace(replace(upper(regexp_replace(name, '[ßẞ]', 'ss', 'g')), 'Ä', 'AE'), 'Ö', 'OE'), 'Ü', 'UE')),
  '[^A-Z0-9]+', ' ', 'g')), '\\bSANKT\\b', 'ST', 'g');
create or replace macro name_pattern(name) as regexp_replace(
  name_words(replace(name, '.', '0 ')), '0( |$)', '[A-Z]*\\1', 'g');
"""
# letters of the Länder in the order of their keys, 01 to 16
LANDS = ("SH", "HH", "NI", "HB", "NW", "HE", "RP", "BW", "BY", "SL", "BE", "BB", "MV", "SN", "ST", "TH")
_SPILLS = itertools.count()  # numbers the folders of this process
# Parquet that stays, and Parquet for the next step: a long dictionary takes longer to build than it saves there
PACKED, LOOSE = "compression zstd", "compression snappy, dictionary_size_limit 1000"
MEMORY_LIMIT = "600MB"  # of DuckDB; what four editions of 39 indicators do not fit into is spilled to disk


def connect(threads: int = 1, memory_limit: str = MEMORY_LIMIT) -> duckdb.DuckDBPyConnection:
    """An empty database in memory with the project's macros; no network, no extension.

    What it spills goes to a folder of its own: two databases that share one overwrite each other's blocks.
    """
    connection = duckdb.connect(
        config={
            "threads": str(threads),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "preserve_insertion_order": "true",
            "memory_limit": memory_limit,
            "temp_directory": str(Path(tempfile.gettempdir()) / f"stadtrang-spill-{os.getpid()}-{next(_SPILLS)}"),
        }
    )
    connection.execute("set enable_progress_bar = false")  # it would go to standard output, beside --json's document
    connection.execute(MACROS)
    return connection


@cache
def parsed(sql: str) -> exp.Expr:
    """A model's SQL as a tree, not to be changed. Kept, since the same models are asked for again and again."""
    return sqlglot.parse_one(sql, dialect="duckdb")


@cache
def references(sql: str) -> frozenset[str]:
    """Tables that a model reads, without its own CTEs."""
    tree = parsed(sql)
    ctes = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    return frozenset({table.name for table in tree.find_all(exp.Table) if table.name} - ctes)


def graph(sql: Mapping[str, str]) -> dict[str, set[str]]:
    """Model to the models it reads; tables that no model makes are left out."""
    links = {}
    for name, text in sql.items():
        try:
            links[name] = set(references(text) & sql.keys())
        except sqlglot.errors.SqlglotError as error:
            raise PipelineError(f"sql: model {name} is no SQL: {str(error).splitlines()[0]}") from error
    return links


def order(sql: Mapping[str, str]) -> list[str]:
    """A build order; the same one every time. A cycle is an error that names it."""
    links = graph({name: sql[name] for name in sorted(sql)})
    try:
        return list(graphlib.TopologicalSorter(links).static_order())
    except graphlib.CycleError as error:
        raise PipelineError(f"sql: models refer to each other in a circle: {' -> '.join(error.args[1])}") from error


def layer(catalog: Catalog, *layers: str) -> dict[str, str]:
    """The models of some folders of sql/; above the typed tables only what rests on retrieved sources alone."""
    waiting = {table for table, source in catalog.typed_tables.items() if not source.is_retrieved}
    wanted = {name: text for name, text in catalog.sql.items() if catalog.sql_layer[name] in layers}
    if not waiting:
        return wanted
    reads = {name: references(text) for name, text in catalog.sql.items() if catalog.sql_layer[name] != "1_typed"}
    while more := {name for name, read in reads.items() if read & waiting} - waiting:
        waiting |= more
    return {name: text for name, text in wanted.items() if name not in waiting or catalog.sql_layer[name] == "1_typed"}


def run(
    connection: duckdb.DuckDBPyConnection,
    models: Mapping[str, str],
    keep: Collection[str] | None = None,
    beside: int = 1,
    keep_in: Callable[[str], Path] | None = None,
) -> None:
    """Make one table per model, each after those it reads, `beside` of them at a time. With `keep`, only what leads to
    a kept table is made, and a table goes as soon as nothing that is still to be made reads it, unless it is kept:
    memory holds what is needed and no more. With `keep_in`, the file of a kept table, it goes straight there and is
    read from there."""
    links = graph(models)
    wanted = models.keys() if keep is None else _leading_to(keep, links)
    readers = {name: {reader for reader in wanted if name in links[reader]} for name in wanted}

    def make(name: str) -> Future[None]:
        target = keep_in(name) if keep_in and keep and name in keep else None
        return pool.submit(_make, connection, name, models[name], target)

    def drop(name: str) -> None:
        for read in links[name]:
            readers[read].remove(name)
        for read in [] if keep is None else {name, *links[name]} - set(keep):
            if not readers[read]:
                connection.execute(f'drop table "{read}"')

    with ThreadPoolExecutor(beside) as pool:
        in_turn({name: links[name] for name in order(models) if name in wanted}, make, beside, drop)


def _make(connection: duckdb.DuckDBPyConnection, name: str, sql: str, target: Path | None) -> None:
    try:
        with connection.cursor() as cursor:
            if target:
                write_parquet(cursor, sql, target, packing=LOOSE)
                cursor.read_parquet(str(target)).create_view(name)
            else:
                cursor.execute(f'create or replace table "{name}" as {sql}')
    except duckdb.Error as error:
        raise PipelineError(f"sql: model {name}: {error}") from error


def _leading_to(wanted: Iterable[str], links: Mapping[str, set[str]]) -> set[str]:
    """The wanted models and all that they read, over any number of steps."""
    found = set(wanted) & links.keys()
    while more := set().union(*(links[name] for name in found)) - found:
        found |= more
    return found


def table(connection: duckdb.DuckDBPyConnection, name: str, frame: pd.DataFrame) -> None:
    """A pandas frame becomes a table."""
    connection.register("incoming", frame)
    connection.execute(f'create or replace table "{name}" as from incoming')
    connection.unregister("incoming")


def append(connection: duckdb.DuckDBPyConnection, name: str, frame: pd.DataFrame) -> None:
    """Add rows to a table by column name; columns that are new to the table are added to it."""
    connection.register("incoming", frame)
    if name not in tables(connection):
        connection.execute(f'create table "{name}" as from incoming')
    elif set(frame.columns) <= set(columns(connection, name)):
        connection.execute(f'insert into "{name}" by name from incoming')
    else:
        connection.execute(f'create or replace table "{name}" as from "{name}" union all by name from incoming')
    connection.unregister("incoming")


def tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()}


def columns(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    return list(describe(connection, f'from "{name}"'))


def all_columns(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The columns of every table and view, in one look."""
    found: dict[str, list[str]] = {}
    sql = "select table_name, column_name from duckdb_columns() where not internal order by table_name, column_index"
    for table, column in connection.execute(sql).fetchall():
        found.setdefault(table, []).append(column)
    return found


def describe(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """Column names of a query with their types."""
    return {row[0]: row[1] for row in connection.execute(f"describe {sql}").fetchall()}


def frame(connection: duckdb.DuckDBPyConnection, sql: str) -> pd.DataFrame:
    return connection.execute(sql).df()


def category_frame(connection: duckdb.DuckDBPyConnection, sql: str, columns: Iterable[str]) -> pd.DataFrame:
    """Some columns of a query; text as categories (a number per row instead of a string), dates as ISO text."""
    kinds = describe(connection, sql)
    picked = []
    for name in columns:
        if kinds[name] not in ("VARCHAR", "DATE"):
            picked.append(f'"{name}"')
            continue
        words = f'select distinct "{name}"::varchar from ({sql}) where "{name}" is not null order by all'
        connection.execute(f'create or replace temp type "category_{name}" as enum ({words})')
        picked.append(f'"{name}"::varchar::"category_{name}" as "{name}"')
    return frame(connection, f"select {', '.join(picked)} from ({sql})")


def save(connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, target: Path, packing: str = PACKED) -> None:
    """A pandas frame as Parquet, for the next step."""
    connection.register("incoming", frame)
    write_parquet(connection, "from incoming", target, packing=packing)
    connection.unregister("incoming")


def declare(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """The declarations that SQL needs, as tables frame__*."""
    editions, signs = [], []
    for source in catalog.sources.values():
        for name, edition in source.editions.items():
            decimal = next((source.layouts[p.layout].decimal for p in edition.parts), ".")
            editions.append((source.id, name, decimal, edition.reference_date, edition.territory_date, edition.note))
            signs += [(source.id, name, s, status) for s, status in {**source.signs, **edition.signs}.items()]
    columns = ["source_id", "edition", "decimal_mark", "reference_date", "territory_date", "note"]
    dated = pd.DataFrame(editions, columns=columns)
    for column in ("reference_date", "territory_date"):
        dated[column] = pd.to_datetime(dated[column]).astype("datetime64[us]")
    table(connection, "frame__editions", dated)
    connection.execute(
        "create or replace table frame__editions as select * replace (reference_date::date as reference_date, "
        "territory_date::date as territory_date) from frame__editions"
    )
    table(connection, "frame__signs", _text_frame(signs, ["source_id", "edition", "sign", "value_status"]))
    sources = [
        (s.id, s.title, s.publisher, s.page, s.limits, s.redistribute == "yes" and not s.personal)
        for s in catalog.sources.values()
    ]
    names = ["source_id", "title", "publisher", "page", "limits", "is_raw_shown"]
    table(connection, "frame__sources", pd.DataFrame(sources, columns=names))
    indicators = [
        (
            n,
            i.id,
            i.area,
            i.dimension,
            i.unit,
            i.direction,
            i.source,
            catalog.sources[i.source].complete,
            i.moves_by,
            i.denominator_from,
            i.per,
        )
        for n, i in enumerate(catalog.sorted_indicators)
    ]
    names = [
        "indicator_number",
        "indicator_id",
        "area",
        "dimension",
        "unit",
        "direction",
        "source_id",
        "is_complete",
        "moves_by",
        "denominator_from",
        "per",
    ]
    table(connection, "frame__indicators", pd.DataFrame(indicators, columns=names))
    years = [(e.year, e.revision, catalog.methods[e.method].carry_forward_years) for e in catalog.editions.values()]
    names = ["edition_year", "revision", "carry_forward_years"]
    table(connection, "frame__years", pd.DataFrame(years, columns=names))
    leagues = [
        (lg.id, lg.indicator_set, lg.min_population, lg.max_population, lg.is_size_class)
        for lg in catalog.leagues.values()
    ]
    names = ["league", "indicator_set", "min_population", "max_population", "is_size_class"]
    table(connection, "frame__leagues", pd.DataFrame(leagues, columns=names))
    lands = [(land, f"{number:02d}") for number, land in enumerate(LANDS, 1)]
    table(connection, "frame__lands", _text_frame(lands, ["land", "land_code"]))
    aliases = [(alias.name, alias.ags, alias.source or "") for alias in catalog.aliases]
    table(connection, "frame__aliases", _text_frame(aliases, ["name", "ags", "source_id"]))


def _text_frame(rows: Iterable[tuple[str, ...]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=columns, dtype="str")


def union_of_indicators(catalog: Catalog) -> str:
    """Model `indicator_values`: every indicator's rows with its id; columns that a model leaves out are NULL."""
    return " union all by name ".join(
        f"select '{i.id}' as indicator_id, '{i.source}' as source_id, * from {i.model}"
        for i in catalog.sorted_indicators
    )


def write_parquet(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    target: Path,
    metadata: Mapping[str, str] | None = None,
    packing: str = PACKED,
) -> None:
    """Parquet with v1 pages, rows in the order of the query, metadata without clocks."""
    target.parent.mkdir(parents=True, exist_ok=True)
    options = f"format parquet, {packing}, row_group_size 122880"
    if metadata:
        pairs = ", ".join(f"{key}: {literal(value)}" for key, value in sorted(metadata.items()))
        options += f", kv_metadata {{{pairs}}}"
    connection.execute(f"copy ({sql}) to {literal(str(target))} ({options})")


def literal(text: str) -> str:
    """A text as SQL writes it; paths with quotes and blanks stay paths."""
    return "'" + text.replace("'", "''") + "'"
