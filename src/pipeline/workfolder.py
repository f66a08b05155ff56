"""Tables that the steps of a build hand over: Parquet in the work folder, a file per table, or per table and year."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import duckdb
import pandas as pd

from pipeline import warehouse

FOLDER = "inputs"


def inside(staged: Path) -> Path:
    """The work folder of a run: what a killed run leaves of it goes with its staging folder."""
    return staged / "work"


def path(work: Path, table: str, year: int | None = None) -> Path:
    """Where a table is, or an edition year's rows of it."""
    return work / FOLDER / ("" if year is None else str(year)) / f"{table}.parquet"


def derive(
    connection: duckdb.DuckDBPyConnection,
    work: Path,
    models: Mapping[str, str],
    tables: Collection[str],
    year: int | None = None,
    beside: int = 1,
) -> None:
    """Make the models that lead to some tables; these are written, whole or as those of one edition year, not held."""
    warehouse.run(connection, models, tables, beside, keep_in=lambda table: path(work, table, year))


def keep(connection: duckdb.DuckDBPyConnection, work: Path, tables: Iterable[str], year: int | None = None) -> None:
    """Write tables of the database: whole ones, or those that hold one edition year."""
    for table in tables:
        warehouse.write_parquet(connection, f'from "{table}"', path(work, table, year), packing=warehouse.LOOSE)


def keep_frame(connection: duckdb.DuckDBPyConnection, work: Path, table: str, frame: pd.DataFrame, year: int) -> None:
    """Write one edition year's rows that are not in the database."""
    warehouse.save(connection, frame, path(work, table, year), packing=warehouse.LOOSE)


def show(connection: duckdb.DuckDBPyConnection, work: Path, tables: Iterable[str], years: Sequence[int]) -> None:
    """A view of each table: of the given years where it is kept by year, else whole."""
    for table in tables:
        files = [file for year in years if (file := path(work, table, year)).exists()] or [path(work, table)]
        listed = ", ".join(warehouse.literal(str(file)) for file in files)
        connection.execute(f'create view "{table}" as from read_parquet([{listed}], union_by_name = true)')
