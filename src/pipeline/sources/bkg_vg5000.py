"""VG5000 shapefile: the .dbf holds keys and names, the .shp the outlines, row by row in the same order."""

from __future__ import annotations

import io
import struct

import pandas as pd

from pipeline.catalog import Layout, Part
from pipeline.outlines import NEEDS_GEO
from pipeline.read import Place, Reading, Rejected, check_patterns


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """Attributes: row_number, ags, name. Outlines: row_number, wkb (hex; EPSG:31467, metres)."""
    check_length(content, part, place)
    try:
        rows = _attributes(content, layout) if part.name == "dbf" else _outlines(content)
    except ImportError as error:
        raise place.fail(f"{NEEDS_GEO}: {error}") from error
    except Exception as error:  # pyshp and shapely raise whatever a damaged byte makes them stumble over
        raise place.fail(f"a whole shapefile part is expected, found {type(error).__name__}: {error}") from error
    if not rows:
        raise place.fail("rows are expected, found none")
    frame = pd.DataFrame(rows)
    check_patterns(frame, layout, place)
    return Reading(frame.assign(**layout.constants), Rejected().frame(), len(frame))


def check_length(content: bytes, part: Part, place: Place) -> None:
    """Both parts say in their header how long they are."""
    try:
        if part.name == "dbf":
            rows, header, width = struct.unpack("<IHH", content[4:12])
            expected = rows * width + header
        else:
            expected = struct.unpack(">I", content[24:28])[0] * 2
    except struct.error as error:
        raise place.fail(f"a shapefile part with a header is expected, found {len(content)} bytes") from error
    if not expected <= len(content) <= expected + 1:  # some writers end a .dbf with one more byte
        raise place.fail(f"{expected} bytes are expected by the header, found {len(content)}; fetch it again")


def _attributes(content: bytes, layout: Layout) -> list[dict[str, object]]:
    import shapefile

    with shapefile.Reader(dbf=io.BytesIO(content), encoding="utf-8") as reader:
        return [
            {"row_number": number, **{name: str(record[field]) for name, field in layout.columns.items()}}
            for number, record in enumerate(reader.iterRecords(fields=list(layout.columns.values())), 1)
        ]


def _outlines(content: bytes) -> list[dict[str, object]]:
    import shapefile
    from shapely.geometry import shape

    with shapefile.Reader(shp=io.BytesIO(content)) as reader:
        return [
            {"row_number": number, "wkb": shape(outline.__geo_interface__).wkb_hex}
            for number, outline in enumerate(reader.shapes(), 1)
        ]
