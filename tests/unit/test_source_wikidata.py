"""Wikidata, on replies built from its description; the items' numbers and addresses are made up."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from interfaces import CATALOG, HTML, JSON, Publisher, failures, fetch, incomplete, indicator, read, typed
from places import TWELVE

from pipeline.catalog import Request
from pipeline.errors import ReadError
from pipeline.replies import Reply, bundle, unbundle
from pipeline.sources import wikidata

# the library is held below 2.0, where conditions as text go; each use of one warns
pytestmark = pytest.mark.filterwarnings("ignore:.*(row_condition|condition_parser) parameter:DeprecationWarning")

ADDRESS = str(CATALOG.sources["wikidata"].access.address)  # type: ignore[union-attr]
TABLE = "typed__wikidata__websites"
TRACE = b"\njava.util.concurrent.TimeoutException\n\tat java.util.concurrent.FutureTask.get(FutureTask.java:205)"


def binding(number: int, ags: str, website: str | None) -> dict[str, Any]:
    found = {
        "item": {"type": "uri", "value": f"http://www.wikidata.org/entity/Q{number}"},
        "ags": {"type": "literal", "value": ags},
    }
    return {**found, "website": {"type": "uri", "value": website}} if website else found


def of_land(land: str) -> list[dict[str, Any]]:
    """The places of a Land, each with a website but Tiefenbach; Soest has two, and two items have its key."""
    found = [binding(900 + int(land), f"{land}999", "https://kreis.example")]
    for number, town in enumerate(TWELVE, 1):
        if town.land == land:
            website = None if town.name == "Tiefenbach" else f"https://www.{town.ags}.example"
            found.append(binding(number, town.ags, website))
    if land == "05":
        found += [binding(6, "05974040", "http://soest.example/"), binding(77, "05974040", None)]
    return found


def reply(bindings: Sequence[dict[str, Any]]) -> bytes:
    head = {"vars": ["item", "ags", "website"]}
    return json.dumps({"head": head, "results": {"bindings": bindings}}).encode()


def service(**changes: Reply) -> Publisher:
    """Replies by the Land that the query names; `changes` are other ones, by `land` and its number."""

    def answer(request: Request) -> Reply:
        land = next(land for land in wikidata.LANDS if f'STRSTARTS(?ags, "{land}")' in request.parameters["query"])
        return changes.get(f"land{land}", Reply(200, reply(of_land(land)), JSON))

    return Publisher({ADDRESS: answer})


def test_each_land_is_one_query_for_keys_that_still_hold() -> None:
    publisher = service()
    content = fetch(publisher, "wikidata", "2026-12-31")
    assert len(publisher.asked) == 16 and len(unbundle(content, None)) == 16  # type: ignore[arg-type]
    query = publisher.asked[8].parameters["query"]
    assert 'STRSTARTS(?ags, "09")' in query and "wdt:P576" in query and "pq:P582" in query and "{" in query
    assert "{{" not in query
    assert read("wikidata", "2026-12-31", content).rows_read == 16 + 12 + 2


def test_a_website_is_a_yes_and_its_absence_no_row(tmp_path: Path) -> None:
    rows = typed(tmp_path, "wikidata", {"2026-12-31": fetch(service(), "wikidata", "2026-12-31")})
    assert failures(TABLE, rows) == [] and len(incomplete(TABLE, rows)) == 3
    editions = {"source_id": ["wikidata"], "edition": ["2026-12-31"], "reference_date": [dt.datetime(2026, 12, 31)]}
    tables = {TABLE: rows, "frame__editions": pd.DataFrame(editions)}
    found = indicator("own_website", "unit_key, value, value_status, reference_date", **tables)
    expected = sorted(town.ags for town in TWELVE if town.name != "Tiefenbach")
    assert found == [(ags, 1.0, "reported", dt.date(2026, 12, 31)) for ags in expected]
    doubled = pd.concat([rows, rows.dropna().head(1)])
    assert any("unique" in failure for failure in failures(TABLE, doubled))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Reply(200, reply(of_land("09"))[:-60]), "a whole JSON document is expected, found .* Was the reply cut"),
        (Reply(200, reply(of_land("09"))[:-2] + TRACE), "a whole JSON document is expected, .*FutureTask"),
        (Reply(500, TRACE), "found HTTP 500: 'java.util.concurrent.TimeoutException"),
        (Reply(429, b"Too Many Requests", {"retry-after": "60"}), "found HTTP 429: 'Too Many .*Retry-After: 60"),
        (Reply(200, HTML), "the reply for Land 09 is expected, found an HTML page"),
        (Reply(200, b""), "found an empty reply"),
        (Reply(200, reply([])), "Land 09: items are expected, found none"),
        (Reply(200, reply(of_land("08"))), "Land 09, binding 1: a key of the Land is expected, found '08999'"),
        (Reply(200, b'{"head": {}, "boolean": true}'), "key results.bindings: list is expected"),
        (Reply(200, reply([{"ags": {"value": "09162000"}}])), "key item.value: str is expected, found NoneType"),
    ],
)
def test_a_reply_that_is_not_all_items_of_the_land_is_refused(answer: Reply, message: str) -> None:
    with pytest.raises(ReadError, match=f"wikidata, edition 2026-12-31, .*{message}"):
        fetch(service(land09=answer), "wikidata", "2026-12-31")


def test_a_stored_reply_that_is_gone_and_a_website_that_is_none_are_named() -> None:
    replies = unbundle(fetch(service(), "wikidata", "2026-12-31"), None)  # type: ignore[arg-type]
    with pytest.raises(ReadError, match=r"member 16.json is expected in the zip"):
        read("wikidata", "2026-12-31", bundle({name: text for name, text in replies.items() if name < "16"}))
    replies["16.json"] = reply([binding(1, "16063105", "unbekannt")])
    with pytest.raises(ReadError, match=r"column website: .* is expected, found 'unbekannt'"):
        read("wikidata", "2026-12-31", bundle(replies))
