"""The editions of the session as tables."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipeline import catalog


@pytest.fixture(scope="session")
def db(editions: Path) -> duckdb.DuckDBPyConnection:
    """Every published file as a view with all years in it."""
    connection = duckdb.connect()
    for path in sorted((editions / "latest").glob("*.parquet")):
        files = [str(editions / str(year) / path.name) for year in sorted(catalog.load().editions)]
        connection.execute(f'create view "{path.stem}" as from read_parquet({files})')
    return connection
