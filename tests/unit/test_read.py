"""Every declared file is read to the last row, and a file that is not what was declared is refused with its place."""

from __future__ import annotations

import io
import re
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places import TWELVE

from pipeline import archive, catalog, read
from pipeline.catalog import Part, Source
from pipeline.errors import PipelineError, ReadError
from pipeline.read import Reading, read_part

CATALOG = catalog.load()
PARTS = [
    pytest.param(source, edition, part, id=f"{source.id}-{edition}-{archive.part_name(part)}")
    for source in CATALOG.retrieved.values()
    for edition, declared in source.retrieved_editions.items()
    for part in declared.parts
]
GV = ("destatis_gv", "2021-12-31", "auszug")
GV100AD = ("destatis_gv100ad", "2018-09-30", "fixed_220")
BROADBAND = ("bnetza_breitbandatlas", "2021-06", "mid_2021")
KBA = ("kba_fz1", "2021-01-01", "y2021")
CHARGING = ("bnetza_ladesaeulenregister", "2022-01-01", "preamble_10")
INKAR = ("bbsr_inkar_2021", "2021", "umwelt")
DBF = ("bkg_vg5000", "2021-01-01", "dbf")
SHP = ("bkg_vg5000", "2021-01-01", "shp")
DOMAINS = ("german_gov_domains", "2020-10", "list")
OPARL = ("oparl_endpoints", "2021-12-31", "list")
DWELLINGS = ("regionalstatistik", "2020-2021", "31121-01-02-4")
CARS_SHEET = "xl/worksheets/sheet2.xml"
EXPORT = ("bbsr_inkar_export", "2024", "Arbeitslosigkeit")

Kind = tuple[str, str, str]


def declared(kind: Kind) -> tuple[Source, str, Part]:
    source = CATALOG.sources[kind[0]]
    (part,) = (p for p in source.editions[kind[1]].parts if archive.part_name(p) == kind[2])
    return source, kind[1], part


def reading(kind: Kind, content: bytes) -> Reading:
    source, edition, part = declared(kind)
    return read_part(source, edition, part, content)


@cache
def sample(kind: Kind) -> bytes:
    return samples.SAMPLES[kind]()


def rejected_rows(frame: pd.DataFrame) -> int:
    return int((frame["row_last"] - frame["row_first"] + 1).sum())


def refused(kind: Kind, content: bytes) -> str:
    """The message of the ReadError, which says source, edition, file, what was expected and what was found."""
    source, edition, part = declared(kind)
    with pytest.raises(ReadError) as caught:
        read_part(source, edition, part, content)
    message = str(caught.value)
    for fact in (source.id, edition, Path(part.file).name, "expected", "found"):
        assert fact in message, f"{fact!r} is missing: {message}"
    return message


@pytest.mark.parametrize(("source", "edition", "part"), PARTS)
def test_every_row_of_a_publishers_file_is_used_or_rejected(
    archive_root: Path, source: Source, edition: str, part: Part
) -> None:
    (receipt,) = (
        r
        for r in archive.read_receipts(archive_root, source.id)
        if (r.edition, r.part) == (edition, archive.part_name(part))
    )
    found = read_part(source, edition, part, archive.fetch(archive_root, receipt.sha256))
    assert found.rows_read == found.rows["row_number"].nunique() + rejected_rows(found.rejected)
    assert found.rows["row_number"].nunique() > 10
    texts = found.rows.drop(columns="row_number")
    assert all(isinstance(value, str) or value is None or value != value for value in texts.head(50).to_numpy().ravel())


def test_the_gemeindeverzeichnis_is_read_with_its_leading_zeros() -> None:
    found = reading(GV, sample(GV))
    places = found.rows[found.rows["record_type"] == "60"]
    keys = places["land"] + places["rb"] + places["kreis"] + places["gem"]
    assert sorted(keys) == sorted(place.ags for place in TWELVE)
    soest = places[keys == "05974040"].iloc[0]
    assert (soest["population"], soest["area_km2"], soest["plz"]) == ("47929", "85.81", "59494")
    assert rejected_rows(found.rejected) == len(samples.GV_FOOTER)


def test_the_fixed_width_list_is_read_by_character_not_by_byte() -> None:
    found = reading(GV100AD, sample(GV100AD)).rows
    cologne = found[(found["name"] == "Köln, Stadt") & (found["record_type"] == "60")].iloc[0]
    assert (cologne["land"], cologne["rb"], cologne["kreis"], cologne["gem"]) == ("05", "3", "15", "000")
    assert (cologne["area_hectares"], cologne["population"], cologne["plz"]) == ("00000040501", "00001073096", "50667")


def test_every_measure_becomes_a_row_with_the_column_it_stands_in() -> None:
    found = reading(BROADBAND, sample(BROADBAND)).rows
    gigabit = found[(found["unit_key"] == "08426118") & (found["variable"] == "speed_1000")].iloc[0]
    assert (gigabit["raw"], gigabit["source_column"], gigabit["row_number"]) == ("1.30", "13", 10)


def test_registration_districts_keep_their_signs_and_totals_for_the_next_step() -> None:
    cars = [("01001  FLENSBURG,STADT", 45029, "-", "."), *samples.CARS[:2]]
    found = reading(KBA, samples.kba_fz1(cars=cars)).rows
    flensburg = found[found["district"] == "01001  FLENSBURG,STADT"].set_index("variable")["raw"]
    assert flensburg.to_dict() == {"cars": "45029", "plugin_hybrid": "-", "battery_electric": "."}


def test_charging_devices_keep_date_and_coordinates_as_text() -> None:
    device = reading(CHARGING, sample(CHARGING)).rows.iloc[0]
    assert (device["place_name"], device["commissioned"]) == ("Flensburg", "2021-11-11")
    assert (device["latitude"], device["longitude"]) == ("54.78252", "9.43751")


def test_a_parquet_row_without_any_value_is_rejected_as_such() -> None:
    found = reading(INKAR, samples.inkar(rows=5))
    assert sorted(found.rows["row_number"].unique()) == [1, 2, 3, 4, 5]
    assert found.rows.query("variable == 'x249'")["raw"].to_list() == ["0.0", "1.0", "2.0", "4.0"]
    assert found.rows_read == 5


def test_the_year_above_a_block_is_the_year_of_its_rows() -> None:
    found = reading(DWELLINGS, sample(DWELLINGS))
    soest = found.rows[found.rows["unit_key"] == "05974"].set_index(["variable", "period"])["raw"]
    assert soest["dwellings_completed"].to_dict() == {"2019": "810", "2018": "874"}
    assert soest["flats_completed"].to_dict() == {"2019": "405", "2018": "437"}
    assert found.rejected["rule"].to_list() == ["separator", "separator", "footer", "footer"]


def test_a_block_without_a_year_above_it_is_refused() -> None:
    message = refused(DWELLINGS, samples.dwellings(years=("2019", "insgesamt")))
    assert "row 17: a year is expected alone in its row, found 'insgesamt'" in message
    message = refused(DWELLINGS, samples.dwellings(cells={"A3": None}))
    assert "row 4: a year is expected above it, found none" in message
    message = refused(DWELLINGS, samples.dwellings(cells={"A17": None}))
    assert "row 18: each unit is expected once a year, found '01001' twice in 2019" in message
    message = refused(DWELLINGS, samples.dwellings(years=("2019", "2019")))
    assert "row 17: each year is expected once, found 2019 again" in message


def test_each_year_of_an_export_becomes_a_row() -> None:
    found = reading(EXPORT, sample(EXPORT)).rows
    dierfeld = found[found["unit_key"] == "07231021"].set_index("period")["raw"]
    assert dierfeld.to_dict() == {"2016": "0", "2017": "0", "2018": "0", "2019": "1", "2020": "0", "2021": "0"}


def test_an_export_without_a_declared_year_or_with_one_twice_is_refused() -> None:
    message = refused(EXPORT, samples.inkar_export(years=range(1998, 2021)))
    assert "one column 'Arbeitslose' of 2021 is expected, 0 found" in message
    message = refused(EXPORT, samples.inkar_export(cells={"AA2": "2020"}))
    assert "one column 'Arbeitslose' of 2020 is expected, 2 found" in message


def test_a_title_of_an_endpoint_names_the_place_and_its_kind() -> None:
    found = reading(OPARL, sample(OPARL)).rows
    assert found["place_name"].to_list()[:2] == ["OParl Mirror", "Flensburg"]
    assert found["place_kind"].isna().to_list() == [True, *[False] * 12]
    assert set(found["place_kind"].dropna()) == {"Stadt"}


@pytest.mark.parametrize("kind", [GV, KBA, CHARGING, DWELLINGS, EXPORT], ids=lambda kind: kind[0])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "0 bytes"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "HTML page"),
        (b"AGS;Name\n", "whole workbook"),
    ],
    ids=["empty", "html", "text"],
)
def test_what_is_no_workbook_is_refused(kind: Kind, content: bytes, reason: str) -> None:
    assert reason in refused(kind, content)


@pytest.mark.parametrize("kind", [GV, KBA, CHARGING], ids=lambda kind: kind[0])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_workbook_is_refused(kind: Kind, share: float) -> None:
    content = sample(kind)
    assert "fetch it again" in refused(kind, content[: int(len(content) * share)])


@pytest.mark.parametrize("kind", [GV100AD, BROADBAND, OPARL], ids=lambda kind: kind[0])
@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>\n<html><body>404</body></html>"], ids=["empty", "html"])
def test_what_is_no_text_table_is_refused(kind: Kind, content: bytes) -> None:
    refused(kind, content)


def test_a_workbook_without_the_declared_sheet_is_refused() -> None:
    assert "sheet 'FZ1.2' is expected, found ['Inhalt', 'Onlineprodukt_Gemeinden']" in refused(KBA, sample(GV))


def test_a_renamed_header_is_refused_with_its_column() -> None:
    message = refused(GV, samples.gv_isys(cells={"J4": "zusammen"}))
    assert "column J (population): expected 'Bevölkerung insgesamt', found 'Bevölkerung zusammen'" in message
    message = refused(BROADBAND, samples.breitbandatlas(header={13: "alle Technologien ≥ 1 Gbit/s"}))
    assert "column 13 (speed_1000)" in message and "row 1" in message


def test_an_inserted_column_is_refused() -> None:
    assert "20 columns are expected, found 21" in refused(GV, samples.gv_isys(insert_column=9))


def test_keys_saved_as_numbers_are_refused() -> None:
    message = refused(GV, samples.gv_isys(keys_as_numbers=True))
    assert "row 7, column land" in message and "found '1'" in message and "leading zeros" in message
    assert "row 2, column unit_key" in refused(BROADBAND, samples.breitbandatlas(lose_zeros=True))


def test_a_file_of_another_year_is_refused_with_the_cell() -> None:
    message = refused(GV, samples.gv_isys(date="31.12.2020 (Jahr)"))
    assert "cell C5: expected to hold '31.12.2021', found 'Gebietsstand am 31.12.2020 (Jahr)'" in message
    assert "cell B6" in refused(KBA, samples.kba_fz1(date="1. Januar 2020"))
    assert "cell A8" in refused(CHARGING, samples.ladesaeulenregister(date="01.09.2021"))


def test_a_population_of_another_date_than_the_territory_is_refused() -> None:
    assert "cell J5" in refused(GV, samples.gv_isys(cells={"J5": "am 30.09.2021"}))


def test_an_error_of_the_spreadsheet_is_no_empty_cell() -> None:
    found = reading(KBA, samples.kba_fz1(cells={"K12": "#VALUE!", "T12": "#N/A"})).rows
    munich = found[found["row_number"] == 12].set_index("variable")["raw"]
    assert munich.to_dict() == {"cars": "732045", "plugin_hybrid": "10658", "battery_electric": "#VALUE!"}
    assert "row 8, column land: '\\\\d{2}' is expected, found '#REF!'" in refused(
        GV, samples.gv_isys(cells={"C8": "#REF!"})
    )


def test_an_error_outside_of_its_sheet_is_refused() -> None:
    with pytest.raises(ReadError, match="cell B3 is expected inside the sheet, found outside"):
        read._with_errors([["a"], ["b"]], [(2, 1, "#N/A")], read.Place("source", "edition", "file", "part"))


def test_another_delimiter_is_refused() -> None:
    assert "',' between fields is expected" in refused(BROADBAND, samples.breitbandatlas(delimiter=";"))
    assert "5 columns are expected, found 1" in refused(DOMAINS, samples.domains(replace={",": ";"}))


def test_another_encoding_is_refused_with_the_row() -> None:
    content = samples.breitbandatlas(encoding="utf-16")
    assert "row 1: utf-8 is expected, found byte 0xff at 0" in refused(BROADBAND, content)
    content = samples.domains().decode().encode("cp1252")
    assert "row 4: utf-8 is expected, found byte 0xf6" in refused(DOMAINS, content)


def test_utf_8_in_the_fixed_width_list_is_refused_by_its_length() -> None:
    content = sample(GV100AD).decode("iso-8859-1").encode()
    assert "220 characters are expected, found 221" in refused(GV100AD, content)


def test_a_row_with_too_many_fields_is_refused() -> None:
    assert "row 3: 54 fields are expected as in the rows above, found 55" in refused(
        BROADBAND, samples.breitbandatlas(extra={3: "7"})
    )


def test_a_nul_byte_is_refused_with_the_row() -> None:
    assert "row 7" in refused(BROADBAND, samples.breitbandatlas(replace={"05974040": "0597404\0"}))
    content = sample(GV100AD)
    assert "row 1" in refused(GV100AD, content[:30] + b"\0" + content[31:])


def test_an_open_quote_is_refused() -> None:
    assert "row 13" in refused(BROADBAND, samples.breitbandatlas(replace={'"16056000"': '"16056000'}))


def test_a_file_with_nothing_below_the_header_is_refused() -> None:
    header = sample(BROADBAND).split(b"\n")[0] + b"\n"
    assert "row 2 and below: data is expected, found none" in refused(BROADBAND, header)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_parquet_is_refused(share: float) -> None:
    content = sample(INKAR)
    assert "whole Parquet file" in refused(INKAR, content[: int(len(content) * share)])


def test_a_parquet_with_a_renamed_column_is_refused() -> None:
    assert "column x240 is expected, found region_id" in refused(INKAR, samples.inkar(rename={"x240": "x240_neu"}))


def test_a_parquet_with_text_where_numbers_belong_is_refused() -> None:
    content = samples.inkar(as_text="x240")
    assert "column x240: a column of numbers is expected, found VARCHAR" in refused(INKAR, content)


@pytest.mark.parametrize("kind", [DBF, SHP], ids=lambda kind: kind[2])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.7, 0.98])
def test_a_truncated_shapefile_part_is_refused(kind: Kind, share: float) -> None:
    content = sample(kind)
    refused(kind, content[: int(len(content) * share)])


@pytest.mark.parametrize("kind", [DBF, SHP], ids=lambda kind: kind[2])
def test_a_missing_extra_is_not_taken_for_a_damaged_file(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    content = sample(kind)
    monkeypatch.setitem(sys.modules, "shapefile", None)
    with pytest.raises(ReadError, match=r"bkg_vg5000, .*pip install 'stadtrang\[geo\]'"):
        reading(kind, content)


def test_an_outline_without_a_key_of_eight_digits_is_refused() -> None:
    dbf, _ = samples.vg5000({"5974040": (3_400_000, 5_700_000, 10_000)})
    assert "row 1, column ags" in refused(DBF, dbf)


def test_a_list_of_endpoints_without_titles_is_refused() -> None:
    assert "entry 2: a title is expected" in refused(OPARL, b"- title: Stadt Soest\n- url: x\n")
    assert "YAML" in refused(OPARL, b"- title: [\n")
    assert "YAML" in refused(OPARL, b"[" * 5000)


def test_a_workbook_that_unpacks_to_more_than_memory_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file, file.open("xl/workbook.xml", "w") as member:
        for _ in range(120):
            member.write(b" " * 1_000_000)
    assert "times its size unpacked is expected, found 120,000,000 bytes" in refused(KBA, packed.getvalue())


def test_a_workbook_of_more_than_a_gigabyte_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_UNPACKED", 1000)
    assert "at most 1,000 unpacked bytes are expected, found" in refused(KBA, sample(KBA))


def test_a_panic_of_the_workbook_reader_is_a_read_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        pass

    class Panics:
        @staticmethod
        def from_filelike(_: object) -> None:
            raise PanicException("index out of bounds")

    monkeypatch.setattr(read, "CalamineWorkbook", Panics)
    assert "index out of bounds" in refused(KBA, sample(KBA))


@pytest.mark.parametrize("address", ["XFD1048576", "xfd20", "E1048576", "ZZZZZZ3"])
def test_a_cell_far_outside_is_refused_before_the_sheet_is_opened(address: str) -> None:
    far = f'<row r="{address.lstrip("AEXFDZxfd")}"><c r="{address}"><v>1</v></c></row></sheetData>'.encode()
    for written in (far, far.replace(b'"', b"'"), far.replace(b"r=", b"r = ")):

        def change(xml: bytes, cell: bytes = written) -> bytes:
            return xml.replace(b"</sheetData>", cell)

        content = samples.repacked(sample(KBA), CARS_SHEET, change)
        assert "a sheet of at most 250,000 rows, 1,000 columns" in refused(KBA, content)


def test_a_formula_without_its_result_is_refused_with_its_cell() -> None:
    content = samples.kba_fz1(cells={"K12": "=K10+K11"})
    message = refused(KBA, content)
    assert "row 12, column K (battery_electric)" in message and "'=K10+K11' without its result" in message


def test_a_formula_in_a_column_that_nobody_reads_is_left_alone() -> None:
    assert len(reading(KBA, samples.kba_fz1(cells={"T12": "=1+1"})).rows) == len(reading(KBA, sample(KBA)).rows)


def test_a_formula_with_its_result_is_that_result() -> None:
    plain = reading(KBA, sample(KBA)).rows
    content = samples.repacked(
        sample(KBA), CARS_SHEET, lambda xml: re.sub(rb'(<c r="E12"[^>]*>)<v>', rb"\1<f>SUM(F12:G12)</f><v>", xml)
    )
    assert content != sample(KBA)
    assert reading(KBA, content).rows.equals(plain)


def test_entities_in_a_workbook_are_refused() -> None:
    bomb = b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
    content = samples.repacked(sample(KBA), "xl/workbook.xml", lambda xml: bomb + xml[xml.index(b"<workbook") :])
    assert "without XML entities is expected, found them in xl/workbook.xml" in refused(KBA, content)


def test_another_file_in_a_zip_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("../../content.xml", "<office/>")
    assert "a workbook of Excel (.xlsx) is expected, found a zip of ['../../content.xml']" in refused(
        KBA, packed.getvalue()
    )


@pytest.mark.parametrize("dotted", ["5.033", "5.000", "5,033", "-5", "5033 1)", "1e3"])
def test_a_count_that_is_not_whole_is_refused_with_row_and_column(dotted: str) -> None:
    message = refused(KBA, samples.kba_fz1(cells={"K12": dotted}))
    assert f"row 12, column K (battery_electric): a whole number is expected, found {dotted!r}" in message


def test_counts_in_every_year_of_an_export_are_whole() -> None:
    assert "(unemployed@2021): a whole number is expected" in refused(
        EXPORT, samples.inkar_export(cells={"AA5": "1.234"})
    )


def test_an_unknown_kind_of_record_is_refused_with_its_row() -> None:
    assert "row 9, column record_type: one of 10, 20, 40, 50, 60" in refused(GV, samples.gv_isys(cells={"A9": "65"}))
    assert "row 9, column record_type" in refused(GV, samples.gv_isys(cells={"A9": None}))


def test_text_read_in_the_wrong_encoding_is_refused() -> None:
    mojibake = samples.domains().decode().encode().decode("latin-1").encode()
    assert "column place_name: readable text is expected, found 'GÃ¶ttingen'" in refused(DOMAINS, mojibake)
    dos = sample(GV100AD).decode("iso-8859-1").encode("cp850")
    assert "column name: readable text is expected" in refused(GV100AD, dos)


def test_an_interrupt_while_reading_stays_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        @staticmethod
        def from_filelike(_: object) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(read, "CalamineWorkbook", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        reading(KBA, sample(KBA))


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """The bytes cut off somewhere, or with up to five bytes changed."""
    cut = st.integers(0, len(content) - 1).map(lambda end: content[:end])
    flips = st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(1, 255)), min_size=1, max_size=5)

    def flip(changes: list[tuple[int, int]]) -> bytes:
        changed = bytearray(content)
        for at, mask in changes:
            changed[at] ^= mask
        return bytes(changed)

    return cut | flips.map(flip)


def survives(kind: Kind) -> Callable[[], None]:
    @settings(max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(content=damaged(sample(kind)))
    def run(content: bytes) -> None:
        try:
            found = reading(kind, content)
        except PipelineError:
            return
        assert found.rows_read == found.rows["row_number"].nunique() + rejected_rows(found.rejected)

    return run


@pytest.mark.parametrize("kind", list(samples.SAMPLES), ids=lambda kind: f"{kind[0]}-{kind[2]}")
def test_damaged_bytes_are_read_whole_or_refused(kind: Kind) -> None:
    survives(kind)()
