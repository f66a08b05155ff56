"""A point belongs to the municipality around it, and to none where that cannot be said."""

from __future__ import annotations

import sys

import pandas as pd
import pytest
from pyproj import Transformer
from shapely import Polygon, box

from pipeline.errors import PipelineError
from pipeline.outlines import OUTLINE_CRS, POINT_CRS, locate_points, number_or_nan

SOEST, PADERBORN = "05974040", "05774032"
SOUTH, NORTH, WEST, MIDDLE, EAST = 5_700_000, 5_720_000, 3_430_000, 3_440_000, 3_450_000  # metres
OUTLINES = {SOEST: box(WEST, SOUTH, MIDDLE, NORTH), PADERBORN: box(MIDDLE, SOUTH, EAST, NORTH)}


def degrees(x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude of a place in metres."""
    longitude, latitude = Transformer.from_crs(OUTLINE_CRS, POINT_CRS, always_xy=True).transform(x, y)
    return longitude, latitude


def locate(*points: tuple[float, float], outlines: dict[str, Polygon] = OUTLINES) -> list[str | None]:
    frame = pd.DataFrame(points, columns=["longitude", "latitude"], dtype="float64")
    wkb = [outline.wkb_hex for outline in outlines.values()]
    found = locate_points(frame, pd.DataFrame({"ags": list(outlines), "wkb": wkb}))
    assert found.index.equals(frame.index)
    return found.to_list()


def test_a_point_gets_the_outline_it_lies_in() -> None:
    assert locate(degrees(WEST + 10, SOUTH + 10), degrees(EAST - 10, NORTH - 10)) == [SOEST, PADERBORN]


@pytest.mark.parametrize("name", ["shapely", "pyproj"])
def test_a_missing_extra_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PipelineError, match=r"pip install 'stadtrang\[geo\]'"):
        locate((8.1, 51.5))


def test_a_point_in_two_outlines_gets_the_smaller_key_in_any_order() -> None:
    overlapping = {SOEST: box(WEST, SOUTH, EAST, NORTH), PADERBORN: box(MIDDLE, SOUTH, EAST, NORTH)}
    backwards = dict(reversed(list(overlapping.items())))
    point = degrees(MIDDLE + 5_000, SOUTH + 10)
    assert locate(point, outlines=overlapping) == locate(point, outlines=backwards) == [PADERBORN]


def test_a_point_on_a_common_border_gets_the_smaller_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the outlines' own metres, so that no rounding of degrees moves it off the border."""
    monkeypatch.setattr("pipeline.outlines.POINT_CRS", OUTLINE_CRS)
    monkeypatch.setattr("pipeline.outlines.GERMANY", (WEST, SOUTH, EAST, NORTH))
    border = (float(MIDDLE), SOUTH + 10.0)
    assert locate(border) == [PADERBORN]
    assert locate(border, outlines=dict(reversed(list(OUTLINES.items())))) == [PADERBORN]


def test_a_point_in_no_outline_has_no_municipality() -> None:
    assert locate(degrees(EAST + 10, SOUTH + 10)) == [None]


def test_points_outside_germany_have_no_municipality() -> None:
    everywhere = {SOEST: box(-1e8, -1e8, 1e8, 1e8)}
    assert locate((2.35, 48.86), (0.0, 0.0), (-8.1, 51.5), outlines=everywhere) == [None] * 3


def test_swapped_coordinates_are_in_no_place_in_germany() -> None:
    longitude, latitude = degrees(WEST + 10, SOUTH + 10)
    assert locate((latitude, longitude), (longitude, latitude)) == [None, SOEST]


def test_a_point_without_coordinates_has_no_municipality() -> None:
    point = degrees(WEST + 10, SOUTH + 10)
    assert locate((float("nan"), point[1]), point, (point[0], float("nan"))) == [None, SOEST, None]


def test_no_points_give_no_rows() -> None:
    assert locate() == []


def test_coordinates_are_read_with_point_or_comma() -> None:
    texts = pd.Series(["51.57", "51,57", "", None, "51.57°", "5.157e1"], dtype="str")
    found = number_or_nan(texts)
    assert found[:2].tolist() == [51.57, 51.57]
    assert pd.isna(found[2:5]).all()
    assert found[5] == 51.57
