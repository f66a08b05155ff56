"""One build of all editions from the bundled figures, shared by the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipeline import build, catalog
from pipeline.figures import BUNDLED

CATALOG = catalog.load()


@pytest.fixture(scope="session")
def editions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All declared editions, built with two threads."""
    out = tmp_path_factory.mktemp("editions")
    build.build(CATALOG, BUNDLED, out, sorted(CATALOG.editions), threads=2)
    return out


@pytest.fixture(scope="session")
def db(editions: Path) -> duckdb.DuckDBPyConnection:
    """Every published file as a view with all years in it."""
    connection = duckdb.connect()
    for path in sorted((editions / "latest").glob("*.parquet")):
        files = [str(editions / str(year) / path.name) for year in sorted(CATALOG.editions)]
        connection.execute(f'create view "{path.stem}" as from read_parquet({files})')
    return connection
