"""Places on the map: which municipality's outline is around a point."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.errors import PipelineError

OUTLINE_CRS = "EPSG:31467"  # VG5000 in Gauss-Krueger zone 3, metres
POINT_CRS = "EPSG:4326"
NEEDS_GEO = "locating points needs the extra `geo` (pip install 'stadtrang[geo]')"
GERMANY = (5.8, 47.2, 15.1, 55.1)  # degrees: west, south, east, north


def locate_points(points: pd.DataFrame, outlines: pd.DataFrame) -> pd.Series:
    """The AGS of the outline around each point, NULL where there is none.

    points: latitude, longitude in degrees; outlines: ags, wkb (hex, EPSG:31467). A point that lies in two
    outlines (on a common border) gets the smaller AGS, so that the result does not depend on the order.
    """
    try:
        import shapely
        from pyproj import Transformer
    except ImportError as error:
        raise PipelineError(f"{NEEDS_GEO}: {error}") from error

    west, south, east, north = GERMANY
    inside = points["longitude"].between(west, east) & points["latitude"].between(south, north)
    to_metres = Transformer.from_crs(POINT_CRS, OUTLINE_CRS, always_xy=True)
    x, y = to_metres.transform(points.loc[inside, "longitude"].to_numpy(), points.loc[inside, "latitude"].to_numpy())
    outlines = outlines.sort_values("ags", ignore_index=True)
    tree = shapely.STRtree(shapely.from_wkb(outlines["wkb"].to_numpy(dtype=object)))
    point, outline = tree.query(shapely.points(x, y), predicate="intersects")
    first = pd.Series(outline).groupby(points.index[inside].to_numpy()[point]).min()  # outlines stand in order of AGS
    found = pd.Series(outlines["ags"].to_numpy(dtype=object)[first], index=first.index, dtype="object")
    return found.reindex(points.index).where(lambda s: s.notna(), None)


def number_or_nan(text: pd.Series) -> np.ndarray:
    """Coordinates as the register writes them: with point or comma; anything else is NaN."""
    return pd.to_numeric(text.str.replace(",", "."), errors="coerce").to_numpy(dtype=float)
