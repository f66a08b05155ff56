"""INKAR's bulk file, on replies built from the publisher's description: no real file was at hand."""

from __future__ import annotations

import datetime as dt
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from places import TWELVE

from pipeline import archive, catalog, figures, read
from pipeline.errors import ReadError

CATALOG = catalog.load()
SOURCE = CATALOG.sources["bbsr_inkar"]
(PART,) = SOURCE.editions["2025"].parts
HEADER = "Bereich;ID;Kuerzel;Indikator;Raumbezug;Kennziffer;Name;Zeitbezug;Wert"
GEMEINDEN, KREISE, VERBAENDE = (
    SOURCE.layouts["bulk"].where["level_text"][0],
    "Kreise",
    "Gemeindeverbände (Verwaltungsgemeinschaft)",
)


def line(kuerzel: str, level: str, key: str, year: int, value: str, name: str = "irgendwo") -> str:
    return f"Absatzwirtschaft, Tourismus;41;{kuerzel};Verweildauer;{level};{key};{name};{year};{value}"


def lines() -> list[str]:
    """Twelve municipalities with keys as numbers, their districts and associations, and what is out of scope."""
    found = []
    for number, kuerzel in enumerate(SOURCE.layouts["bulk"].values.values()):
        found += [
            line("q_bev_fl", "Bund", "111", 2023, "233,1"),
            line("q_bev_fl", GEMEINDEN, "1001000", 2023, "1606,1"),
        ]
        for place in TWELVE:
            found.append(line(kuerzel, GEMEINDEN, str(int(place.ags)), 2023, f"{number + 1},5", f'"{place.name}"'))
        found.append(line(kuerzel, KREISE, "1001000", 2023, "1,9", "Flensburg; Stadt".join('""')))
        found.append(line(kuerzel, VERBAENDE, "72315008", 2022, "2,25"))
        found.append(line(kuerzel, GEMEINDEN, "99999999", 2023, "0"))
        found.append(line(kuerzel, GEMEINDEN, "1001000", 1995, "1,2"))
    return found


def bulk(
    folder: Path, rows: Sequence[str], header: str = HEADER, member: str = "inkar_2025.csv", bom: bool = True
) -> Path:
    path = folder / PART.file
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(member, "\n".join([header, *rows, ""]).encode("utf-8-sig" if bom else "utf-8"))
        packed.writestr("BBSR_Raumgliederungen_Referenz_2023.xlsx", b"PK")
    return path


def readings(path: Path) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    found = list(read.read_batches(SOURCE, "2025", PART, path))
    return (
        pd.concat([r.rows for r in found]),
        pd.concat([r.rejected for r in found]),
        sum(r.rows_read for r in found),
    )


def refused(path: Path) -> str:
    with pytest.raises(ReadError) as caught:
        readings(path)
    message = str(caught.value)
    assert [fact for fact in ("bbsr_inkar", "2025", "inkar_2025.zip", "expected", "found") if fact not in message] == []
    return message


@pytest.mark.parametrize("bom", [True, False])
def test_only_declared_levels_years_and_indicators_come_out_and_the_rest_is_counted(tmp_path: Path, bom: bool) -> None:
    rows, rejected, rows_read = readings(bulk(tmp_path, lines(), bom=bom))
    assert rows_read == len(lines()) == len(rows) + rejected["rows"].sum()
    assert rejected.groupby("rule")["rows"].sum().to_dict() == {"filler": 6, "out_of_scope": 18}
    soest = rows[(rows["unit_key"] == "05974040") & (rows["variable"] == "m_uebern")].iloc[0]
    assert (soest["raw"], soest["period"], soest["unit_name"]) == ("1,5", "2023", "Soest, Stadt")
    assert lines()[soest["row_number"] - 2].split(";")[5] == "5974040"


def test_a_lost_leading_zero_comes_back_by_the_width_of_the_level(tmp_path: Path) -> None:
    rows, _, _ = readings(bulk(tmp_path, lines()))
    keys = rows[rows["variable"] == "m_uebern"].groupby("level_text")["unit_key"].agg(list)
    assert keys[KREISE] == ["01001000"]
    assert keys[VERBAENDE] == ["072315008"]
    assert keys[GEMEINDEN] == [place.ags for place in TWELVE]


@pytest.mark.parametrize(
    ("level", "key"), [(KREISE, "1001"), (GEMEINDEN, "1001"), (GEMEINDEN, "123456789"), (VERBAENDE, "x")]
)
def test_a_key_that_is_none_of_its_level_is_refused_with_its_row(tmp_path: Path, level: str, key: str) -> None:
    message = refused(bulk(tmp_path, [*lines(), line("m_übern", level, key, 2023, "1")]))
    assert f"row {len(lines()) + 2}, column Kennziffer" in message and repr(key) in message


def test_another_header_is_refused(tmp_path: Path) -> None:
    assert "'Kuerzel'" in refused(bulk(tmp_path, lines(), header=HEADER.replace("Kuerzel", "Kürzel")))


def test_an_indicator_that_the_file_no_longer_has_is_refused(tmp_path: Path) -> None:
    assert "m_übern" in refused(bulk(tmp_path, [row for row in lines() if "m_übern" not in row]))


def test_a_level_that_was_renamed_is_refused_and_not_left_out(tmp_path: Path) -> None:
    renamed = [row.replace(VERBAENDE, "Verbände") for row in lines()]
    assert VERBAENDE in refused(bulk(tmp_path, renamed))


def test_a_row_with_another_number_of_fields_is_refused(tmp_path: Path) -> None:
    assert "CSV with ';'" in refused(bulk(tmp_path, [*lines(), "one;two"]))


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    assert "expected" in refused(bulk(tmp_path, []))


def test_another_member_is_refused_with_the_names_that_are_there(tmp_path: Path) -> None:
    assert "daten.csv" in refused(bulk(tmp_path, lines(), member="daten.csv"))


def test_a_zip_that_was_cut_or_damaged_is_refused(tmp_path: Path) -> None:
    path = bulk(tmp_path, lines() * 500)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "a whole zip is expected" in refused(path)
    middle = whole.find(b"inkar_2025.csv") + 200
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    refused(path)


def test_whoever_stops_taking_rows_leaves_no_reader_behind(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    taken = read.read_batches(SOURCE, "2025", PART, bulk(tmp_path, lines() * 5000))
    next(taken)
    taken.close()  # type: ignore[attr-defined]
    assert set(threading.enumerate()) <= before


def test_the_typed_table_and_its_indicator_balance_with_the_file(tmp_path: Path) -> None:
    bulk(tmp_path / "publisher", lines())
    archive.fetch_from(tmp_path / "archive", tmp_path / "publisher", [SOURCE])
    accounts = figures.make(CATALOG, tmp_path / "archive", tmp_path / "figures")
    (account,) = accounts.itertuples()
    assert (account.rows_read, account.rows_used, account.rows_rejected) == (len(lines()), 6 * 14, 24)
    with duckdb.connect() as connection:
        path = tmp_path / "figures" / "typed__bbsr_inkar__values.parquet"
        connection.execute(f"create view typed__bbsr_inkar__values as from '{path}'")
        stays = f"({CATALOG.sql['indicator__length_of_stay']})"
        found = connection.execute(f"select value, reference_date from {stays} where unit_key = '02000000'").fetchall()
        levels = connection.execute(
            "select level, unit_key from typed__bbsr_inkar__values where level <> 'municipality'"
        )
        assert set(levels.fetchall()) == {("district", "01001"), ("association", "072315008")}
    assert found == [(1.5, dt.date(2023, 12, 31))]


def test_what_is_only_described_enters_no_edition() -> None:
    assert not SOURCE.is_retrieved
    assert "length_of_stay" not in {indicator.id for indicator in CATALOG.sorted_indicators}
