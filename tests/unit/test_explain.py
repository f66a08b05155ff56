"""Explain on a world of three rows: which cells a published value is followed to, and when it is not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from pipeline import catalog, explain, lineage, report

CATALOG = catalog.load()
SQL = """
  select 'municipality' as level, unit_key, date '2020-12-31' as reference_date, 1000 * kw / people as value,
    kw as numerator, people as denominator, edition, row_number
  from typed__power
"""
COLUMNS = ["row_number", "edition", "unit_key", "kw", "people"]
World = tuple[duckdb.DuckDBPyConnection, lineage.Tracer]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    tracer = lineage.Tracer({"indicator__solar_power": SQL}, {"typed__power": COLUMNS}, {})
    for role in explain.ROLES:
        assert tracer.ask("indicator__solar_power", role)
    with duckdb.connect() as db:
        db.execute(
            "create table typed__power (row_number int, edition varchar, unit_key varchar, kw double, people int)"
        )
        rows = "(11, 'e', '00000001', 300, 1000), (12, 'e', '00000002', 50, 200), (13, 'e', '00000', 600, 1000)"
        rows += ", (14, 'e', '00000003', 7, null)"
        db.execute(f"insert into typed__power values {rows}")
        db.execute(f"create view {lineage.NUMBERED}typed__power as select *, rowid as {lineage.ROW} from typed__power")
        for name, sql in tracer.views().items():
            db.execute(f"create view {name} as {sql}")
        yield db, tracer


def row(**changed: Any) -> dict[str, Any]:
    """A row of `indicators` as it is published."""
    return {
        "indicator_id": "solar_power", "value_unshrunk": 300.0, "numerator": 300.0, "denominator": 1000.0,
        "source_row": 11, "source_edition": "e", "reference_date": dt.date(2020, 12, 31), "level": "municipality",
        "sign_raw": None, "missing_because": None, **changed,
    }  # fmt: skip


def follow(world: World, ags: str, **changed: Any) -> tuple[dict[str, list[tuple[str, int]]], str | None]:
    """Column and row (from 0) of the cells by role, and why there are none."""
    db, tracer = world
    found = explain.follow(db, tracer, CATALOG, [ags, "000000000", "00000"], row(**changed))
    return {role: [cell[1:] for cell in cells] for role, cells in found.cells.items()}, found.missing_because


def test_a_value_of_its_own_is_found_by_its_key(world: World) -> None:
    expected = {"numerator": [("kw", 0)], "denominator": [("people", 0)]}
    assert follow(world, "00000001") == (expected, None)


def test_an_inherited_value_is_found_at_its_district(world: World) -> None:
    found = follow(world, "00000009", level="district", value_unshrunk=600.0, source_row=13)
    assert found == ({"numerator": [("kw", 2)], "denominator": [("people", 2)]}, None)


@pytest.mark.parametrize("changed", [{"value_unshrunk": 301.0}, {"source_row": 12}, {"source_edition": "f"}])
def test_another_value_row_or_edition_is_not_taken_for_the_published_one(world: World, changed: dict[str, Any]) -> None:
    assert follow(world, "00000001", **changed) == ({}, explain.NOT_TRACED)


def test_a_value_under_another_key_is_followed_there(world: World) -> None:
    cells, missing = follow(world, "00000007", predecessors="00000001")
    assert missing is None
    assert cells == {"numerator": [("kw", 0)], "denominator": [("people", 0)]}


def test_a_sum_of_parts_of_other_territory_is_followed_to_all_of_them(world: World) -> None:
    """Half of the second place came to the first; the denominator is the new territory's own and not among the rows."""
    merged = {"numerator": 325.0, "denominator": 1111.0, "value_unshrunk": 1000 * 325 / 1111}
    cells, missing = follow(world, "00000001", predecessors="00000001, 00000002 (0.5000)", **merged)
    assert missing is None
    assert cells == {"numerator": [("kw", 0), ("kw", 1)]}


def test_a_part_that_is_gone_counts_without_inhabitants_of_its_own(world: World) -> None:
    merged = {"numerator": 57.0, "denominator": 300.0, "value_unshrunk": 190.0}
    cells, missing = follow(world, "00000008", predecessors="00000002, 00000003", **merged)
    assert (cells, missing) == ({"numerator": [("kw", 1), ("kw", 3)]}, None)


def test_parts_that_do_not_add_up_are_not_shown(world: World) -> None:
    wrong = {"numerator": 350.0, "denominator": 1111.0, "value_unshrunk": 1000 * 350 / 1111}
    found = follow(world, "00000001", predecessors="00000001, 00000002 (0.5000)", **wrong)
    assert found == ({}, explain.NOT_TRACED)


def test_a_denominator_of_the_new_territory_is_said_not_to_be_followed(world: World) -> None:
    db, tracer = world
    merged = row(numerator=325.0, denominator=1111.0, predecessors="00000001, 00000002 (0.5000)")
    assert explain.follow(db, tracer, CATALOG, [], merged).not_followed == ["denominator"]
    assert explain.follow(db, tracer, CATALOG, ["00000001", "0", "0"], row()).not_followed == []


def test_a_missing_value_says_why_and_what_the_source_has_there(world: World) -> None:
    gone = {"value_unshrunk": None, "missing_because": "unreliable", "sign_raw": "89.2"}
    assert follow(world, "00000001", **gone) == ({}, "no value: unreliable, '89.2' in row 11 of its file")


def test_an_edition_without_draws_has_no_next_group() -> None:
    place = {"score": 50.0, "rank_group": None, "league": "germany"}
    found = explain.next_group(duckdb.connect(), CATALOG, place, [])
    assert found["reason"] == "the edition has no draws, so no groups"
    assert found["notice"] == explain.NOTICE


@pytest.mark.parametrize(
    ("value", "direction", "treatment", "formula", "points"),
    [
        (25.0, "higher", "none", "100 x (25 - 0) / (100 - 0)", 25.0),
        (25.0, "lower", "none", "100 x (1 - (25 - 0) / (100 - 0))", 75.0),
        (125.0, "higher", "none", "100 x (100 - 0) / (100 - 0)", 100.0),
        (9.0, "higher", "log(1 + x)", "100 x (ln(1 + 9) - ln(1 + 0)) / (ln(1 + 100) - ln(1 + 0))", 49.8922),
    ],
)
def test_the_scale_is_written_as_it_is_computed(
    value: float, direction: str, treatment: str, formula: str, points: float
) -> None:
    entry = {"value": value, "normalised": points, "lower_bound": 0.0, "upper_bound": 100.0, "direction": direction,
             "treatment": treatment}  # fmt: skip
    found = explain.scale(entry)
    assert found is not None
    assert found["formula"] == formula
    assert found["recomputed"] == pytest.approx(points, abs=1e-4)
    assert found["is_clipped"] == (value > 100)


def test_a_file_of_many_cells_is_named_once() -> None:
    cell = {"file": "a/b.xlsx", "sha256": "0123456789abcdef", "sheet": 0, "row": 7, "column": "C", "header": "Zahl",
            "cell": "C7", "value": "5", "used_for": "value"}  # fmt: skip
    lines = report.cell_lines("value", [cell, {**cell, "cell": "C8"}, {**cell, "cell": "C9"}], 2)
    assert lines == [
        "    value from a/b.xlsx (sha256 0123456789ab)",
        '      sheet no. 1, cell C7 "Zahl": value 5',
        '      sheet no. 1, cell C8 "Zahl": value 5',
        "      and 1 more (--rows, --json)",
    ]
