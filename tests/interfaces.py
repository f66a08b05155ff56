"""Publishers' interfaces as a test plays them: replies per address, and what the pipeline makes of a stored reply.

The sources here were described and not retrieved, so every reply is built by a test in the publisher's layout, for the
twelve municipalities of places.py.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import samples

from pipeline import archive, catalog, checks, figures, warehouse
from pipeline.catalog import Request
from pipeline.read import Reading, read_part
from pipeline.replies import Reply

CATALOG = catalog.load()
HTML = b"<!DOCTYPE html>\n<html><head><title>Wartungsarbeiten</title></head></html>"
JSON = {"Content-Type": "application/json"}
OF_ALL_GERMANY = [
    "expect_table_row_count_to_be_between",
    "expect_column_distinct_values_to_contain_set",
    "expect_column_mean_to_be_between",
    "expect_column_unique_value_count_to_be_between",
]


@dataclass
class Publisher:
    """Answers by address: a reply, or a function of the request. `asked` is what it was asked, in order."""

    answers: Mapping[str, Reply | Callable[[Request], Reply]]
    asked: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        answer = self.answers.get(request.address, Reply(404, HTML, {"Content-Type": "text/html"}))
        return answer(request) if callable(answer) else answer


def fetch(ask: Publisher, source: str, edition: str, **layout: Any) -> bytes:
    """What is archived for the edition's only part; `layout` changes keys of its layout."""
    declared = CATALOG.sources[source]
    (part,) = declared.editions[edition].parts
    changed = {**declared.layouts, part.layout: declared.layouts[part.layout].model_copy(update=layout)}
    module = importlib.import_module(f"pipeline.sources.{source}")
    return bytes(module.fetch(ask, declared.model_copy(update={"layouts": changed}), edition, part))


def read(source: str, edition: str, content: bytes) -> Reading:
    """The edition's only part."""
    (part,) = CATALOG.sources[source].editions[edition].parts
    return read_part(CATALOG.sources[source], edition, part, content)


def typed(folder: Path, source: str, editions: Mapping[str, bytes]) -> pd.DataFrame:
    """The source's typed table, through the archive; each edition has one part."""
    files = {}
    for edition, content in editions.items():
        (part,) = CATALOG.sources[source].editions[edition].parts
        files[source, edition, archive.part_name(part)] = content
    archive.fetch_from(folder / "archive", folder / "publisher", samples.publish(folder / "publisher", CATALOG, files))
    figures.make(CATALOG, folder / "archive", folder / "figures")
    (name,) = CATALOG.sources[source].tables
    return duckdb.connect().execute(f"from '{folder / 'figures' / name}.parquet' order by row_number").df()


def failures(table: str, frame: pd.DataFrame) -> list[str]:
    """Critical failures of a table's suite, less those that twelve places cannot pass."""
    return checks.critical_failures(_checked(table, frame, False))


def incomplete(table: str, frame: pd.DataFrame) -> list[str]:
    """Those that twelve places cannot pass (counts, means, one place of each Land): a cut table would not either."""
    return checks.critical_failures(_checked(table, frame, True))


def _checked(table: str, frame: pd.DataFrame, of_all: bool) -> pd.DataFrame:
    with warehouse.connect() as connection:
        _put(connection, table, frame)
        columns = sorted(checks.columns_of(table))
        found = checks.run_suite(table, warehouse.category_frame(connection, f"from {table}", columns)).checks
    return found[found["expectation"].isin(OF_ALL_GERMANY) == of_all]


def _put(connection: duckdb.DuckDBPyConnection, name: str, frame: pd.DataFrame) -> None:
    """A frame as a table; pandas knows no dates, so its times become dates again."""
    warehouse.table(connection, name, frame)
    for column in frame.select_dtypes("datetime").columns:
        connection.execute(f"alter table {name} alter {column} type date")


def indicator(name: str, columns: str, **tables: Any) -> list[tuple[Any, ...]]:
    """The rows of an indicator's SQL over these typed and core tables, by unit and date."""
    with warehouse.connect() as connection:
        for table, frame in tables.items():
            _put(connection, table, frame)
        model = f"indicator__{name}"
        warehouse.run(connection, {model: CATALOG.sql[model]})
        return connection.execute(f"select {columns} from {model} order by unit_key, reference_date").fetchall()
