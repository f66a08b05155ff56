"""Sources of points: GTFS stops and JedeSchule, on replies built from the descriptions; no real file was at hand."""

from __future__ import annotations

import csv
import hashlib
import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest
import samples
from places import TWELVE, Municipality

from pipeline import archive, catalog, figures, read, warehouse
from pipeline.errors import ReadError
from pipeline.personal import strip_personal
from pipeline.read import Place

CATALOG = catalog.load()
STOPS, SCHOOLS = CATALOG.sources["gtfs_stops"], CATALOG.sources["jedeschule"]
(STOPS_PART,) = STOPS.editions["2026"].parts
(SCHOOLS_PART,) = SCHOOLS.editions["2026"].parts
FLENSBURG = {"01001000": (3_520_000.0, 6_060_000.0, 30_000.0)}  # a made-up square around the middle of the town
INFO = "feed_publisher_name,feed_start_date,feed_version\ngtfs.de,20260105,light-2026-01-05\n"
STOP_HEADER = "stop_name,parent_station,stop_id,stop_lat,stop_lon,location_type,platform_code"


def degrees(place: Municipality) -> tuple[float, float]:
    return float(place.latitude.replace(",", ".")), float(place.longitude.replace(",", "."))


def stop_rows() -> list[str]:
    """A station with two platforms and an entrance, and a single stop, in each of the twelve places."""
    rows = []
    for place in TWELVE:
        latitude, longitude = degrees(place)
        name = f'"{place.name}, Bahnhof"'
        rows += [f"{name},,{place.ags}s,{latitude},{longitude},1,"]
        rows += [f"{name},{place.ags}s,{place.ags}p{n},{latitude},{longitude},0,{n}" for n in (1, 2)]
        rows += [f"{name},{place.ags}s,{place.ags}e,{latitude},{longitude},2,"]
        rows += [f"Markt,,{place.ags}m,{latitude},{longitude},,"]
    return [*rows, "Basel SBB,,ch,47.547,7.589,,"]


def feed(folder: Path, members: Mapping[str, str] | None = None) -> Path:
    path = folder / STOPS_PART.file
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"feed_info.txt": INFO, "stops.txt": "\n".join([STOP_HEADER, *stop_rows(), ""]), "stop_times.txt": "x\n"}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in (whole | dict(members or {})).items():
            if text:
                packed.writestr(name, text.encode("utf-8-sig"))
    return path


def stops_refused(path: Path) -> str:
    with pytest.raises(ReadError) as caught:
        list(read.read_batches(STOPS, "2026", STOPS_PART, path))
    message = str(caught.value)
    assert [fact for fact in ("gtfs_stops", "2026", "latest.zip", "expected", "found") if fact not in message] == []
    return message


def test_a_station_counts_once_and_not_with_its_platforms_and_entrances(tmp_path: Path) -> None:
    *batches, last = read.read_batches(STOPS, "2026", STOPS_PART, feed(tmp_path))
    assert sum(len(batch.rows) for batch in batches) == 25
    assert last.rejected.set_index("rule")["rows"].to_dict() == {"part_of_station": 24, "out_of_scope": 12}
    assert sum(batch.rows_read for batch in batches) == 61
    first = batches[0].rows.iloc[0]
    assert (first["row_number"], first["latitude"], first["feed_date"]) == (2, "54.78252", "2026-01-05")


def test_rows_come_in_batches_that_together_are_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.sources import gtfs_stops

    monkeypatch.setattr(gtfs_stops, "BATCH", 7)
    batches = list(read.read_batches(STOPS, "2026", STOPS_PART, feed(tmp_path)))
    assert len(batches) == 10
    assert sum(len(batch.rows) for batch in batches) == 25


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"feed_info.txt": INFO.replace("20260105", "20250105")}, "a feed_start_date in 2026"),
        ({"feed_info.txt": INFO.replace("feed_start_date", "start")}, "feed_start_date"),
        ({"feed_info.txt": ""}, "feed_info"),
        ({"stops.txt": ""}, "stops"),
        ({"stops.txt": STOP_HEADER + "\n"}, "rows are expected"),
        ({"stops.txt": STOP_HEADER.replace("stop_lat", "lat") + "\na,,b,1,2,,\n"}, "column stop_lat"),
        ({"stops.txt": STOP_HEADER + "\na,,b,1,2\n"}, "row 2: 7 fields"),
    ],
)
def test_another_feed_is_refused(tmp_path: Path, members: Mapping[str, str], told: str) -> None:
    assert told in stops_refused(feed(tmp_path, members))


# JedeSchule

DROPPED = ["name", "address", "address2", "website", "email", "provider", "fax", "phone", "director", "raw"]
ALL = ["id", *DROPPED[:3], "zip", "city", *DROPPED[3:5], "school_type", "legal_status", *DROPPED[5:]]
ALL += ["update_timestamp", "location"]
LAND = {"01": "SH", "02": "HH", "03": "NI", "05": "NW", "07": "RP", "08": "BW", "09": "BY", "16": "TH"}
SECRET = "Erika Mustermann"


def school(place: Municipality, number: int, *, placed: bool = True, srid: bool = True) -> dict[str, str]:
    latitude, longitude = degrees(place)
    kind = struct.pack("<BII", 1, 0x20000001, 4326) if srid else struct.pack("<BI", 1, 1)
    point = (kind + struct.pack("<2d", longitude, latitude)).hex().upper()
    fields = {name: f"{SECRET} {name}" for name in DROPPED}
    fields |= {"id": f"{LAND[place.land]}-{number}", "zip": place.plz, "city": place.name, "school_type": "Gymnasium"}
    raw = f'{{"leiter": "{SECRET}", "note": "a\nb"}}'
    fields |= {"legal_status": "öffentlich", "raw": raw, "update_timestamp": f"2026-11-{number % 28 + 1:02} 03:12:00"}
    return {**fields, "location": point if placed else ""}


def list_of_schools(rows: list[dict[str, str]], header: list[str] = ALL) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def all_schools() -> list[dict[str, str]]:
    """Two schools in each place; one of Bavaria cannot be placed."""
    rows = [school(place, n, srid=n % 2 == 0) for n, place in enumerate([*TWELVE, *TWELVE])]
    return [*rows, school(TWELVE[10], 99, placed=False)]


def stripped(content: bytes, target: Path) -> str:
    assert SCHOOLS.access
    place = Place("jedeschule", "2026", "latest.csv", "schools")
    layout = SCHOOLS.layouts["schools"]
    return strip_personal(io.BytesIO(content), target, SCHOOLS.access.drop_columns, layout, place)


def test_no_person_is_left_and_the_originals_sha256_is_known(tmp_path: Path) -> None:
    content = list_of_schools(all_schools())
    assert SECRET in content.decode()
    assert stripped(content, tmp_path / "kept.csv") == hashlib.sha256(content).hexdigest()
    kept = (tmp_path / "kept.csv").read_text("utf-8")
    assert "Mustermann" not in kept and "leiter" not in kept
    rows = list(csv.DictReader(io.StringIO(kept)))
    assert list(rows[0]) == ["id", "zip", "city", "school_type", "legal_status", "update_timestamp", "location"]
    assert [row["city"] for row in rows] == [row["city"] for row in all_schools()]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (list_of_schools(all_schools(), [*ALL, "principal"]), "principal"),
        (list_of_schools(all_schools()).split(b"\n", 1)[1], "column address"),
        (list_of_schools(all_schools(), [n for n in ALL if n != "director"]), "director"),
        (list_of_schools(all_schools()) + b"SH-1,Erika Mustermann\n", "17 fields"),
        (list_of_schools(all_schools()) + "SH-1,Erika Mustermann,ä".encode("latin-1"), "CSV in utf-8"),
        (list_of_schools(all_schools()) + b'SH-1,"Erika Mustermann" x\n', "CSV in utf-8"),
    ],
)
def test_a_list_that_could_hide_a_name_is_refused_without_saying_it(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(ReadError) as caught:
        stripped(content, tmp_path / "kept.csv")
    assert told in str(caught.value) and "Mustermann" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def archived(folder: Path) -> Path:
    schools, outlines = folder / "publisher" / SCHOOLS_PART.file, samples.vg5000(FLENSBURG)
    schools.parent.mkdir(parents=True)
    schools.write_bytes(list_of_schools(all_schools()))
    feed(folder / "publisher")
    dbf, shp = ("bkg_vg5000", "2021-01-01", "dbf"), ("bkg_vg5000", "2021-01-01", "shp")
    (vg5000,) = samples.publish(folder / "publisher", CATALOG, {dbf: outlines[0], shp: outlines[1]})
    archive.fetch_from(folder / "archive", folder / "publisher", [SCHOOLS, STOPS, vg5000])
    return folder / "archive"


def test_the_archive_never_holds_a_name(tmp_path: Path) -> None:
    root = archived(tmp_path)
    held = b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())
    assert b"Mustermann" not in held
    (receipt,) = archive.read_receipts(root, "jedeschule")
    original = hashlib.sha256(list_of_schools(all_schools())).hexdigest()
    assert receipt.note == f"personal columns taken out, the publisher's file had sha256 {original}"
    assert receipt.sha256 != original and archive.verify(root) == []


def test_points_become_values_of_the_municipality_around_them(tmp_path: Path) -> None:
    accounts = figures.make(CATALOG, archived(tmp_path), tmp_path / "figures").set_index("source_id")
    assert accounts.loc["gtfs_stops", ["rows_read", "rows_used", "rows_rejected"]].to_list() == [61, 2, 59]
    assert accounts.loc["jedeschule", ["rows_read", "rows_used", "rows_rejected"]].to_list() == [25, 25, 0]
    with duckdb.connect() as db:
        for name in ("typed__gtfs_stops__stops", "typed__jedeschule__schools"):
            db.execute(f"create view {name} as from '{tmp_path / 'figures' / name}.parquet'")
        db.execute(
            "create table core__units as select 2026 as list_year, 'municipality' as level, '01001000' as unit_key, "
            "56.73 as area_km2, 91113 as population"
        )
        found = db.execute(f"select value, reference_date::varchar from ({CATALOG.sql['indicator__stop_density']})")
        assert found.fetchall() == [(2 / 56.73, "2026-01-05")]
        found = db.execute(f"select value, numerator from ({CATALOG.sql['indicator__schools']})")
        assert found.fetchall() == [(pytest.approx(20000 / 91113), 2.0)]


def test_a_land_where_schools_cannot_be_placed_has_no_value() -> None:
    with warehouse.connect() as db:
        db.execute(
            "create table typed__jedeschule__schools as select '2026' as edition, 'schools' as part, n as row_number, "
            "date '2026-11-01' as list_date, '09' as land_code, case when n <= 94 then '09162000' end as ags "
            "from range(1, 101) as rows (n)"
        )
        db.execute(
            "create table core__units as select 2026 as list_year, 'municipality' as level, '09162000' as unit_key, "
            "1.0 as area_km2, 1000 as population"
        )
        model = CATALOG.sql["indicator__schools"]
        assert db.execute(model).fetchall() == []
        db.execute("update typed__jedeschule__schools set ags = '09162000' where row_number = 95")
        assert db.execute(f"select value from ({model})").fetchall() == [(950.0,)]


@pytest.mark.parametrize(
    "location", ["00", "zz", struct.pack("<BI4d", 1, 1, 1, 2, 3, 4).hex(), struct.pack("<BI2d", 1, 2, 1, 2).hex()]
)
def test_a_location_that_is_no_point_is_refused_with_its_row(tmp_path: Path, location: str) -> None:
    rows = all_schools()
    rows[3]["location"] = location
    stripped(list_of_schools(rows), tmp_path / "kept.csv")
    with pytest.raises(ReadError, match="row 5, column location"):
        read.read_part(SCHOOLS, "2026", SCHOOLS_PART, (tmp_path / "kept.csv").read_bytes())


def test_what_is_only_described_enters_no_edition() -> None:
    assert {"stop_density", "schools"} & {indicator.id for indicator in CATALOG.sorted_indicators} == set()
