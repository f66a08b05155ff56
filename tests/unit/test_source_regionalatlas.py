"""Regionalatlas, on replies built from its description: shares of settlement and traffic area of 2023."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from interfaces import CATALOG, HTML, JSON, Publisher, failures, fetch, incomplete, indicator, read, typed
from places import TWELVE

from pipeline.errors import ReadError
from pipeline.replies import Reply, bundle
from pipeline.sources import regionalatlas

# the library is held below 2.0, where conditions as text go; each use of one warns
pytestmark = pytest.mark.filterwarnings("ignore:.*(row_condition|condition_parser) parameter:DeprecationWarning")

AREA = {  # % in 2023 (AI0111), as the Regionaldatenbank gives it
    "01001000": 55.1, "02000000": 58.6, "03159016": 34.0, "05315000": 60.4, "05774032": 35.3, "05974040": 28.1,
    "07211000": 32.7, "07231021": 5.7, "08426118": 8.0, "08436064": 21.9, "09162000": 75.4, "16063105": 21.4,
}  # fmt: skip
SHORT = {"02000000": "02", "01001000": "01001", "05315000": "05315", "07211000": "07211", "09162000": "09162"}
DATA = str(CATALOG.sources["regionalatlas"].access.address)  # type: ignore[union-attr]
TABLE = "typed__regionalatlas__values"


def catalogue(code: str = "AI-N-01-2-5", years: tuple[str, ...] = ("2022", "2023")) -> bytes:
    """Two themes; an entry has a code, titles and, by year, the number of areas per level."""
    entry = {"code": code, "title_short": "Siedlungsfläche", "years": {year: [16, 38, 400, 10978] for year in years}}
    other = {"code": "AI002-1-5", "title_short": "Bevölkerungsdichte", "years": {"2023": [16, 38, 400, 10978]}}
    return json.dumps(
        [{"title": "Bevölkerung", "children": [other]}, {"title": "Fläche", "children": [entry]}]
    ).encode()


def areas(values: dict[str, Any] = AREA, year: int = 2023, **more: Any) -> bytes:
    """The map server's reply: city states with two digits, district towns with five, padded names."""
    found = [
        {
            "attributes": {
                "id": number, "typ": 5, "ags": SHORT.get(town.ags, town.ags), "jahr": year, "gen": town.name,
                "jahr2": year, "ags2": town.ags, "gen2": f"      {town.name}", "ai0111": values.get(town.ags),
                "ai0111v": 0.1,
            }
        }
        for number, town in enumerate(TWELVE, 1)
    ]  # fmt: skip
    return json.dumps({"fields": [{"name": "ags"}], "features": found, **more}).encode()


def publisher(data: bytes, listed: bytes | None = None, status: int = 200) -> Publisher:
    return Publisher(
        {
            regionalatlas.CATALOGUE: Reply(200, catalogue() if listed is None else listed, JSON),
            DATA: Reply(status, data, JSON),
        }
    )


def test_one_table_and_year_is_asked_by_the_name_that_the_catalogue_gives() -> None:
    server = publisher(areas())
    content = fetch(server, "regionalatlas", "2023")
    assert fetch(publisher(areas()), "regionalatlas", "2023") == content  # the same replies, the same bytes
    layer = json.loads(str(server.asked[1].parameters["layer"]))["source"]["dataSource"]["query"]
    assert "JOIN ai_n_01_2_5 ON ags = ags2 and jahr = jahr2 WHERE typ = 5 AND jahr = 2023 AND (jahr2 = 2023 " in layer
    assert read("regionalatlas", "2023", content).rows_read == 12


def test_keys_of_two_and_five_digits_are_filled_up_on_the_right(tmp_path: Path) -> None:
    rows = typed(tmp_path, "regionalatlas", {"2023": fetch(publisher(areas()), "regionalatlas", "2023")})
    assert dict(zip(rows["unit_key"], rows["value"], strict=True)) == AREA
    assert set(rows["reference_date"].astype(str)) == {"2023-12-31"}
    assert failures(TABLE, rows) == [] and len(incomplete(TABLE, rows)) == 3
    doubled = pd.concat([rows, rows.head(1)])
    assert any("unique" in failure for failure in failures(TABLE, doubled))
    (soest,) = [
        row
        for row in indicator("settlement_area", "unit_key, value, value_status", **{TABLE: rows})
        if row[0] == "05974040"
    ]
    assert soest == ("05974040", 28.1, "reported")


def test_numbers_that_stand_for_signs_are_no_values(tmp_path: Path) -> None:
    signs = {
        "01001000": 2222222222,
        "02000000": 5555555555.0,
        "03159016": 6666666666,
        "05315000": 7777777777,
        "05774032": 8888888888,
    }
    content = bundle({"services.json": catalogue(), "areas.json": areas({**AREA, **signs, "05974040": None})})
    rows = typed(tmp_path, "regionalatlas", {"2023": content}).set_index("unit_key")
    assert rows.loc[[*signs, "05974040"], "value"].isna().all()
    assert list(rows.loc[[*signs, "05974040"], "value_status"]) == [
        "not_applicable", "suppressed", "not_applicable", "unreliable", "pending", "not_collected"
    ]  # fmt: skip
    assert failures(TABLE, rows.reset_index()) == []


def test_a_magic_number_that_is_not_declared_fails_the_suite(tmp_path: Path) -> None:
    content = bundle({"services.json": catalogue(), "areas.json": areas({**AREA, "02000000": 3333333333})})
    found = failures(TABLE, typed(tmp_path, "regionalatlas", {"2023": content}))
    assert any("max_value 100" in failure for failure in found)


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (catalogue(code="AI-N-02-5"), "table 'AI-N-01-2-5' is expected in the catalogue, found 2 others"),
        (catalogue(years=("2021",)), "table AI-N-01-2-5 of 2023 is expected in the catalogue, found 2021"),
        (b'{"themes": []}', "is expected in the catalogue, found 0 others"),
        (HTML, "the catalogue is expected, found an HTML page"),
        (catalogue()[:-20], "a whole JSON document is expected"),
    ],
)
def test_a_catalogue_without_the_table_stops_before_the_data_are_asked(listed: bytes, message: str) -> None:
    server = publisher(areas(), listed)
    with pytest.raises(ReadError, match=f"regionalatlas, edition 2023, .*{message}"):
        fetch(server, "regionalatlas", "2023")
    assert [request.address for request in server.asked] == [regionalatlas.CATALOGUE]


def test_what_is_no_name_never_becomes_part_of_the_sql() -> None:
    wicked = "ai002_1_5; drop table x"
    server = publisher(areas(), catalogue(code=wicked))
    with pytest.raises(ReadError, match="a code of letters, digits and hyphens"):
        fetch(server, "regionalatlas", "2023", sheet=wicked)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("data", "status", "message"),
    [
        (
            b'{"error": {"code": 400, "message": "Unable to complete operation."}}',
            200,
            "found the server's error .*Unable",
        ),
        (areas(exceededTransferLimit=True), 200, "found the first 12: exceededTransferLimit"),
        (areas(dict.fromkeys(AREA)), 200, "found none in 12 areas: the catalogue names the year .* ask again later"),
        (b'{"fields": [], "features": []}', 200, "found none in 0 areas"),
        (areas(year=2022), 200, "record 1: jahr 2023 and typ 5 are expected, found 2022 and 5"),
        (areas()[:-40], 200, "a whole JSON document is expected, found .* Was the reply cut"),
        (b"", 200, "found an empty reply"),
        (HTML, 200, "found an HTML page"),
        (b'{"features": {}}', 200, "key features: list is expected, found dict"),
        (b"busy", 503, "at HTTP 200 is expected, found HTTP 503: 'busy'"),
    ],
)
def test_a_reply_that_is_not_all_areas_of_the_year_is_refused(data: bytes, status: int, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        fetch(publisher(data, status=status), "regionalatlas", "2023")


def test_a_renamed_field_and_a_lost_zero_are_named() -> None:
    renamed = bundle({"services.json": catalogue(), "areas.json": areas().replace(b'"gen"', b'"gebiet"')})
    with pytest.raises(ReadError, match="record 1: one value in field gen is expected, found fields ags, ags2, ai0111"):
        read("regionalatlas", "2023", renamed)
    lost = bundle({"services.json": catalogue(), "areas.json": areas().replace(b'"ags": "01001"', b'"ags": 1001')})
    with pytest.raises(ReadError, match=r"row 1, column unit_key: .* found '1001'"):
        read("regionalatlas", "2023", lost)
    with pytest.raises(ReadError, match=r"member areas.json is expected in the zip, found services.json"):
        read("regionalatlas", "2023", bundle({"services.json": catalogue()}))
    with pytest.raises(ReadError, match="a whole zip is expected"):
        read("regionalatlas", "2023", renamed[:200])
