"""Small tables for the project's SQL, and what its models make of them."""

from __future__ import annotations

from typing import Any

import duckdb

from pipeline import catalog, warehouse

SQL = catalog.load().sql


def given(connection: duckdb.DuckDBPyConnection, table: str, columns: str, *rows: tuple[Any, ...]) -> None:
    """A table with these columns ("name type, ...") and rows, and nothing else."""
    connection.execute(f'create or replace table "{table}" ({columns})')
    if rows:
        connection.executemany(f'insert into "{table}" values ({", ".join("?" * len(rows[0]))})', list(rows))


def run(connection: duckdb.DuckDBPyConnection, *models: str) -> None:
    warehouse.run(connection, {model: SQL[model] for model in models})


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()
