"""Sources that take an account or several requests, asked in the box as their publishers' interfaces are described."""

from __future__ import annotations

import datetime as dt
import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from box import Box, Reply

from pipeline import archive, catalog, fetch
from pipeline.sources import wikidata
from pipeline.web import Settings

CATALOG = catalog.load()
WIKIDATA, OZG, GENESIS = (CATALOG.sources[name] for name in ("wikidata", "ozg_pvog", "genesis"))
NEW_YEAR = dt.datetime(2026, 12, 30, 12, tzinfo=dt.UTC)
ACCOUNT = {"STADTRANG_GENESIS_USER": "klara", "STADTRANG_GENESIS_PASSWORD": 'äöü-"geheim"'}
Make = Callable[..., Settings]


def address(source: catalog.Source) -> str:
    assert source.access is not None
    return str(source.access.address)


def items(land: str) -> bytes:
    binding = {"item": {"value": f"http://www.wikidata.org/entity/Q{int(land)}"}, "ags": {"value": f"{land}001000"}}
    return json.dumps({"results": {"bindings": [binding]}}).encode()


ITEMS = {land: Reply(body=items(land)) for land in wikidata.LANDS}


def test_several_replies_become_one_file_that_is_asked_for_once(box: Box, settings: Make) -> None:
    there = settings(clock=lambda: NEW_YEAR)
    box.play(address(WIKIDATA), *ITEMS.values())
    (outcome,) = fetch.fetch([WIKIDATA], there)
    assert outcome.state == "stored", outcome.reason
    assert len(box.asked) == 16
    assert "contact: test@example.org" in box.asked[0].headers["User-Agent"]
    (receipt,) = archive.read_receipts(there.archive, "wikidata")
    assert receipt.address == address(WIKIDATA) and receipt.retrieved_at == "2026-12-30T12:00:00+00:00"
    (again,) = fetch.fetch([WIKIDATA], there)
    assert again.state == "unchanged" and len(box.asked) == 16
    assert archive.verify(there.archive) == []


def test_a_cut_reply_in_the_middle_is_put_away_and_all_is_asked_again(box: Box, settings: Make) -> None:
    there = settings(clock=lambda: NEW_YEAR, waits=(0,))
    cut = Reply(body=items("02")[:-9])
    box.play(address(WIKIDATA), ITEMS["01"], cut, *ITEMS.values())
    (outcome,) = fetch.fetch([WIKIDATA], there)
    assert outcome.state == "stored", outcome.reason
    assert len(box.asked) == 18
    kept = [p.read_bytes() for p in (there.archive / "quarantine").rglob("*") if p.is_file()]
    assert items("02")[:-9] in kept
    assert any(b"Was the reply cut" in text for text in kept)


def test_a_service_that_is_overloaded_fails_and_nothing_is_stored(box: Box, settings: Make) -> None:
    there = settings(clock=lambda: NEW_YEAR, waits=())
    box.play(address(WIKIDATA), ITEMS["01"], *[Reply(429, {"Retry-After": "1"}, b"Too Many Requests")] * 6)
    (outcome,) = fetch.fetch([WIKIDATA], there)
    assert outcome.state == "failed" and fetch.exit_code([outcome]) == 1
    assert "the reply for Land 02 at HTTP 200 is expected, found HTTP 429: 'Too Many Requests'" in str(outcome.reason)
    assert archive.read_receipts(there.archive, "wikidata") == []


def test_a_body_that_breaks_off_is_no_reply(box: Box, settings: Make) -> None:
    there = settings(clock=lambda: NEW_YEAR, waits=())
    box.play(address(WIKIDATA), ITEMS["01"], Reply(body=items("02"), sent=20))
    (outcome,) = fetch.fetch([WIKIDATA], there)
    assert outcome.state == "failed" and "the body was cut off after 20 bytes" in str(outcome.reason)


def test_a_snapshot_of_another_day_is_not_given_out_as_the_editions(box: Box, settings: Make) -> None:
    (outcome,) = fetch.fetch([WIKIDATA], settings())  # 25 November
    assert outcome.state == "not asked" and box.asked == []
    assert outcome.reason == "the publisher only knows today; this snapshot is taken from 2026-11-30 to 2027-01-31"


def test_an_export_that_is_too_large_is_no_failure_but_comes_in_pages(box: Box, settings: Make) -> None:
    there = settings(clock=lambda: NEW_YEAR, waits=())
    header = "leika_key;ars;online_status;aktiv;art_flaechendeckung;datenstand_pvog_import\n"
    row = {"leika_key": "99041006010000", "ars": "", "online_status": "ok", "aktiv": "ja"}
    row |= {"art_flaechendeckung": "", "datenstand_pvog_import": "2026-12-29"}
    for number in range(1, 17):
        key = f"{number:02d}0010000000"
        line = ";".join({**row, "ars": key}.values())
        place = f"{address(OZG)}{number:02d}0000000000"
        box.play(f"{place}/export", Reply(413) if number == 5 else Reply(body=f"{header}{line}\n".encode()))
        page = {"content": [{**row, "ars": key}], "page": {"number": 0, "totalPages": 1}}
        box.play(place, Reply(body=json.dumps(page).encode()))
    (outcome,) = fetch.fetch([OZG], there)
    assert outcome.state == "stored", outcome.reason
    assert [a.query for a in box.asked if not a.place.endswith("export")] == [
        "page=0&size=100&includeAbove=false&includeBelow=true"
    ]


def status(code: int, content: str = "") -> Reply:
    """A reply of GENESIS, which repeats the credentials as JSON writes them."""
    document = {"Status": {"Code": code, "Content": content}, "Parameter": list(ACCOUNT.values())}
    return Reply(body=json.dumps(document, ensure_ascii=code % 2 == 0).encode())


def test_the_recorded_table_comes_by_a_job_under_the_account(box: Box, settings: Make, upstream: Path) -> None:
    table = (upstream / GENESIS.editions["2023"].parts[0].file).read_bytes()
    base = address(GENESIS).removesuffix("data/tablefile")
    box.play(address(GENESIS), status(98), status(99, "Auftrag AI-N-01-2-5_175879554"))
    box.play(f"{base}catalogue/results", status(104), status(0))
    box.play(f"{base}data/resultfile", Reply(body=table))
    (outcome,) = fetch.fetch([GENESIS], settings(environment=ACCOUNT), 2023)
    assert outcome.state == "stored", outcome.reason
    assert b"name=AI-N-01-2-5&area=all&startyear=2023&endyear=2023&format=ffcsv" in box.asked[0].body
    assert {a.method for a in box.asked} == {"POST"} and {a.headers["username"] for a in box.asked} == {"klara"}
    assert not any(b"klara" in a.body or "klara" in a.query for a in box.asked)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (6, "too many requests at a time; ask again later"),
        (90, "no table of this name"),
        (104, "no data for these years"),
        (-1, "the service failed"),
    ],
)
def test_a_status_is_told_with_what_to_do_and_without_the_account(
    box: Box, settings: Make, code: int, advice: str
) -> None:
    there = settings(environment=ACCOUNT, waits=())
    box.play(address(GENESIS), status(code, "nicht möglich"))
    (outcome,) = fetch.fetch([GENESIS], there, 2023)
    assert outcome.state == "refused" and f"status {code}: 'nicht möglich' ({advice}" in str(outcome.reason)
    written = [p.read_bytes() for p in there.archive.rglob("*") if p.is_file()]
    assert len(written) >= 3  # the reply and the reason in the quarantine, and the log
    for part_of_secret in (b"klara", b"geheim", "äöü".encode(), b"u00e4"):  # however it was written
        assert not [text for text in written if part_of_secret in text]


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Secrets of a Prefect server, by name."""
    kept: dict[str, str] = {}

    class Secret:
        @staticmethod
        def load(name: str, _sync: bool) -> Any:
            if name not in kept:
                raise ValueError(f"Unable to find block document named {name}")
            return types.SimpleNamespace(get=lambda: kept[name])

    configured = types.SimpleNamespace(value=lambda: "http://127.0.0.1:4200/api")
    monkeypatch.setitem(sys.modules, "prefect.blocks.system", types.SimpleNamespace(Secret=Secret))
    monkeypatch.setitem(sys.modules, "prefect.settings", types.SimpleNamespace(PREFECT_API_URL=configured))
    return kept


def test_a_prefect_secret_stands_in_for_the_environment(box: Box, settings: Make, blocks: dict[str, str]) -> None:
    blocks["stadtrang-genesis-user"] = "aus-dem-block"
    blocks["stadtrang-genesis-password"] = "nie gefragt"
    there = settings(environment={"STADTRANG_GENESIS_PASSWORD": "aus-der-umgebung"}, waits=())
    box.play(address(GENESIS), status(90))
    fetch.fetch([GENESIS], there, 2023)
    (asked,) = box.asked
    assert (asked.headers["username"], asked.headers["password"]) == ("aus-dem-block", "aus-der-umgebung")
    assert not [p for p in there.archive.rglob("*") if p.is_file() and b"aus-dem-block" in p.read_bytes()]


def test_without_an_account_anywhere_nobody_is_asked(box: Box, settings: Make, blocks: dict[str, str]) -> None:
    (outcome,) = fetch.fetch([GENESIS], settings(), 2023)
    assert outcome.state == "not asked" and box.asked == []
    assert "set STADTRANG_GENESIS_USER, STADTRANG_GENESIS_PASSWORD" in str(outcome.reason)
