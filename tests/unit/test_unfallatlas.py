"""The Unfallatlas, on replies built from the description of its yearly columns: no real file was at hand."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path

import duckdb
import pytest
from places import TWELVE

from pipeline import archive, catalog, figures, read
from pipeline.errors import ReadError

CATALOG = catalog.load()
SOURCE = CATALOG.sources["unfallatlas"]
KEYS = "ULAND;UREGBEZ;UKREIS;UGEMEINDE;UJAHR;UMONAT;USTUNDE;UWOCHENTAG;UKATEGORIE;UART;UTYP1"
YEARS = {  # columns as they drift, member and encoding
    "2016": (
        f"FID;OBJECTID;{KEYS};ULICHTVERH;IstRad;IstPKW;IstFuss;IstKrad;STRZUSTAND;LINREFX;LINREFY",
        "Unfallorte2016_LinRef.txt",
        "latin-1",
    ),
    "2017": (
        f"UIDENTSTLA;{KEYS};LICHT;STRZUSTAND;IstRad;IstPKW;IstFuss;IstKrad;IstSonstig;LINREFX;LINREFY",
        "csv/Unfallorte2017_LinRef.txt",
        "latin-1",
    ),
    "2019": (
        f"OBJECTID;{KEYS};ULICHTVERH;IstRad;IstPKW;IstFuss;IstKrad;IstGkfz;IstSonstige;STRZUSTAND",
        "Unfallorte2019_LinRef.txt",
        "latin-1",
    ),
    "2021": (
        f"OID_;UIDENTSTLAE;{KEYS};ULICHTVERH;IstStrassenzustand;IstRad;IstPKW;IstFuss;IstKrad;IstGkfz",
        "Unfallorte2021.CSV",
        "utf-8-sig",
    ),
    "2024": (
        f"OID_;UIDENTSTLAE;{KEYS};ULICHTVERH;IstRad;IstPKW;IstFuss;PLST;IstKrad",
        "Unfallorte2024_EPSG25832_CSV.csv",
        "utf-8-sig",
    ),
}


def accident(year: str, ags: str, header: str, *, bicycle: int = 0, pedestrian: int = 0, padded: bool = True) -> str:
    parts = [ags[:2], ags[2], ags[3:5], ags[5:]]
    if not padded:
        parts = [str(int(part)) for part in parts]
    known = dict(zip(KEYS.split(";")[:4], parts, strict=True)) | {"UJAHR": year, "UKATEGORIE": "3"}
    known |= {"IstRad": str(bicycle), "IstFuss": str(pedestrian), "LINREFX": "526384,1234", "PLST": "Übung"}
    return ";".join(known.get(name, "1") for name in header.split(";"))


def atlas(year: str, places: list[str], *, padded: bool = True, more: tuple[str, ...] = (), as_year: str = "") -> bytes:
    """Per place an accident with a bicycle, one with a pedestrian, one with both and one with neither."""
    header, member, encoding = YEARS[year]
    rows = [
        accident(as_year or year, ags, header, bicycle=bicycle, pedestrian=pedestrian, padded=padded)
        for ags in places
        for bicycle, pedestrian in ((1, 0), (0, 1), (1, 1), (0, 0))
    ]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr(member, "\r\n".join([header, *rows, *more, ""]).encode(encoding))
        packed.writestr("DSB_Unfallatlas.pdf", b"%PDF")
    return content.getvalue()


def reading(year: str, content: bytes) -> read.Reading:
    (part,) = SOURCE.editions[year].parts
    return read.read_part(SOURCE, year, part, content)


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("padded", [True, False])
def test_columns_are_found_by_name_in_every_year(year: str, padded: bool) -> None:
    found = reading(year, atlas(year, [place.ags for place in TWELVE], padded=padded))
    assert found.rows_read == len(found.rows) == 48
    assert found.rows["bicycle"].value_counts().to_dict() == {"1": 24, "0": 24}
    assert set(found.rows["year"]) == {year}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (atlas("2021", ["05974040"], as_year="2020"), "column UJAHR: 2021 is expected, found 2020"),
        (atlas("2021", []), "data is expected"),
        (atlas("2021", ["05974040"], more=("1;2",)), "fields are expected"),
        (atlas("2021", ["05974040"], more=(accident("2021", "05974040", YEARS["2021"][0], bicycle=2),)), "bicycle"),
        (atlas("2021", ["05974040"]).replace(b"IstRad", b"IstRat"), "zip"),
    ],
)
def test_another_file_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(ReadError, match=told):
        reading("2021", content)


def test_a_column_that_is_gone_is_named() -> None:
    header, member, _ = YEARS["2021"]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr(member, header.replace("IstRad", "Rad") + "\n")
    with pytest.raises(ReadError, match="one column IstRad each is expected, found OID_, UIDENTSTLAE, ULAND"):
        reading("2021", content.getvalue())


def test_a_land_that_is_missing_in_a_year_is_not_zero(tmp_path: Path) -> None:
    """Thuringia and North Rhine-Westphalia lack in the first file; Soest has accidents in 2021, Dierfeld has none."""
    early = [p.ags for p in TWELVE if p.land not in ("05", "16")]
    given = {"2019": (early, False), "2021": ([p.ags for p in TWELVE if p.name != "Dierfeld"], True)}
    for year, (places, padded) in given.items():
        path = tmp_path / "publisher" / SOURCE.editions[year].parts[0].file
        path.parent.mkdir(parents=True)
        path.write_bytes(atlas(year, places, padded=padded))
    archive.fetch_from(tmp_path / "archive", tmp_path / "publisher", [SOURCE])
    accounts = figures.make(CATALOG, tmp_path / "archive", tmp_path / "figures").set_index("edition")
    assert accounts.loc["2021", ["rows_read", "rows_used", "rows_rejected"]].to_list() == [44, 44, 0]
    with duckdb.connect() as db:
        path = tmp_path / "figures" / "typed__unfallatlas__accidents.parquet"
        db.execute(f"create view typed__unfallatlas__accidents as from '{path}'")
        db.execute("create table core__municipalities (list_year int, ags text, land_code text, population bigint)")
        for place in TWELVE:
            for year in (2019, 2021):
                row = [year, place.ags, place.land, place.population]
                db.execute("insert into core__municipalities values (?, ?, ?, ?)", row)
        model = CATALOG.sql["indicator__accidents_cycling_walking"]
        found = db.execute(f"select unit_key, reference_date, value, value_status from ({model})").fetchall()
    values = {(key, day): (value, status) for key, day, value, status in found}
    early_end, end = dt.date(2019, 12, 31), dt.date(2021, 12, 31)
    assert len(values) == 24
    assert values["05974040", early_end] == (None, "not_collected")
    assert values["05974040", end] == (pytest.approx(3000 / 47929), "reported")
    assert values["07231021", early_end] == (pytest.approx(3000 / 9), "reported")
    assert values["07231021", end] == (0.0, "true_zero")
    assert values["01001000", early_end] == (pytest.approx(3000 / 91113), "reported")


def test_what_is_only_described_enters_no_edition() -> None:
    assert "accidents_cycling_walking" not in {indicator.id for indicator in CATALOG.sorted_indicators}
