"""The golden table: indicator values found by hand in the publishers' files, beside what the pipeline makes of them.

indicator_values.csv holds every value of 2021 and five indicators of each earlier year for four places:

- Soest and Paderborn: towns inside a district, each an association of its own;
- Hamburg: municipality, association and district at once, so that nothing is inherited;
- Tiefenbach (08426118), 525 inhabitants, area 6.94 km2 in every list from 2017 to 2024: a member of an association of
  several places, so that it inherits from the association (income tax, deprivation), from the district (cars,
  dwellings) and from a district in a funded co-operation (smart region). It has its own broadband (1.3 % gigabit), one
  charging device, true zeros (federal funding) and zeros that are none (tourism). Five municipalities in Germany bear
  its name, two of them with charging devices, one with a funded project: who joins by name alone gets it wrong.

`value` is the value before small-area shrinkage. `cell` says where it stands: J3577 in a sheet or a CSV (record 3577,
tenth column), column@row in a Parquet file, rows from 1. Several cells are parted by " | ", several files (numerator
and denominator) by " || ". The raw text of many cells is a tally: "2 (x31)" are 31 cells of "2".

The files are read here by small readers of their own: nothing in this module uses the project's readers or its SQL to
find a value.
"""

from __future__ import annotations

import csv
import datetime
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string
from python_calamine import CalamineWorkbook

from pipeline import build, catalog, figures, warehouse

EARLIER = (2018, 2019, 2020)
TALLY = re.compile(r"(?P<text>.*) \(x(?P<count>\d+)\)")
PER = {  # value = factor * numerator / denominator
    "battery_electric_cars": 100,
    "car_density": 1000,
    "charging_points": 1000,
    "dwellings_completed": 1000,
    "dwellings_permitted": 1000,
    "flats_completed": 100,
    "living_space": 1,
    "other_renewables": 1,
    "pay_gap": 100,
    "solar_power": 1000,
    "unemployed": 1000,
}
OWN_DENOMINATORS = {"battery_electric_cars", "flats_completed", "pay_gap"}  # beside the numerator, in the same row
LISTS = {  # 1 where the place is named
    "council_interface",
    "funding_federal",
    "funding_land",
    "own_domain",
    "shared_mobility",
    "smart_region",
    "strategy_documented",
}
DISTRICTS = {  # how the charging register writes them
    "02000000": "Kreisfreie Stadt Hamburg",
    "05774032": "Kreis Paderborn",
    "05974040": "Kreis Soest",
    "08426118": "Landkreis Biberach",
}


@dataclass(frozen=True)
class Claim:
    """Cells of one sheet of one file and what stands in them; no cells: the place is not in the file."""

    file: str
    sheet: str
    cells: tuple[str, ...]
    raw: tuple[str, ...]

    @property
    def is_tally(self) -> bool:
        return bool(self.raw) and all(TALLY.fullmatch(text) for text in self.raw)


def golden() -> list[dict[str, str]]:
    with Path(__file__).with_name("indicator_values.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def name_of(row: dict[str, str]) -> str:
    return f"{row['edition_year']} {row['ags']} {row['name']} {row['indicator_id']}"


def split(text: str) -> tuple[str, ...]:
    return tuple(text.split(" | ")) if text else ()


def claims(row: dict[str, str]) -> Iterator[Claim]:
    files = row["file"].split(" || ")
    sheets = row["sheet"].split(" || ") if row["sheet"] else [""] * len(files)
    for file, sheet, cells, raw in zip(files, sheets, row["cell"].split(" || "), row["raw"].split(" || "), strict=True):
        yield Claim(file, sheet, split(cells), split(raw))


def text_of(value: Any) -> str:
    """A cell as the golden table writes it: whole numbers without a point, dates without a time."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    return str(value)


@cache
def grid(path: Path, sheet: str) -> Sequence[Sequence[Any]]:
    """All rows of a sheet or of a CSV file, from row 1."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as handle:
            first = handle.readline()
            handle.seek(0)
            return list(csv.reader(handle, delimiter=";" if first.count(";") > first.count(",") else ","))
    if path.suffix == ".xls":
        return CalamineWorkbook.from_path(path).get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        return list(workbook[sheet].iter_rows(values_only=True))
    finally:
        workbook.close()


def addresses(cell: str) -> list[tuple[int, int]]:
    """J5 or J5:J9 as pairs of row and column, from 1."""
    start, _, end = cell.partition(":")
    column, first = coordinate_from_string(start)
    last = coordinate_from_string(end)[1] if end else first
    return [(row, column_index_from_string(column)) for row in range(first, last + 1)]


def found_in_parquet(path: Path, cells: Sequence[str]) -> list[str]:
    wanted = [(column, int(row)) for column, _, row in (cell.partition("@") for cell in cells)]
    columns = sorted({column for column, _ in wanted})
    quoted = ", ".join(f'"{column}"' for column in columns)
    numbers = ", ".join(str(row - 1) for row in sorted({row for _, row in wanted}))  # Parquet counts rows from 0
    records = duckdb.sql(
        f"select file_row_number + 1, {quoted} from read_parquet('{path}', file_row_number = true) "
        f"where file_row_number in ({numbers})"
    ).fetchall()
    there = {(column, row): value for row, *values in records for column, value in zip(columns, values, strict=True)}
    return [text_of(there[place]) for place in wanted]


def found(folder: Path, claim: Claim) -> list[str]:
    path = folder / claim.file
    if path.suffix == ".parquet":
        return found_in_parquet(path, claim.cells)
    rows = grid(path, claim.sheet)
    return [text_of(rows[row - 1][column - 1]) for cell in claim.cells for row, column in addresses(cell)]


def list_of_names(path: Path, column: str) -> str:
    """A list's text, or one column of it where the other columns name places too."""
    if not column:
        return path.read_text("utf-8")
    rows = grid(path, "")
    return "\n".join(str(row[list(rows[0]).index(column)]) for row in rows)


def counted(claim: Claim) -> Counter[str]:
    matches = [TALLY.fullmatch(text) for text in claim.raw]
    return Counter({match["text"]: int(match["count"]) for match in matches if match})


FILES = sorted({claim.file for row in golden() for claim in claims(row) if claim.cells})


@pytest.mark.parametrize("file", FILES)
def test_the_publishers_cells_hold_what_the_golden_table_says(file: str, upstream: Path) -> None:
    wrong = []
    for row in golden():
        for claim in claims(row):
            if claim.file != file or not claim.cells:
                continue
            texts = found(upstream, claim)
            same = Counter(texts) == counted(claim) if claim.is_tally else texts == list(claim.raw)
            if not same:
                wrong.append(f"{name_of(row)}: {claim.cells} should hold {claim.raw}, holds {texts}")
    assert not wrong, "\n".join(wrong)


def test_what_the_golden_table_calls_absent_is_not_in_the_list(upstream: Path) -> None:
    named = []
    for row in golden():
        for claim in claims(row):
            if claim.cells or claim.file.endswith(".parquet"):
                continue
            sought = row["ags"] if claim.file.startswith("../facts/") else row["name"]
            if sought.lower() in list_of_names(upstream / claim.file, claim.sheet).lower():
                named.append(f"{name_of(row)}: {claim.file} names {sought}")
    assert not named, "\n".join(named)


def test_stops_nearby_have_no_year_that_reaches_2021(upstream: Path) -> None:
    path = upstream / "bbsr-inkar/2021/verkehr_und_erreichbarkeit.parquet"
    years = duckdb.sql(f"select distinct zeitbezug from read_parquet('{path}') where x346 is not null").fetchall()
    assert years == [("2018",)]
    missing = [row for row in golden() if row["indicator_id"] == "public_transport_stop" and not row["value"]]
    assert [row["edition_year"] for row in missing] == ["2021"] * 4


@pytest.mark.parametrize("row", [row for row in golden() if row["indicator_id"] == "charging_points"], ids=name_of)
def test_no_device_of_the_charging_register_is_left_out(row: dict[str, str], upstream: Path) -> None:
    register = next(claims(row))
    rows = grid(upstream / register.file, register.sheet)
    last_day = datetime.datetime(int(row["edition_year"]), 12, 31)
    # Ort in F, Kreis in H, Inbetriebnahmedatum in K; the city state's devices stand under other place names as well
    devices = [
        (number, 14)
        for number, cells in enumerate(rows, 1)
        if cells[7] == DISTRICTS[row["ags"]]
        and (row["name"] == "Hamburg" or cells[5] == row["name"])
        and cells[10] <= last_day
    ]
    assert devices == [address for cell in register.cells for address in addresses(cell)]
    assert sum(int(text) * count for text, count in counted(register).items()) == int(row["numerator"])


def denominator_in(row: dict[str, str]) -> float:
    """The last file of a rate holds inhabitants or km2: beside the place's name, or of all places of a district."""
    claim = list(claims(row))[-1]
    if claim.file.startswith("bbsr/umsteigeschluessel"):
        return 100 * float(claim.raw[-1])  # inhabitants in hundreds
    columns = {coordinate_from_string(cell)[0] for cell in claim.cells}
    return sum(float(text) for text in claim.raw) if len(columns) == 1 else float(claim.raw[-1])


def value_in(row: dict[str, str]) -> float:
    if row["indicator_id"] in PER:
        return PER[row["indicator_id"]] * float(row["numerator"]) / float(row["denominator"])
    if row["indicator_id"] in LISTS:
        return 0.0 if row["value_status"] == "true_zero" else 1.0
    return float(list(claims(row))[-1].raw[-1])


def parts_in(row: dict[str, str]) -> set[float]:
    """The last two cells of a rate that stands in one row: its parts, or what their distance is taken of."""
    first, second = (float(text) for text in list(claims(row))[-1].raw[-2:])
    return {abs(second - first), second} if row["indicator_id"] == "pay_gap" else {first, second}


@pytest.mark.parametrize("row", [row for row in golden() if row["indicator_id"] in OWN_DENOMINATORS], ids=name_of)
def test_the_parts_of_a_rate_of_one_row_are_its_cells(row: dict[str, str]) -> None:
    assert {float(row["numerator"]), float(row["denominator"])} == parts_in(row)


@pytest.mark.parametrize("row", [row for row in golden() if row["value"]], ids=name_of)
def test_a_golden_value_follows_from_its_cells(row: dict[str, str]) -> None:
    assert float(row["value"]) == pytest.approx(value_in(row), rel=1e-12)
    if row["indicator_id"] in PER and row["indicator_id"] not in OWN_DENOMINATORS:
        assert float(row["denominator"]) == pytest.approx(denominator_in(row), rel=1e-12)


def test_the_golden_table_is_whole_and_sorted() -> None:
    declared = {indicator.id for indicator in catalog.load().sorted_indicators}
    keys = [(row["edition_year"], row["ags"], row["indicator_id"]) for row in golden()]
    assert keys == sorted(set(keys))
    for ags in DISTRICTS:
        assert {key[2] for key in keys if key[:2] == ("2021", ags)} == declared
        assert all(sum(key[:2] == (str(year), ags) for key in keys) >= 5 for year in EARLIER)


@pytest.fixture(scope="module")
def edition_values() -> dict[tuple[str, str, str], dict[str, Any]]:
    """What the pipeline makes of the bundled figures, for the four places: edition year, AGS, indicator to its row."""
    names = ("value", "value_status", "level", "reference_date", "numerator", "denominator")
    with warehouse.connect() as connection:
        build.derive(connection, catalog.load(), figures.BUNDLED)
        rows = connection.execute(
            f"select edition_year, ags, indicator_id, {', '.join(names)} "
            "from edition__values where list_contains(?, ags)",
            [list(DISTRICTS)],
        ).fetchall()
    return {(str(year), ags, indicator): dict(zip(names, row, strict=True)) for year, ags, indicator, *row in rows}


def is_same_number(text: str, number: float | None) -> bool:
    if not text or number is None:
        return not text and number is None
    return math.isclose(float(text), number, rel_tol=1e-9)


def test_the_pipeline_gives_every_golden_value(edition_values: dict[tuple[str, str, str], dict[str, Any]]) -> None:
    wrong = []
    for row in golden():
        made = edition_values[row["edition_year"], row["ags"], row["indicator_id"]]
        wrong += [
            f"{name_of(row)}: {column} is {row[column]!r} by hand, {made[column]!r} in the pipeline; {row['how']}"
            for column in ("value", "numerator", "denominator")
            if not is_same_number(row[column], made[column])
        ]
        wrong += [
            f"{name_of(row)}: {column} is {row[column]!r} by hand, {made[column]!r} in the pipeline; {row['how']}"
            for column in ("value_status", "level", "reference_date")
            if row[column] != ("" if made[column] is None else str(made[column]))
        ]
    assert not wrong, "\n".join(wrong)
