"""What the suites say of the typed tables: asked once, kept beside the figures, and taken from there in a build as
long as the table's bytes, its suite and the program that asks are the same. Else the suite runs.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from pipeline import checks, figures, warehouse
from pipeline.catalog import Catalog, shipped

CHECKS, FAILING = "checks", "failing"
KEY = "verdict_key"
ONE_TABLE = threading.Lock()  # in memory at a time: the sources of a run are checked in threads


@dataclass(frozen=True)
class Verdict:
    """checks: one row per executed expectation (checks.CHECK_COLUMNS); failing: rows of the typed tables as rows of
    `rejected`, each at its edition, part and row number in the publisher's file."""

    checks: pd.DataFrame
    failing: pd.DataFrame


def keep(catalog: Catalog, folder: Path) -> None:
    """Run every suite on the figures in `folder` and store there what they say."""
    with warehouse.connect() as connection:
        found = {name: _ask(connection, catalog, folder, name) for name in _tables(catalog, folder)}
        keys = {name: _key(folder, name) for name in found}
        for what in (CHECKS, FAILING):
            rows = [getattr(verdict, what).assign(**{KEY: keys[name]}) for name, verdict in found.items()]
            warehouse.save(connection, pd.concat(rows, ignore_index=True), folder / f"{what}.parquet")


def of_source(connection: duckdb.DuckDBPyConnection, catalog: Catalog, folder: Path, source_id: str) -> Verdict:
    """The verdict on all typed tables of a source: kept, or asked for now."""
    verdicts = [
        _kept(connection, folder, name) or _ask(connection, catalog, folder, name)
        for name in catalog.sources[source_id].tables
    ]
    return Verdict(
        pd.concat([verdict.checks for verdict in verdicts], ignore_index=True),
        pd.concat([verdict.failing for verdict in verdicts], ignore_index=True),
    )


def _tables(catalog: Catalog, folder: Path) -> list[str]:
    """The typed tables that are in a folder of figures: an archive need not hold every source."""
    tables = [table for source_id in sorted(catalog.retrieved) for table in catalog.sources[source_id].tables]
    return [table for table in tables if (folder / f"{table}.parquet").is_file()]


def _key(folder: Path, table: str) -> str:
    """Equal only for the same bytes of the table, the same suite, library and code that words the result."""
    parts = [
        (folder / f"{table}.parquet").read_bytes(),
        (shipped("expectations") / f"{table}.json").read_bytes(),
        Path(checks.__file__).read_bytes(),
        importlib.metadata.version("great_expectations").encode(),
    ]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _kept(connection: duckdb.DuckDBPyConnection, folder: Path, table: str) -> Verdict | None:
    """None where nothing is kept for this table, or for other bytes of it, or it cannot be read."""
    paths = [folder / f"{what}.parquet" for what in (CHECKS, FAILING)]
    if not all(path.is_file() for path in [*paths, folder / f"{table}.parquet"]):
        return None
    key = _key(folder, table)
    try:
        rows = [
            warehouse.frame(
                connection,
                f"select * exclude ({KEY}) from read_parquet({warehouse.literal(str(path))}) "
                f"where {KEY} = {warehouse.literal(key)}",
            )
            for path in paths
        ]
    except duckdb.Error:
        return None
    return Verdict(*rows) if len(rows[0]) else None


def _ask(connection: duckdb.DuckDBPyConnection, catalog: Catalog, folder: Path, table: str) -> Verdict:
    with ONE_TABLE:
        figures.load_table(connection, folder, table)
        outcome = run_suite(connection, table, f'from "{table}"')
    source_id = catalog.typed_tables[table].id
    return Verdict(outcome.checks, _source_rows(connection, source_id, table, outcome.failing))


def run_suite(connection: duckdb.DuckDBPyConnection, table: str, sql: str) -> checks.Outcome:
    """What a table's suite says of these rows."""
    return checks.run_suite(table, _asked_columns(connection, table, sql))


def _asked_columns(connection: duckdb.DuckDBPyConnection, table: str, sql: str) -> pd.DataFrame:
    """Only the columns that the suite names leave the warehouse."""
    wanted = checks.columns_of(table)
    there = [column for column in warehouse.describe(connection, sql) if column in wanted]
    return warehouse.category_frame(connection, sql, there)


def data_docs(catalog: Catalog, folder: Path, edition: Path | None, target: Path) -> Path:
    """Pages of all suites on the figures in `folder` and on the files of an edition; returns the first page."""

    def frames(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, pd.DataFrame]]:
        for table in _tables(catalog, folder):
            figures.load_table(connection, folder, table)
            yield table, _asked_columns(connection, table, f'from "{table}"')
        for path in sorted(edition.glob("*.parquet")) if edition else []:
            if (shipped("expectations") / f"{path.stem}.json").is_file():
                yield path.stem, _asked_columns(connection, path.stem, f"from {warehouse.literal(str(path))}")

    with warehouse.connect() as connection:
        return checks.data_docs(frames(connection), target)


def _source_rows(
    connection: duckdb.DuckDBPyConnection, source_id: str, table: str, failing: pd.DataFrame
) -> pd.DataFrame:
    """Failing rows of a typed table as rows of rejected: edition, part and row number in the publisher's file."""
    there = warehouse.columns(connection, table)
    columns = [c if c in there else f"null::varchar as {c}" for c in ("edition", "part", "row_number")]
    places = warehouse.frame(connection, f'select {", ".join(columns)} from "{table}"').iloc[failing["position"]]
    return pd.DataFrame(
        {
            "source_id": source_id,
            "edition": places["edition"].to_numpy(),
            "part": places["part"].to_numpy(),
            "row_first": places["row_number"].to_numpy(dtype="int64"),
            "row_last": places["row_number"].to_numpy(dtype="int64"),
            "rule": ("check_" + failing["severity"].astype("str")).to_numpy(),
            "reason": (table + ": " + failing["reason"].astype("str")).to_numpy(),
        }
    )
