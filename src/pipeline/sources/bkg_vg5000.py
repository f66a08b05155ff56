"""VG5000 shapefile: the .dbf holds keys and names, the .shp the outlines, row by row in the same order."""

from __future__ import annotations

import io

import pandas as pd

from pipeline.catalog import Layout, Part
from pipeline.read import Place, Reading, Rejected


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """Attributes: row_number, ags, name. Outlines: row_number, wkb (hex; EPSG:31467, metres)."""
    import shapefile
    from shapely.geometry import shape

    try:
        if part.name == "dbf":
            with shapefile.Reader(dbf=io.BytesIO(content), encoding="utf-8") as reader:
                rows = [
                    {
                        "row_number": number,
                        **{name: str(record[field]) for name, field in layout.columns.items()},
                    }
                    for number, record in enumerate(reader.records(), 1)
                ]
        else:
            with shapefile.Reader(shp=io.BytesIO(content)) as reader:
                rows = [
                    {"row_number": number, "wkb": shape(outline.__geo_interface__).wkb_hex}
                    for number, outline in enumerate(reader.shapes(), 1)
                ]
    except (shapefile.ShapefileException, IndexError, KeyError, UnicodeDecodeError) as error:
        raise place.fail(f"not a whole shapefile part: {error}") from error
    frame = pd.DataFrame(rows).assign(table="attributes" if part.name == "dbf" else "outlines")
    return Reading(frame, Rejected().frame(), len(frame))
