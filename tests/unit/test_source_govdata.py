"""GovData's catalogue, on pages built from its description; the data sets are made up."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from interfaces import CATALOG, HTML, JSON, Publisher, failures, fetch, incomplete, indicator, read, typed
from places import TWELVE

from pipeline.catalog import Request
from pipeline.errors import ReadError
from pipeline.replies import Reply, bundle, unbundle
from pipeline.sources import govdata

# the library is held below 2.0, where conditions as text go; each use of one warns
pytestmark = pytest.mark.filterwarnings("ignore:.*(row_condition|condition_parser) parameter:DeprecationWarning")

ADDRESS = str(CATALOG.sources["govdata"].access.address)  # type: ignore[union-attr]
TABLE = "typed__govdata__datasets"
KEY = "http://dcat-ap.de/def/politicalGeocoding/regionalKey/"
SOEST, KOELN = "059740040040", "053150000000"


def dataset(number: int, *areas: str, as_list: bool = False) -> dict[str, Any]:
    """A record as CKAN has it, with a person to contact; areas as several extras or as one list in JSON."""
    values = [json.dumps([KEY + area for area in areas])] if as_list else [KEY + area for area in areas]
    extras = [{"key": "politicalGeocodingURI", "value": value} for value in values]
    extras += [
        {"key": "politicalGeocodingLevelURI", "value": govdata.LEVEL},
        {"key": "maintainer_name", "value": "Eva"},
    ]
    return {
        "id": f"set-{number:05d}",
        "name": f"set-{number}",
        "maintainer_email": "eva@soest.example",
        "extras": extras,
    }


SETS = [
    dataset(1, SOEST), dataset(2, SOEST, as_list=True), dataset(3, SOEST, KOELN, as_list=True),
    dataset(4, KOELN, KOELN), dataset(5), dataset(6, "05974"), dataset(7, "072315008000"), dataset(8, "059740000000"),
]  # fmt: skip
MANY = [dataset(number, SOEST) for number in range(2300)]


def page(rows: Sequence[Any], count: int, success: bool = True) -> bytes:
    return json.dumps({"help": "https://…", "success": success, "result": {"count": count, "results": rows}}).encode()


def catalogue(sets: Sequence[Any], change: Callable[[int, list[Any]], list[Any]] = lambda _, rows: rows) -> Publisher:
    """CKAN with these data sets; `change` damages the page that begins at a number."""

    def answer(request: Request) -> Reply:
        start, rows = int(request.parameters["start"]), int(request.parameters["rows"])
        return Reply(200, page(change(start, list(sets[start : start + min(rows, 1000)])), len(sets)), JSON)

    return Publisher({ADDRESS: answer})


def units() -> pd.DataFrame:
    return pd.DataFrame({"level": "municipality", "unit_key": [town.ags for town in TWELVE]})


def test_pages_are_asked_for_until_all_data_sets_are_there() -> None:
    publisher = catalogue(MANY)
    content = fetch(publisher, "govdata", "2026-12-31")
    assert [request.parameters["start"] for request in publisher.asked] == ["0", "1000", "2000"]
    assert {request.parameters["sort"] for request in publisher.asked} == {"id asc"}
    assert read("govdata", "2026-12-31", content).rows_read == 2300


def test_no_person_and_no_title_is_kept_and_the_original_can_be_told_by_its_checksum() -> None:
    content = fetch(catalogue(SETS), "govdata", "2026-12-31")
    (kept,) = unbundle(content, None).values()  # type: ignore[arg-type]
    assert b"eva@" not in kept and b"Eva" not in kept and b'"name"' not in kept
    assert json.loads(kept)["sha256_of_original"] == hashlib.sha256(page(SETS, len(SETS))).hexdigest()


def test_a_data_set_counts_once_for_each_municipality_that_it_names(tmp_path: Path) -> None:
    rows = typed(tmp_path, "govdata", {"2026-12-31": fetch(catalogue(SETS), "govdata", "2026-12-31")})
    assert failures(TABLE, rows) == []
    assert len(incomplete(TABLE, rows)) == 2
    editions = pd.DataFrame(
        {"source_id": ["govdata"], "edition": ["2026-12-31"], "reference_date": [dt.datetime(2026, 12, 31)]}
    )
    found = indicator(
        "open_datasets", "unit_key, value, value_status, reference_date",
        **{TABLE: rows, "core__units": units(), "frame__editions": editions},
    )  # fmt: skip
    assert found == [
        ("05315000", 2.0, "reported", dt.date(2026, 12, 31)),
        ("05974040", 3.0, "reported", dt.date(2026, 12, 31)),
    ]
    doubled = pd.concat([rows, rows.head(1)])
    assert any("unique" in failure for failure in failures(TABLE, doubled))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda start, rows: rows[:999] if start == 1000 else rows, "page 4: rows are expected, found none; 2299 rows"),
        (
            lambda start, rows: [] if start == 1000 else rows,
            "page 2: rows are expected, found none; 1000 rows",
        ),
        (lambda start, rows: MANY[999:1999] if start == 1000 else rows, "found set-00999 twice: the pages overlap"),
        (
            lambda start, rows: [{"name": "x"}] if start == 1000 else rows,
            "data set 1: an object with an id is expected",
        ),
    ],
)
def test_pages_that_end_early_or_overlap_are_refused(change: Any, message: str) -> None:
    with pytest.raises(ReadError, match=f"govdata, edition 2026-12-31, .*{message}"):
        fetch(catalogue(MANY, change), "govdata", "2026-12-31")


def test_a_stored_page_that_is_gone_is_missed() -> None:
    pages = unbundle(fetch(catalogue(MANY), "govdata", "2026-12-31"), None)  # type: ignore[arg-type]
    del pages["0002.json"]
    with pytest.raises(ReadError, match="2300 rows are expected, as the pages say, found 1300 on 2 pages"):
        read("govdata", "2026-12-31", bundle(pages))


def test_a_count_that_changes_while_pages_are_asked_for_is_refused() -> None:
    def answer(request: Request) -> Reply:
        start = int(request.parameters["start"])
        return Reply(200, page(MANY[start : start + 1000], 2300 if start < 2000 else 2299))

    with pytest.raises(ReadError, match=r"one total on all 3 pages is expected, found \[2299, 2300\]"):
        fetch(Publisher({ADDRESS: answer}), "govdata", "2026-12-31")


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(200, b'{"success": false, "error": {"__type": "Search Error"}}'), "found the error .*Search Error"),
        (Reply(409, b'{"success": false}'), "found HTTP 409"),
        (Reply(200, HTML), "found an HTML page"),
        (Reply(200, page(SETS, 8)[:-30]), "a whole JSON document is expected"),
        (
            Reply(200, b'{"success": true, "result": {"count": "8", "results": []}}'),
            "key result.count: int is expected",
        ),
        (Reply(200, b'{"success": true, "result": {"count": 8}}'), "key result.results: list is expected"),
        (Reply(200, page([], 0)), "data is expected, found none"),
    ],
)
def test_a_reply_that_is_no_page_is_refused(reply: Reply, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        fetch(Publisher({ADDRESS: reply}), "govdata", "2026-12-31")
