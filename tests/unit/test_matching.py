"""The account of joins says what found its place, and stops where fewer did than declared."""

from __future__ import annotations

import json
from collections.abc import Iterator

import duckdb
import pytest

from pipeline import catalog, checks, matching, warehouse
from pipeline.errors import CheckError

CATALOG = catalog.load()
Join = tuple[str, str, str, int, int, int, int, int]


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect() as connection:
        yield connection


def joins(connection: duckdb.DuckDBPyConnection, *rows: Join) -> None:
    connection.execute(
        f"create table {matching.JOINS} (source_id varchar, edition varchar, level varchar, list_year integer, "
        "entries integer, matched integer, unmatched integer, places_without integer)"
    )
    connection.executemany(f"insert into {matching.JOINS} values (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def test_a_join_is_a_check_with_both_sides_of_it(db: duckdb.DuckDBPyConnection) -> None:
    joins(db, ("mobilitydata_gbfs", "2021-12-31", "municipality", 2021, 64, 53, 11, 10739))
    (row,) = matching.account(db, CATALOG).to_dict("records")
    assert list(row) == list(checks.CHECK_COLUMNS)
    assert row["success"] and row["failing_rows"] == 11
    assert row["observed"] == "53 of 64 matched, 11 without a place; 10739 places without an entry"
    assert json.loads(str(row["kwargs"]))["min_value"] == CATALOG.sources["mobilitydata_gbfs"].match["municipality"]


def test_fewer_matches_than_declared_stop_the_run_with_source_and_counts(db: duckdb.DuckDBPyConnection) -> None:
    joins(
        db,
        ("kba_fz1", "2021", "district", 2021, 400, 300, 100, 101),
        ("rki_gisd", "2021", "district", 2021, 4, 4, 0, 0),
    )
    with pytest.raises(CheckError, match=r"fewer entries than declared") as caught:
        matching.require(matching.account(db, CATALOG))
    assert "kba_fz1" in str(caught.value) and "300 of 400 matched" in str(caught.value)
    assert "rki_gisd" not in str(caught.value)


def test_every_source_that_indicators_rest_on_declares_what_must_match() -> None:
    used = {indicator.source for indicator in CATALOG.sorted_indicators}
    assert {source for source in used if not CATALOG.sources[source].match} == set()
