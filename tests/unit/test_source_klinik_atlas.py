"""Bundes-Klinik-Atlas, on a list built from its description; sites and beds are made up."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import samples
from interfaces import CATALOG, HTML, failures, incomplete, indicator, read
from places import TWELVE

from pipeline import archive, figures
from pipeline.errors import ReadError

# the library is held below 2.0, where conditions as text go; each use of one warns
pytestmark = pytest.mark.filterwarnings("ignore:.*(row_condition|condition_parser) parameter:DeprecationWarning")

EDITION, TABLE = "2026-12-31", "typed__klinik_atlas__sites"
SQUARES = {"01001000": (3_520_000.0, 6_060_000.0, 30_000.0), "05974040": (3_430_000.0, 5_705_000.0, 20_000.0)}


def site(number: int, ags: str, beds: str | None) -> dict[str, Any]:
    """A site as the list has it: all texts, with a telephone number and a mail address."""
    (town,) = (town for town in TWELVE if town.ags == ags)
    where = {"latitude": town.latitude.replace(",", "."), "longitude": town.longitude.replace(",", ".")}
    named = {"name": f"Klinikum {number}", "street": "Weg 1", "city": town.name.split(",")[0], "zip": town.plz}
    reached = {"phone": "0000 1", "mail": "eva@klinik.example", "link": f"/krankenhaussuche/krankenhaus/{number}/"}
    return {**named, **reached, "beds_number": beds, **where}


SITES = [site(1, "01001000", "500"), site(2, "01001000", "411"), site(2, "01001000", "411"), site(3, "05974040", None),
         site(4, "05974040", "200"), site(5, "09162000", "3000")]  # fmt: skip


def content(sites: list[Any]) -> bytes:
    return json.dumps(sites).encode()


def test_beds_are_summed_where_the_sites_stand_and_unknown_where_one_says_nothing(tmp_path: Path) -> None:
    dbf, shp = samples.vg5000(SQUARES)
    files = {
        ("klinik_atlas", EDITION, "sites"): content(SITES),
        ("bkg_vg5000", "2021-01-01", "dbf"): dbf,
        ("bkg_vg5000", "2021-01-01", "shp"): shp,
    }
    sources = samples.publish(tmp_path / "publisher", CATALOG, files)
    archive.fetch_from(tmp_path / "archive", tmp_path / "publisher", sources)
    figures.make(CATALOG, tmp_path / "archive", tmp_path / "figures")
    path = tmp_path / "figures" / f"{TABLE}.parquet"
    rows = duckdb.connect().execute(f"from '{path}' order by row_number").df()
    assert list(rows["row_number"]) == [1, 2, 4, 5, 6]  # the second time a site is listed does not count
    assert set(rows.columns) == {"edition", "row_number", "city", "beds", "ags"}  # nobody can be reached by it
    assert b"eva@" not in path.read_bytes()
    assert len(incomplete(TABLE, rows)) == 2
    assert [failure.split(" on ")[1].split(":")[0] for failure in failures(TABLE, rows)] == [
        "ags"
    ]  # München: no outline
    editions = {"source_id": ["klinik_atlas"], "edition": [EDITION], "reference_date": [dt.datetime(2026, 12, 31)]}
    units = {"list_year": 2026, "level": "municipality", "unit_key": ["01001000"], "population": [91113]}
    found = indicator(
        "hospital_beds_in_town", "unit_key, round(value, 2), numerator, value_status",
        **{TABLE: rows, "core__units": pd.DataFrame(units), "frame__editions": pd.DataFrame(editions)},
    )  # fmt: skip
    assert found == [("01001000", 10.0, 911.0, "reported"), ("05974040", None, None, "not_collected")]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (content(SITES)[:-20], "a whole JSON document is expected, found .* Was the reply cut"),
        (HTML, "JSON is expected, found an HTML page"),
        (b'{"error": "gone"}', "a list of sites is expected, found dict"),
        (content([]), "data is expected, found none"),
        (content([{**SITES[0], "beds_number": "ca. 500"}]), "column beds: .* found 'ca. 500'"),
        (content([{**SITES[0], "latitude": "9.43", "longitude": "54.78"}]), "column latitude: .* found '9.43'"),
        (
            content([{k: v for k, v in SITES[0].items() if k != "link"}]),
            "record 1: one value in field link is expected",
        ),
    ],
)
def test_a_list_that_is_cut_or_changed_is_refused(given: bytes, message: str) -> None:
    with pytest.raises(ReadError, match=f"klinik_atlas, edition {EDITION}, .*{message}"):
        read("klinik_atlas", EDITION, given)
