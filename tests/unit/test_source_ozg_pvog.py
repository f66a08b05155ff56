"""Services and their online forms, on exports and pages built from their description; the services are made up."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from interfaces import CATALOG, HTML, JSON, Publisher, failures, fetch, incomplete, indicator, read, typed
from places import TWELVE, Municipality

from pipeline.catalog import Request
from pipeline.errors import ReadError
from pipeline.replies import Reply, unbundle
from pipeline.sources import ozg_pvog

# the library is held below 2.0, where conditions as text go; each use of one warns
pytestmark = pytest.mark.filterwarnings("ignore:.*(row_condition|condition_parser) parameter:DeprecationWarning")

BASE = str(CATALOG.sources["ozg_pvog"].access.address)  # type: ignore[union-attr]
TABLE = "typed__ozg_pvog__services"
SERVICES = [f"9904100601{number:04d}" for number in range(4)]
FIELDS = (
    "leika_key", "leika_name", "leika_bezeichnung", "ars", "ozgid", "ozg_bezeichnung", "url", "online_status", "aktiv",
    "art_flaechendeckung", "begruendung_nicht_beruecksichtigt", "datenstand_pvog_import",
)  # fmt: skip
KREIS, VERBAND = "059740000000", "072315008000"
Row = dict[str, str]


def row(ars: str, service: str, status: str = "ok", active: str = "ja", day: str = "2026-12-30") -> Row:
    texts = {"leika_name": "Hund anmelden; abmelden", "url": "https://portal.example/?a=1", "art_flaechendeckung": ""}
    found = {"leika_key": service, "ars": ars, "online_status": status, "aktiv": active, "datenstand_pvog_import": day}
    return {**dict.fromkeys(FIELDS, ""), **texts, **found}


def ars(town: Municipality) -> str:
    return f"{town.land}{town.rb}{town.kreis}{town.vb}{town.gem}"


def of_land(land: str) -> list[Row]:
    """Each place reports four services: three online (Soest two, one of them twice), one not or not active."""
    rows = [row(f"{land}0000000000", SERVICES[0])]
    for town in TWELVE:
        if town.land == land:
            third = "nicht ok" if town.ags == "05974040" else "ok"
            rows += [row(ars(town), service) for service in SERVICES[:2]]
            rows += [row(ars(town), SERVICES[1], "nicht ok"), row(ars(town), SERVICES[2], third)]
            rows += [row(ars(town), SERVICES[3], "nicht ok" if town.land != "16" else "")]
    if land == "05":
        rows += [row(KREIS, SERVICES[0]), row(KREIS, SERVICES[1], "nicht ok"), row(KREIS, SERVICES[2], active="nein")]
    if land == "07":
        rows += [row(VERBAND, SERVICES[0])]
    return rows


def export(rows: Sequence[Row], fields: Sequence[str] = FIELDS) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, fields, delimiter=";", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def page(rows: Sequence[Row], number: int, pages: int) -> bytes:
    content = [{key: value or None for key, value in entry.items()} for entry in rows]
    return json.dumps({"content": content, "page": {"size": 100, "number": number, "totalPages": pages}}).encode()


def server(changes: Mapping[str, Reply | Any] | None = None) -> Publisher:
    """Exports of all sixteen Länder; `changes` are other answers, by what follows the address."""
    answers = {f"{BASE}{land}0000000000/export": Reply(200, export(of_land(land))) for land in ozg_pvog.LANDS}
    return Publisher({**answers, **{BASE + end: reply for end, reply in (changes or {}).items()}})


def pages_of(rows: Sequence[Row], change: Any = lambda number, rows: rows) -> Any:
    """A Land that is too large for an export, in pages of a hundred."""
    pages = -(-len(rows) // 100)

    def answer(request: Request) -> Reply:
        number = int(request.parameters["page"])
        return Reply(200, page(change(number, rows[number * 100 : number * 100 + 100]), number, pages), JSON)

    return answer


MANY = [row(ars(TWELVE[5]), f"99{number:012d}") for number in range(230)]


def test_each_land_is_asked_once_with_all_below_and_none_above() -> None:
    publisher = server()
    content = fetch(publisher, "ozg_pvog", "2026-12-31")
    assert [request.address for request in publisher.asked] == [f"{BASE}{n:02d}0000000000/export" for n in range(1, 17)]
    assert {request.headers["Accept"] for request in publisher.asked} == {"application/octet-stream"}
    assert publisher.asked[0].parameters == {"filetype": "csv", "includeAbove": "false", "includeBelow": "true"}
    assert list(unbundle(content, None)) == [f"{land}.csv" for land in ozg_pvog.LANDS]  # type: ignore[arg-type]
    rows = sum(len(of_land(land)) for land in ozg_pvog.LANDS)
    assert read("ozg_pvog", "2026-12-31", content).rows_read == rows


def test_a_land_that_is_too_large_comes_in_pages_to_the_last_row() -> None:
    publisher = server({"050000000000/export": Reply(413, b""), "050000000000": pages_of(MANY)})
    content = fetch(publisher, "ozg_pvog", "2026-12-31")
    names = [name for name in unbundle(content, None) if name.startswith("05")]  # type: ignore[arg-type]
    assert names == ["05-0001.json", "05-0002.json", "05-0003.json"]
    reading = read("ozg_pvog", "2026-12-31", content)
    assert (reading.rows["leika_key"].str.startswith("990000")).sum() == 230
    asked = [request.parameters for request in publisher.asked if "page" in request.parameters]
    assert [parameters["page"] for parameters in asked] == ["0", "1", "2"]
    assert {parameters["size"] for parameters in asked} == {"100"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda number, rows: rows[:99] if number == 1 else rows, "page 2 of 3: 100 rows are expected, found 99"),
        (
            lambda number, rows: [] if number == 2 else rows,
            "page 3: rows are expected, found none; 200 rows came of 201",
        ),
    ],
)
def test_pages_that_end_early_are_refused(change: Any, message: str) -> None:
    publisher = server({"050000000000/export": Reply(413, b""), "050000000000": pages_of(MANY, change)})
    with pytest.raises(ReadError, match=f"ozg_pvog, edition 2026-12-31, .*{message}"):
        fetch(publisher, "ozg_pvog", "2026-12-31")


def test_pages_whose_number_changes_while_they_are_asked_for_are_refused() -> None:
    """A row was added to the register, so that the rest of the pages has moved by one."""

    def answer(request: Request) -> Reply:
        number = int(request.parameters["page"])
        return Reply(200, page(MANY[number * 100 : number * 100 + 100], number, 3 if number < 1 else 4))

    publisher = server({"050000000000/export": Reply(413, b""), "050000000000": answer})
    with pytest.raises(ReadError, match="page 3 of 4: 100 rows are expected, found 30"):
        fetch(publisher, "ozg_pvog", "2026-12-31")


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(200, HTML), "the export of Land 09 is expected, found an HTML page"),
        (Reply(200, b""), "found an empty reply"),
        (Reply(406, b"Not Acceptable"), "found HTTP 406: 'Not Acceptable'"),
        (Reply(429, b"", {"Retry-After": "120"}), "found HTTP 429: '' .Retry-After: 120."),
        (Reply(200, export(of_land("09"))[:-60]), "12 fields are expected, found more or fewer|was the reply cut"),
        (
            Reply(200, export([], [f for f in FIELDS if f != "aktiv"])),
            "row 1: fields aktiv are expected, found leika_key",
        ),
        (Reply(200, export(of_land("09")).replace(b";", b",")), "row 1: fields .* are expected"),
    ],
)
def test_an_export_that_is_none_is_refused(reply: Reply, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        fetch(server({"090000000000/export": reply}), "ozg_pvog", "2026-12-31")


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        (row("5974004040", SERVICES[0]), "column ars: .* found '5974004040'"),
        (row(KREIS, "123"), "column leika_key: .* found '123'"),
        (row(KREIS, SERVICES[0], "kaputt"), "column online_status: 'ok.nicht ok' is expected, found 'kaputt'"),
        (row(KREIS, SERVICES[0], active="vielleicht"), "column active: .* found 'vielleicht'"),
        (row(KREIS, SERVICES[0], day="30.12.2026"), "column as_of: .* found '30.12.2026'"),
    ],
)
def test_keys_words_and_dates_are_what_is_described(damaged: Row, message: str) -> None:
    content = fetch(server({"100000000000/export": Reply(200, export([damaged]))}), "ozg_pvog", "2026-12-31")
    with pytest.raises(ReadError, match=message):
        read("ozg_pvog", "2026-12-31", content)


def units() -> pd.DataFrame:
    there = [(2024, "municipality", ags) for ags in [town.ags for town in TWELVE] + ["11000000"]]
    there += [(2013, "municipality", "05974000")]  # a key of an older list makes no town of a district
    return pd.DataFrame(there, columns=["list_year", "level", "unit_key"])


def test_a_share_stands_at_the_level_that_reports_and_on_the_day_of_the_register(tmp_path: Path) -> None:
    rows = typed(tmp_path, "ozg_pvog", {"2026-12-31": fetch(server(), "ozg_pvog", "2026-12-31")})
    assert failures(TABLE, rows) == []
    assert any("min_value 300000" in failure for failure in incomplete(TABLE, rows))
    found = indicator(
        "services_online", "level, unit_key, value, numerator, denominator, reference_date::varchar",
        **{TABLE: rows, "core__units": units()},
    )  # fmt: skip
    by_key = {(level, key): rest for level, key, *rest in found}
    day = "2026-12-30"
    assert by_key["municipality", "05974040"] == [50.0, 2.0, 4.0, day]  # a service listed twice counts once
    assert by_key["municipality", "08436064"] == [75.0, 3.0, 4.0, day]
    assert by_key["municipality", "16063105"] == [75.0, 3.0, 4.0, day]  # no online form reported is none there
    assert by_key["municipality", "05315000"] == [75.0, 3.0, 4.0, day]  # a district town, by the list of places
    assert by_key["municipality", "02000000"] == [75.0, 3.0, 4.0, day]  # a Land and a town
    assert by_key["district", "05974"] == [50.0, 1.0, 2.0, day]  # what is not active does not count
    assert by_key["association", "072315008"] == [100.0, 1.0, 1.0, day]
    assert {key for level, key in by_key if level == "district"} == {"05974"}  # what a Land reports is nobody's own


def test_a_stale_snapshot_fails_the_suite(tmp_path: Path) -> None:
    old = Reply(200, export([row(KREIS, SERVICES[0], day="2025-12-30")]))
    content = fetch(server({"050000000000/export": old}), "ozg_pvog", "2026-12-31")
    assert any(
        "on as_of" in failure for failure in failures(TABLE, typed(tmp_path, "ozg_pvog", {"2026-12-31": content}))
    )
