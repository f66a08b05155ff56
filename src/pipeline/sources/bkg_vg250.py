"""VG250: municipalities as a table of attributes (.dbf), or with outlines in a GeoPackage in the publisher's zip."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator

from pipeline.catalog import Layout, Part
from pipeline.outlines import NEEDS_GEO
from pipeline.read import Place, Reading, Row, from_grid, zip_member
from pipeline.sources.bkg_vg5000 import check_length

ENVELOPE_BYTES = (0, 32, 48, 48, 64)  # by the code in bits 1 to 3 of a geometry's flags
EMPTY = 0b0001_0000


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """One row per municipality with the declared columns; from a GeoPackage also `wkb` (hex, in the layout's `crs`)."""
    grid = list(_geopackage(content, layout, part, place) if layout.sheet else _attributes(content, part, place))
    reading = from_grid(grid, layout, part.model_copy(update={"cells": {}}), place)
    twice = reading.rows[reading.rows["ags"].duplicated()]
    if len(twice):
        row = twice.iloc[0]
        raise place.fail(f"row {row['row_number']}: each AGS is expected once, found {row['ags']} again")
    return reading


def _attributes(content: bytes, part: Part, place: Place) -> Iterator[Row]:
    """The header and the records of a .dbf."""
    check_length(content, part, place)
    try:
        import shapefile

        with shapefile.Reader(dbf=io.BytesIO(content), encoding="utf-8") as reader:
            yield 1, [field[0] for field in reader.fields if field[0] != "DeletionFlag"]
            yield from enumerate((list(record) for record in reader.iterRecords()), 2)
    except ImportError as error:
        raise place.fail(f"{NEEDS_GEO}: {error}") from error
    except Exception as error:  # pyshp raises whatever a damaged byte makes it stumble over
        raise place.fail(f"a whole .dbf is expected, found {type(error).__name__}: {error}") from error


def _geopackage(content: bytes, layout: Layout, part: Part, place: Place) -> Iterator[Row]:
    """The header and the rows of one layer; the zip says in aktualitaet.txt of which day it is."""
    for name, expected in part.cells.items():
        found = zip_member(content, rf"(.*/)?{name}", place).decode("iso-8859-1").strip()
        if expected not in found:
            raise place.fail(f"{name}: {expected!r} is expected, found {found[:80]!r}")
    package = zip_member(content, r".*\.gpkg", place)
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(package)
        yield from enumerate(_layer(connection, str(layout.sheet), layout.constants["crs"], place), 1)
    except (sqlite3.Error, ValueError, IndexError) as error:
        raise place.fail(f"a whole GeoPackage is expected, found {len(package)} bytes ({error})") from error
    finally:
        connection.close()


def _layer(connection: sqlite3.Connection, layer: str, crs: str, place: Place) -> Iterator[list[object]]:
    """Attribute names in upper case and WKB; then the rows in the order of their ids."""
    described = connection.execute(
        "select columns.table_name, columns.column_name, systems.organization, systems.organization_coordsys_id "
        "from gpkg_geometry_columns as columns join gpkg_spatial_ref_sys as systems using (srs_id)"
    ).fetchall()
    found = [row for row in described if row[0].lower() == layer]
    if len(found) != 1:
        raise place.fail(f"one layer {layer} is expected, found {', '.join(row[0] for row in described)}")
    table, geometry, organization, code = found[0]
    if f"{organization}:{code}".upper() != crs:
        raise place.fail(f"layer {layer}: {crs} is expected, found {organization}:{code}")
    rows = connection.execute(f'select * from "{table.replace(chr(34), chr(34) * 2)}" order by rowid')
    names = [column[0] for column in rows.description]
    at = names.index(geometry)
    yield [*(name.upper() for name in names[:at] + names[at + 1 :]), "WKB"]
    for row in rows:
        yield [*row[:at], *row[at + 1 :], _well_known(row[at]).hex()]


def _well_known(blob: bytes | None) -> bytes:
    """The WKB behind a geometry's header: GP, version, flags, four bytes of the system's id, an envelope."""
    if blob is None or blob[:2] != b"GP" or blob[3] & EMPTY:
        raise ValueError("a row without an outline")
    return blob[8 + ENVELOPE_BYTES[blob[3] >> 1 & 0b111] :]
