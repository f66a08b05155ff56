"""JedeSchule's list of schools, without the columns that name persons: those never reach the archive."""

from __future__ import annotations

import struct

import pandas as pd

from pipeline.catalog import Layout, Part
from pipeline.read import GRIDS, Place, Reading, from_grid

HAS_SRID = 0x20000000  # flag of PostGIS in the type of a geometry
POINT = 1


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """Schools with latitude and longitude (text, degrees), empty where the Land publishes none, and the list's date."""
    found = from_grid(list(GRIDS["csv"](content, layout, part, place)), layout, part, place)
    rows = found.rows
    points = [_point(text, number, place) for text, number in zip(rows["location"], rows["row_number"], strict=True)]
    day = rows["updated"].dropna().max()
    if not isinstance(day, str) or day[:4] != place.edition:
        raise place.fail(f"column update_timestamp: a newest day in {place.edition} is expected, found {day}")
    degrees = pd.DataFrame(points, columns=["longitude", "latitude"], index=rows.index, dtype="str")
    rows = rows.drop(columns="location").assign(list_date=day[:10])
    return Reading(pd.concat([rows, degrees], axis=1), found.rejected, found.rows_read)


def _point(text: object, row: int, place: Place) -> tuple[str | None, str | None]:
    """Longitude and latitude of a point in WKB or EWKB as hex."""
    if not isinstance(text, str):
        return None, None
    try:
        raw = bytes.fromhex(text)
        order = "<" if raw[0] == 1 else ">"
        kind = struct.unpack_from(f"{order}I", raw, 1)[0]
        start = 9 if kind & HAS_SRID else 5
        if kind & ~HAS_SRID != POINT or len(raw) != start + 16:
            raise ValueError("no point in two dimensions")
        x, y = struct.unpack_from(f"{order}2d", raw, start)
    except (ValueError, IndexError, struct.error) as error:
        raise place.fail(f"row {row}, column location: a point as WKB in hex is expected, found {error}") from error
    return repr(x), repr(y)
