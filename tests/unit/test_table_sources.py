"""Spreadsheets and geodata, from the publishers' bytes to what the core makes of them.

The figures are made here, of the sources under test only, from the publishers' files; the rows of single tests are
written down by hand.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline import archive, catalog, figures, warehouse

CATALOG = catalog.load()
DAY = dt.date
READ = ("bbsr_umstieg", "destatis_changes", "destatis_gv")


@pytest.fixture(scope="module")
def made(upstream: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Figures of the sources under test."""
    folder = tmp_path_factory.mktemp("tables")
    _, missing = archive.fetch_from(folder / "archive", upstream, [CATALOG.sources[name] for name in READ])
    assert missing == []
    figures.make(CATALOG, folder / "archive", folder / "figures")
    return folder / "figures"


@pytest.fixture
def real(made: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with these figures as views."""
    with warehouse.connect() as connection:
        for path in sorted(made.glob("*.parquet")):
            figures.load_table(connection, made, path.stem)
        warehouse.declare(connection, CATALOG)
        yield connection


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect() as connection:
        yield connection


def given(connection: duckdb.DuckDBPyConnection, table: str, columns: str, *rows: tuple[Any, ...]) -> None:
    """A table with these columns ("name type, ...") and rows, and nothing else."""
    connection.execute(f'create or replace table "{table}" ({columns})')
    if rows:
        connection.executemany(f'insert into "{table}" values ({", ".join("?" * len(rows[0]))})', list(rows))


def run(connection: duckdb.DuckDBPyConnection, *models: str) -> None:
    warehouse.run(connection, {model: CATALOG.sql[model] for model in models})


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


# Changes of territory

CHANGES = (
    "edition varchar, row_number bigint, source_ags varchar, target_ags varchar, is_dissolution boolean, "
    "is_partial boolean, is_key_change boolean, area_m2 bigint, population integer, statistical_date date"
)
DISSOLVED, PARTIAL, OTHER_KEY, OTHER_NAME = (
    (True, False, False),
    (False, True, False),
    (False, False, True),
    (False, False, False),
)
NEW_YEAR = DAY(2024, 1, 1)


def changes(db: duckdb.DuckDBPyConnection, *moves: tuple[Any, ...]) -> None:
    """Moves as (giver, receiver, kind, m2, inhabitants), all on one day."""
    listed = [("2024", n, s, t, *kind, area, count, NEW_YEAR) for n, (s, t, kind, area, count) in enumerate(moves, 5)]
    given(db, "typed__destatis_changes__changes", CHANGES, *listed)
    run(db, "core__territory_changes")


def test_a_place_that_gives_a_part_goes_on_with_the_rest_and_is_no_merger(db: Any) -> None:
    changes(db, ("14627340", "14627360", PARTIAL, 410_000, 0), ("14627340", "14627340", PARTIAL, 27_590_000, 1618))
    found = "select target_ags, is_end, is_rest, round(area_weight, 4), population_weight from core__territory_changes"
    assert rows(db, f"{found} order by target_ags") == [
        ("14627340", False, True, 0.9854, 1.0),
        ("14627360", False, False, 0.0146, 0.0),
    ]


def test_a_place_that_ends_is_shared_out_by_area_where_nobody_lives_there(db: Any) -> None:
    forest = "09672457"
    changes(db, (forest, "09672163", DISSOLVED, 1_000_000, 0), (forest, "09672145", DISSOLVED, 3_000_000, 0))
    found = "select target_ags, is_end, area_weight, population_weight from core__territory_changes"
    assert rows(db, f"{found} order by target_ags") == [("09672145", True, 0.75, None), ("09672163", True, 0.25, None)]


def test_another_key_moves_a_place_whole_and_another_name_or_association_not_at_all(db: Any) -> None:
    changes(
        db, ("16056000", "16063105", OTHER_KEY, None, None), ("08118071", "08118071", OTHER_NAME, None, None),
        ("01058053", "01058053", OTHER_KEY, None, None),
    )  # fmt: skip
    assert rows(db, "select source_ags, target_ags, is_end, area_weight from core__territory_changes") == [
        ("16056000", "16063105", True, 1.0)
    ]


def test_the_list_of_a_year_is_that_of_the_year_before_with_the_changes_between(real: Any) -> None:
    run(real, "core__territory_changes")
    pairs = "typed__bbsr_umstieg__pairs where source_date = date '2022-12-31'"
    lists = {
        2022: f"select source_ags from {pairs}",
        2023: f"select target_ags from {pairs}",
        # BBSR leaves out the areas that two countries share
        2024: "select ags from typed__destatis_gv__units where record_type = '60' and territory_date = '2024-12-31' "
        "and right(ags, 3) <> '999'",
    }
    keys = {year: {ags for (ags,) in rows(real, sql)} for year, sql in lists.items()}
    assert {year: len(found) for year, found in keys.items()} == {2022: 10990, 2023: 10978, 2024: 10956}
    for year in (2023, 2024):
        moved = "select source_ags, target_ags, is_end from core__territory_changes "
        moved += f"where list_year = {year} order by statistical_date, is_end desc"
        expected = set(keys[year - 1])
        for source, target, is_end in rows(real, moved):
            expected -= {source} if is_end else set()
            expected |= {target}
        assert expected == keys[year]


def test_the_shares_of_divided_places_are_those_of_bbsr(real: Any) -> None:
    run(real, "core__territory_changes")
    compared = rows(
        real,
        """
        select source_ags, target_ags, moves.area_weight, pairs.area_weight,
          moves.population_weight, pairs.population_weight
        from core__territory_changes as moves
        join typed__bbsr_umstieg__pairs as pairs using (source_ags, target_ags)
        where moves.list_year = 2023 and pairs.source_date = date '2022-12-31'
        """,
    )
    assert len(compared) == 28
    for *_, area, area_bbsr, population, population_bbsr in compared:
        assert area == pytest.approx(area_bbsr, abs=0.0006)
        assert population is None or population == pytest.approx(population_bbsr, abs=0.0006)


def test_numbers_as_text_and_dates_that_differ_are_read_as_they_are_meant(real: Any) -> None:
    columns = "kinds, area_m2, population, legal_date, statistical_date, is_rest"
    found = f"select {columns} from typed__destatis_changes__changes where source_ags = '12065251' order by row_number"
    assert rows(real, found) == [
        ("2", 45447, 86, DAY(2021, 10, 1), DAY(2023, 12, 1), False),
        ("2", 103619465, 11747, DAY(2021, 10, 1), DAY(2023, 12, 1), True),
    ]
    of = "from rejected where source_id = 'destatis_changes'"
    assert rows(real, f"select rule, count(*) {of} group by rule order by rule") == [
        ("footer", 18),
        ("other_level", 30),
    ]


@pytest.mark.parametrize("written", ["3, 4", "3,4", "3.4"])
def test_several_kinds_in_one_cell_are_each_of_them(db: Any, written: str) -> None:
    columns = (
        "edition, row_number, number, unit_kind, source_ars, source_ags, source_name, kinds, area_m2, population, "
    )
    columns += "target_ars, target_ags, target_name, legal_date, statistical_date"
    names = ("160565051001", "16056001", " Altdorf ", written, None, None, "160565051002", "16056002", "Neudorf")
    values = ("2024", 5, "16/2024/0001-R", "Gemeinde", *names, "31.12.2023", "2024-01-01")
    given(db, "raw__destatis_changes", ", ".join(f"{c} varchar" for c in columns.split(", ")), values)
    run(db, "typed__destatis_changes__changes")
    found = "select kinds, is_dissolution, is_partial, is_key_change, is_name_change, source_name, legal_date, "
    found += "statistical_date from typed__destatis_changes__changes"
    day = (DAY(2023, 12, 31), NEW_YEAR)
    assert rows(db, found) == [("3, 4", False, False, True, True, "Altdorf", *day)]
