"""Real changes of territory, found by hand in the change lists and crosswalks, beside what the pipeline makes of them.

territory_changes.csv: one row per pair of a place and the place that holds (part of) it. `raw` is what stands in the
row of the publisher's file, in the columns that the letters name; of R data, which is read in one test that takes its
time, the row of the typed table. The places: Langelsheim, Ilmenau, Göhren-Lebbin, Südeichsfeld (mergers, the last one
across districts), Herrnschwende (which the crosswalk gives to the wrong neighbour), Dünwald and Rodeberg (dissolved
into two), Eisenach and Göttingen (new keys in another district), Bad Neuenahr-Ahrweiler, Fehrbellin and Oberkrämer
(a part moves), and a forest where nobody lives.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from python_calamine import CalamineWorkbook

from pipeline import catalog, figures, warehouse

CROSSWALK = ("core__crosswalk", "core__unit_crosswalk")
MADE = ("core__territory", "core__territory_changes", "core__territory_keys", *CROSSWALK)


def golden() -> list[dict[str, str]]:
    with Path(__file__).with_name("territory_changes.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def name_of(row: dict[str, str]) -> str:
    return f"{row['from_year']} {row['source_name']} to {row['target_name']}"


@cache
def sheet(path: Path, name: str) -> Sequence[Sequence[Any]]:
    return CalamineWorkbook.from_path(path).get_sheet_by_name(name).to_python(skip_empty_area=False)


def plain(value: Any) -> str:
    """A cell as the golden table writes it: keys with or without their leading zero, numbers to 12 digits."""
    text = str(value).strip()
    return f"{float(text):.12g}" if re.fullmatch(r"[\d.]+(e-\d+)?", text) else text


@pytest.fixture(scope="module")
def real() -> duckdb.DuckDBPyConnection:
    declared = catalog.load()
    connection = warehouse.connect()
    warehouse.declare(connection, declared)
    figures.load(connection, declared, figures.BUNDLED)
    warehouse.run(connection, {name: declared.sql[name] for name in MADE})
    return connection


@pytest.mark.parametrize("row", golden(), ids=name_of)
def test_the_row_of_the_publisher_holds_what_the_golden_table_says(
    row: dict[str, str], real: Any, request: Any
) -> None:
    if row["file"].endswith(".rda"):
        found = real.execute(
            "select year(source_date), source_ags, area_weight, population_weight, target_ags "
            f"from typed__bbsr_umstieg_lang__pairs where row_number = {row['row']}"
        ).fetchone()
        assert [plain(value) for value in found] == [plain(text) for text in row["raw"].split(" | ")]
        return
    cells = sheet(request.getfixturevalue("upstream") / row["file"], row["sheet"])[int(row["row"]) - 1]
    for claim in row["raw"].split(" | "):
        letter, text = claim.split(" ")
        assert plain(cells[ord(letter) - ord("A")]) == plain(text), claim


@pytest.mark.parametrize("row", golden(), ids=name_of)
def test_the_crosswalk_moves_a_place_as_the_publishers_say(row: dict[str, str], real: Any) -> None:
    found = real.execute(
        "select area_weight, population_weight from core__crosswalk "
        "where from_year = ? and to_year = ? and source_ags = ? and target_ags = ?",
        [int(row["from_year"]), int(row["to_year"]), row["source_ags"], row["target_ags"]],
    ).fetchall()
    assert found == [pytest.approx((float(row["area_weight"]), float(row["population_weight"])), abs=1e-9)]


@pytest.mark.long
def test_the_rows_of_the_r_data_are_those_of_the_typed_table(upstream: Path, real: Any) -> None:
    rdata = pytest.importorskip("rdata", reason="rdata is not installed")
    rows = [row for row in golden() if row["file"].endswith(".rda")]
    entry = rdata.parser.parse_file(upstream / rows[0]["file"]).object
    while entry.tag.value.value != b"xm20":
        entry = entry.value[1]
    columns = [column.value for column in entry.value[0].value]
    for row in rows:
        at = int(row["row"]) - 1
        year, source, population, area, _, target = (
            column[at].value.decode() if isinstance(column, list) else column[at] for column in columns
        )
        found = [plain(value) for value in (year, source, area, population, target)]
        assert found == [plain(text) for text in row["raw"].split(" | ")], row


@pytest.mark.parametrize(
    ("from_year", "to_year", "source", "target", "share"),
    [
        (2020, 2021, "16056", "16063", 1.0),  # Eisenach becomes part of the Wartburgkreis
        (2020, 2021, "16063", "16063", 1.0),
        (2015, 2017, "03152", "03159", 1.0),  # Göttingen and Osterode am Harz become one district
        (2015, 2017, "03156", "03159", 1.0),
        # Kaltennordheim goes from the Wartburgkreis to Schmalkalden-Meiningen: 3,299 of 123,025 inhabitants of 2018
        (2018, 2019, "16063", "16066", 3299 / 123025),
    ],
)
def test_a_district_moves_with_its_municipalities(
    real: Any, from_year: int, to_year: int, source: str, target: str, share: float
) -> None:
    found = real.execute(
        "select population_weight from core__unit_crosswalk where level = 'district' "
        "and from_year = ? and to_year = ? and source_key = ? and target_key = ?",
        [from_year, to_year, source, target],
    ).fetchall()
    assert found == [(pytest.approx(share, abs=1e-6),)]
