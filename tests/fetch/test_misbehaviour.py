"""Every reply that publishers were seen to give: what is said, what is kept aside, and that the last file stands."""

from __future__ import annotations

import datetime as dt
import email.utils
import hashlib
import io
import itertools
import json
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import samples
from box import Box, Reply, landing, packed, place_of
from fz1 import ADDRESS, GOOD, KBA, cli_code, source, with_cells

from pipeline import archive, catalog, fetch, figures, web
from pipeline.catalog import Source
from pipeline.errors import PipelineError, UsageError
from pipeline.web import Settings

Make = Callable[..., Settings]
CATALOG = catalog.load()
PAGE = b"\xef\xbb\xbf\r\n <!DOCTYPE html><html><head><title>HTTP Status 404</title></head></html>"
ARCGIS = {"error": {"code": 499, "message": "Token Required"}}


def kba(chosen: Settings) -> fetch.Outcome:
    """What comes of the edition of 2021."""
    (outcome,) = (o for o in fetch.fetch([KBA], chosen, 2021))
    return outcome


def quarantined(chosen: Settings, source: str = "kba_fz1") -> list[tuple[bytes, dict[str, Any]]]:
    """Refused contents with their records."""
    folder = chosen.archive / "quarantine" / source
    records = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    return [((folder / record["sha256"]).read_bytes(), record) for record in records]


def assert_the_good_file_stands(chosen: Settings) -> None:
    """The receipt is that of the good file, its figures are made, and the archive says that it is stale."""
    (receipt,) = archive.read_receipts(chosen.archive, "kba_fz1")
    assert archive.fetch(chosen.archive, receipt.sha256) == GOOD
    (account,) = figures.make(CATALOG, chosen.archive, chosen.home / "figures").itertuples()
    assert (account.edition, account.rows_used > 0) == ("2021-01-01", True)
    (row,) = archive.listing(chosen.archive)
    assert row["stale"]
    assert archive.verify(chosen.archive) == []


@pytest.fixture
def chosen(box: Box, settings: Make) -> Settings:
    """An archive with one good file, fetched from the box."""
    there = settings()
    box.put(ADDRESS, GOOD)
    assert kba(there).state == "stored"
    box.asked.clear()
    return there


CUT = GOOD[: len(GOOD) // 2]
OTHER_YEAR = samples.kba_fz1(date="1. Januar 2022")
BROKEN = bytearray(GOOD)
BROKEN[zipfile.ZipFile(io.BytesIO(GOOD)).infolist()[3].header_offset + 80] ^= 0xFF
REFUSED = {
    "an HTML page with status 200": (Reply(body=PAGE), "refused", "xlsx .* found an HTML page: 'http status 404'"),
    "nothing with status 200": (Reply(body=b""), "refused", "xlsx is expected, found 0 bytes"),
    "an error in JSON with status 200": (
        Reply(body=json.dumps(ARCGIS).encode()),
        "refused",
        "xlsx is expected, found a JSON object: error 499: 'Token Required'",
    ),
    "half a body with the right length of it": (
        Reply(body=CUT),
        "refused",
        f"a whole xlsx file is expected, found {len(CUT)} bytes that are damaged",
    ),
    "a wrong byte in a member": (Reply(body=bytes(BROKEN)), "refused", "a whole xlsx file is expected, found"),
    "a zip that is no workbook": (
        Reply(body=packed({"a.csv": b"1" * len(GOOD)})),
        "refused",
        "a workbook is expected, found a zip of a.csv",
    ),
    "another sheet name": (
        Reply(body=with_cells(sheet="FZ 1.2 neu")),
        "changed shape",
        r"kba_fz1, edition 2021-01-01, fz1_2021.xlsx \(y2021\): sheet 'FZ1.2' is expected, found .*FZ 1.2 neu",
    ),
    "other words in the header": (
        Reply(body=with_cells(E8="Anzahl")),
        "changed shape",
        "Insgesamt.* expected, found 'Anzahl'|expected 'Insgesamt'.*Anzahl",
    ),
    "the file of another year": (
        Reply(body=OTHER_YEAR),
        "changed shape",
        "cell B6: expected to hold '1. Januar 2021', found 'FZ1.2 Personenkraftwagen am 1. Januar 2022",
    ),
    "status 401": (Reply(401, body=b'{"Code":15}'), "failed", "HTTP 401: the credentials are missing or wrong"),
    "status 403": (Reply(403, body=PAGE), "failed", "HTTP 403: .* refuses scripts at times; try again in some hours"),
    "status 404": (Reply(404, body=PAGE), "gone", "HTTP 404: nothing is at this address"),
    "status 405": (Reply(405, body=PAGE), "failed", "HTTP 405: the address does not take this method; compare `meth"),
    "status 406": (Reply(406, body=PAGE), "failed", "HTTP 406: .* compare the header Accept"),
    "status 411": (Reply(411, body=PAGE), "failed", "HTTP 411: the publisher wants a Content-Length"),
    "status 413 with Retry-After": (Reply(413, {"Retry-After": "3000"}, PAGE), "failed", "HTTP 413: .* ask for less"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_reply_is_named_kept_aside_and_the_good_file_stands(case: str, box: Box, chosen: Settings) -> None:
    reply, state, message = REFUSED[case]
    box.play(ADDRESS, *[reply] * 9)
    outcome = kba(chosen)
    assert (outcome.state, outcome.stale) == (state, True)
    assert outcome.reason is not None
    assert re.search(message, outcome.reason, re.S), outcome.reason
    assert "(stale: the file fetched before stands)" in outcome.line()
    ((content, record),) = quarantined(chosen)
    assert content == (reply.body if reply.body is not None else b"")
    assert (record["reason"], record["status"], record["state"]) == (outcome.reason, reply.status, state)
    assert record["parts"] == [["2021-01-01", "y2021"]] and record["retrieved_at"]
    tries = len(box.asked)
    assert tries == (4 if state == "refused" else 1), "only what may come right is asked for again"
    assert_the_good_file_stands(chosen)


@pytest.mark.parametrize("case", REFUSED)
def test_after_a_bad_reply_the_good_one_makes_it_fresh_again(case: str, box: Box, chosen: Settings) -> None:
    box.play(ADDRESS, *[REFUSED[case][0]] * 4)
    kba(chosen)
    box.queued.clear()
    outcome = kba(chosen)
    assert (outcome.state, outcome.stale) == ("unchanged", False)
    assert [row["stale"] for row in archive.listing(chosen.archive)] == [None]


def test_without_an_earlier_file_nothing_is_stored_and_nothing_is_stale(box: Box, settings: Make) -> None:
    there = settings()
    box.put(ADDRESS, GOOD)
    box.play(ADDRESS, *[Reply(body=PAGE)] * 4)
    outcome = kba(there)
    assert (outcome.state, outcome.stale) == ("refused", False)
    assert archive.read_receipts(there.archive, "kba_fz1") == []
    assert not (there.archive / "sha256").exists()


def test_a_file_too_far_from_the_size_of_the_one_before_is_refused(box: Box, chosen: Settings) -> None:
    few = samples.kba_fz1(cars=samples.CARS * 400)
    box.put(ADDRESS, few)
    outcome = kba(chosen)
    assert outcome.state == "refused"
    assert outcome.reason is not None and "0.2 to 6 times those of the file before, found" in outcome.reason
    assert quarantined(chosen)[0][0] == few
    assert_the_good_file_stands(chosen)


def test_a_chunked_body_that_is_cut_off_is_asked_for_again(box: Box, settings: Make) -> None:
    there = settings()
    box.put(ADDRESS, GOOD)
    box.play(ADDRESS, Reply(chunked=True, sent=3000, validators=False))
    assert kba(there).state == "stored"
    assert [(a.status, a.sent) for a in box.asked] == [(200, 3000), (200, len(GOOD))]


def test_a_body_that_is_always_cut_off_fails_and_the_good_file_stands(box: Box, chosen: Settings) -> None:
    box.play(ADDRESS, *[Reply(chunked=True, sent=3000, validators=False)] * 9)
    outcome = kba(chosen)
    assert (outcome.state, outcome.stale) == ("failed", True)
    assert outcome.reason is not None and outcome.reason.startswith("the body was cut off after 3000 bytes")
    assert quarantined(chosen) == [], "half a file is no evidence: it waits to be gone on with"
    assert_the_good_file_stands(chosen)


def test_a_cut_file_goes_on_where_it_stopped(box: Box, settings: Make) -> None:
    there = settings()
    box.put(ADDRESS, GOOD)
    box.play(ADDRESS, Reply(sent=3000))
    assert kba(there).state == "stored"
    first, second = box.asked
    assert (first.status, first.sent, second.status, second.sent) == (200, 3000, 206, len(GOOD) - 3000)
    assert (second.headers["Range"], second.headers["If-Range"]) == (
        "bytes=3000-",
        box.files[place_of(ADDRESS)].headers()["ETag"],
    )
    assert archive.fetch(there.archive, archive.read_receipts(there.archive, "kba_fz1")[0].sha256) == GOOD


@pytest.mark.parametrize(
    "options",
    [
        {"etag": 'W/"weak"', "modified": None},
        {"etag": None, "modified": None},
        {"ranges": False},
    ],
    ids=["weak validator", "no validator", "no ranges"],
)
def test_without_a_strong_validator_a_cut_file_starts_again(box: Box, settings: Make, options: dict[str, Any]) -> None:
    there = settings()
    box.put(ADDRESS, GOOD, **options)
    box.play(ADDRESS, Reply(sent=3000))
    assert kba(there).state == "stored"
    assert "Range" not in box.asked[1].headers and box.asked[1].sent == len(GOOD)


def test_a_whole_file_in_answer_to_a_range_starts_from_zero(box: Box, settings: Make) -> None:
    there = settings()
    box.put(ADDRESS, GOOD)
    box.play(ADDRESS, Reply(sent=3000), Reply())
    assert kba(there).state == "stored"
    assert "Range" in box.asked[1].headers and box.asked[1].status == 200
    assert archive.fetch(there.archive, archive.read_receipts(there.archive, "kba_fz1")[0].sha256) == GOOD


def test_a_file_that_changed_between_cut_and_resume_is_not_mixed(box: Box, settings: Make) -> None:
    there = settings(waits=())
    box.put(ADDRESS, GOOD)
    box.play(ADDRESS, Reply(sent=3000))
    assert kba(there).state == "failed"
    other = samples.kba_fz1(cells={"E10": 1})
    box.put(ADDRESS, other)
    assert kba(there).state == "stored"
    assert archive.fetch(there.archive, archive.read_receipts(there.archive, "kba_fz1")[0].sha256) == other


def test_a_range_that_starts_elsewhere_is_not_pasted_in(box: Box, settings: Make) -> None:
    there = settings()
    box.put(ADDRESS, GOOD)
    wrong = Reply(206, {"Content-Range": f"bytes 10-{len(GOOD) - 1}/{len(GOOD)}"}, GOOD[10:])
    box.play(ADDRESS, Reply(sent=3000), wrong)
    assert kba(there).state == "stored"
    assert archive.fetch(there.archive, archive.read_receipts(there.archive, "kba_fz1")[0].sha256) == GOOD


def test_not_modified_with_the_bytes_in_the_store_is_unchanged(box: Box, chosen: Settings) -> None:
    assert kba(chosen).state == "unchanged"
    (asked,) = box.asked
    assert asked.status == 304
    assert asked.headers["If-None-Match"] == box.files[place_of(ADDRESS)].headers()["ETag"]
    assert asked.headers["If-Modified-Since"] == box.files[place_of(ADDRESS)].headers()["Last-Modified"]


def test_not_modified_without_the_bytes_is_no_answer(box: Box, settings: Make) -> None:
    there = settings()
    box.put(ADDRESS, GOOD)
    box.play(ADDRESS, *[Reply(304, body=b"")] * 9)
    outcome = kba(there)
    assert outcome.state == "failed" and outcome.reason is not None
    assert outcome.reason.startswith("HTTP 304, not modified, though no earlier file was named in the request")


def test_bytes_that_are_gone_or_damaged_are_fetched_again(box: Box, chosen: Settings) -> None:
    path = archive.blob(chosen.archive, archive.read_receipts(chosen.archive, "kba_fz1")[0].sha256)
    path.chmod(0o644)
    path.write_bytes(CUT)
    assert len(archive.verify(chosen.archive)) == 2
    kba(chosen)
    assert archive.verify(chosen.archive) == [] and box.asked[0].status == 200
    path.unlink()
    kba(chosen)
    assert archive.verify(chosen.archive) == []


def test_403_now_and_200_hours_later(box: Box, settings: Make) -> None:
    there = settings()
    box.put(ADDRESS, GOOD)
    box.play(ADDRESS, Reply(403, body=PAGE))
    assert kba(there).state == "failed"
    assert kba(there).state == "stored"


@pytest.mark.parametrize("after", [None, "1", "date"], ids=["no Retry-After", "seconds", "a date"])
@pytest.mark.parametrize("status", [429, 503])
def test_too_many_requests_and_overload_are_asked_again(
    box: Box, settings: Make, status: int, after: str | None
) -> None:
    there = settings(retry_after_max=0.3)
    date = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=100), usegmt=True)
    headers = {"Retry-After": date if after == "date" else after} if after else {}
    box.put(ADDRESS, GOOD)
    box.play(ADDRESS, Reply(status, headers, PAGE))
    began = time.monotonic()
    assert kba(there).state == "stored"
    assert after is None or time.monotonic() - began >= 0.3, "the time is honoured, up to the cap"
    assert len(box.asked) == 2


def test_a_wall_in_front_of_the_publisher_is_a_failure(box: Box, chosen: Settings) -> None:
    box.play(ADDRESS, *[Reply(503, body=PAGE)] * 9)
    outcome = kba(chosen)
    assert outcome.reason == "HTTP 503: the publisher is overloaded or refuses scripts; try again in some hours"
    assert len(box.asked) == 6
    assert quarantined(chosen)[0][0] == PAGE
    assert_the_good_file_stands(chosen)


def test_a_publisher_to_whom_it_stays_too_much_is_a_failure(box: Box, chosen: Settings) -> None:
    box.play(ADDRESS, *[Reply(429, {"Retry-After": "3"}, PAGE)] * 9)
    outcome = kba(chosen)
    assert (outcome.state, outcome.stale) == ("failed", True)
    assert outcome.reason == "HTTP 429: too many requests; try again in some hours"
    assert len(box.asked) == 6 and quarantined(chosen)[0][0] == PAGE
    assert_the_good_file_stands(chosen)


def test_a_redirect_to_another_host_leaves_the_good_file(box: Box, chosen: Settings) -> None:
    box.play(ADDRESS, Reply(307, {"Location": "https://elsewhere.example.org/fz1_2021.xlsx"}, b""))
    outcome = kba(chosen)
    assert (outcome.state, outcome.stale) == ("changed shape", True)
    assert outcome.reason is not None and "if the publisher has moved, add it to access.hosts" in outcome.reason
    assert quarantined(chosen) == [], "nothing was sent"
    assert_the_good_file_stands(chosen)


def test_the_same_content_under_a_new_etag_is_unchanged(box: Box, chosen: Settings) -> None:
    before = archive.read_receipts(chosen.archive, "kba_fz1")
    box.put(ADDRESS, GOOD, etag='"other"', modified=None)
    assert kba(chosen).state == "unchanged"
    assert box.asked[0].status == 200
    assert archive.read_receipts(chosen.archive, "kba_fz1") == before
    box.asked.clear()
    kba(chosen)
    assert (box.asked[0].status, box.asked[0].headers["If-None-Match"]) == (304, '"other"')


def test_new_content_under_an_unchanged_address_is_stored_and_the_old_stays(box: Box, chosen: Settings) -> None:
    (before,) = archive.read_receipts(chosen.archive, "kba_fz1")
    new = samples.kba_fz1(cells={"E10": 1})
    box.put(ADDRESS, new)
    assert kba(chosen).state == "stored"
    (after,) = archive.read_receipts(chosen.archive, "kba_fz1")
    assert archive.fetch(chosen.archive, after.sha256) == new
    assert archive.fetch(chosen.archive, before.sha256) == GOOD
    assert [r.outcome for r in archive.read_retrievals(chosen.archive, "kba_fz1")] == ["stored", "stored"]


def test_the_bytes_of_another_edition_are_refused(box: Box, chosen: Settings) -> None:
    address = ADDRESS.replace("fz1_2021", "fz1_2020_xlsx")
    box.put(address, GOOD)
    (outcome,) = fetch.fetch([KBA], chosen, 2020)
    assert outcome.state == "changed shape"
    assert outcome.reason == "another file is expected for edition 2020-01-01, found the bytes of edition 2021-01-01"


JSON_REPLIES: dict[str, tuple[object, str | None]] = {
    "a table": ({"features": [{"attributes": {"ags": "02"}}]}, None),
    "JSON encoded twice": (json.dumps({"rows": [1]}), None),
    "an error encoded twice": (json.dumps(ARCGIS), "error 499: 'Token Required'"),
    "an error of ArcGIS": (ARCGIS, "error 499: 'Token Required'"),
    "a year that is not loaded yet": ({"features": []}, "features are empty: the year is in the catalogue"),
    "a part of the rows": ({"features": [1], "exceededTransferLimit": True}, "exceededTransferLimit"),
    "a time-out of Overpass": ({"elements": [1], "remark": "runtime error: Query timed out"}, "remark 'runtime error"),
    "a table that is not there": ({"Status": {"Code": 90, "Content": "gibt es nicht"}}, "status 90: 'gibt es nicht'"),
    "wrong credentials": ({"Code": 15, "Type": "ERROR", "Content": "Anmeldung"}, "error 15: 'Anmeldung'"),
    "an answer of CKAN": ({"help": "", "success": False}, "success is false"),
}  # fmt: skip


@pytest.mark.parametrize("case", JSON_REPLIES)
def test_json_with_status_200_can_be_an_error(case: str, box: Box, settings: Make) -> None:
    document, message = JSON_REPLIES[case]
    there = settings()
    good = json.dumps({"features": [{"attributes": {"ags": "01", "name": "Flensburg"}}]}).encode()
    box.put("https://api.example.de/data", good)
    assert fetch.fetch([source("json")], there)[0].state == "stored"
    box.put("https://api.example.de/data", json.dumps(document).encode())
    (outcome,) = fetch.fetch([source("json", size_ratio=(0, 10))], there)
    if message is None:
        assert outcome.state == "stored"
        return
    assert (outcome.state, outcome.stale) == ("refused", True)
    assert outcome.reason is not None and message in outcome.reason
    assert json.loads(quarantined(there, "a_source")[0][0]) == document
    (receipt,) = archive.read_receipts(there.archive, "a_source")
    assert archive.fetch(there.archive, receipt.sha256) == good
    assert archive.listing(there.archive)[0]["stale"] == outcome.reason


@pytest.mark.parametrize(
    ("content", "body", "message"),
    [
        ("json", b'{"a": [1, 2', "whole JSON is expected"),
        ("csv", b"%PDF-1.7 ...", "csv is expected, found a binary file"),
        ("csv", b'{"error": {"code": 400, "message": "no"}}', "csv is expected, found a JSON object: error 400: 'no'"),
        ("xls", b"PK\x03\x04....", "xls is expected, found 8 bytes that start with"),
        ("xml", b"<a><b></a>", "whole XML is expected, found mismatched tag"),
        ("xml", b'<ows:ExceptionReport xmlns:ows="http://x"/>', "XML data is expected, found an ExceptionReport"),
        ("parquet", b"PAR1 and no end", "a whole Parquet file is expected, found one that is cut off"),
        ("html", b"PK\x03\x04", "an HTML page is expected"),
    ],
)
def test_content_is_what_was_declared(box: Box, settings: Make, content: str, body: bytes, message: str) -> None:
    there = settings()
    box.put("https://api.example.de/data", body)
    (outcome,) = fetch.fetch([source(content)], there)
    assert outcome.state == "refused" and outcome.reason is not None and message in outcome.reason


@pytest.mark.parametrize(
    ("content", "body"),
    [
        ("csv", "Name;Wert\r\nKöln;1\r\n".encode("latin-1")),
        ("xml", '<?xml version="1.0" encoding="UTF-16"?><a>ö</a>'.encode("utf-16")),
        ("html", b"<html><body>a list</body></html>"),
        ("zip", packed({"a.csv": b"a"})),
    ],
)
def test_good_content_of_each_kind_is_stored(box: Box, settings: Make, content: str, body: bytes) -> None:
    box.put("https://api.example.de/data", body)
    (outcome,) = fetch.fetch([source(content)], settings())
    assert outcome.state == "stored", outcome.reason


def assert_the_good_figures_stand(chosen: Settings, source_id: str, before: list[archive.Receipt]) -> None:
    """The receipts are those from before, the figures of these bytes are made, and what failed is stale."""
    assert archive.read_receipts(chosen.archive, source_id) == before
    figures.make(CATALOG, chosen.archive, chosen.home / "figures")
    (table,) = CATALOG.sources[source_id].tables
    assert (chosen.home / "figures" / f"{table}.parquet").is_file()
    assert archive.verify(chosen.archive) == []


def test_another_name_of_the_member_in_a_zip_is_a_changed_shape(box: Box, settings: Make, upstream: Path) -> None:
    there = settings()
    declared = CATALOG.sources["bnetza_breitbandatlas"]
    edition = declared.editions["2018-12"]
    (part,) = edition.parts
    content = (upstream / part.file).read_bytes()
    box.put(str(edition.address), packed({Path(part.file).name: content}))
    assert fetch.fetch([declared], there, 2018)[0].state == "stored"
    before = archive.read_receipts(there.archive, declared.id)
    renamed = packed({"gemeinde_privat_2018.csv": content})
    box.put(str(edition.address), renamed)
    (outcome,) = fetch.fetch([declared], there, 2018)
    assert (outcome.state, outcome.stale) == ("changed shape", True) and outcome.reason is not None
    assert "one member '(.*/)?gemeinde_privat_2018_ende" in outcome.reason
    assert "found gemeinde_privat_2018.csv" in outcome.reason
    assert [content for content, _ in quarantined(there, declared.id)] == [renamed]
    assert [row["stale"] for row in archive.listing(there.archive)] == [outcome.reason]
    assert_the_good_figures_stand(there, declared.id, before)


def test_another_encoding_is_a_changed_shape(box: Box, settings: Make, upstream: Path) -> None:
    there = settings()
    declared = CATALOG.sources["rki_gisd"]
    access, edition = declared.access, declared.editions["2025-v1.0"]
    assert access is not None
    for part in edition.parts:
        box.put(access.request(edition, part).address, (upstream / part.file).read_bytes())
    assert {o.state for o in fetch.fetch([declared], there)} == {"stored"}
    before = archive.read_receipts(there.archive, declared.id)
    (bavaria,) = (part for part in edition.parts if part.name == "Bayern")
    switched = (upstream / bavaria.file).read_bytes().decode("utf-8").encode("latin-1")
    box.put(access.request(edition, bavaria).address, switched)
    changed = [o for o in fetch.fetch([declared], there) if o.state != "unchanged"]
    assert [(o.parts, o.state, o.stale) for o in changed] == [(["Bayern"], "changed shape", True)]
    assert changed[0].reason is not None and "utf-8 is expected, found byte" in changed[0].reason
    assert [content for content, _ in quarantined(there, declared.id)] == [switched]
    assert {row["part"]: row["stale"] for row in archive.listing(there.archive) if row["stale"]} == {
        "Bayern": changed[0].reason
    }
    assert_the_good_figures_stand(there, declared.id, before)


def test_a_redirect_to_a_declared_host_is_followed_and_noted(box: Box, settings: Make) -> None:
    there = settings()
    body = b"a;b\r\n1;2\r\n"
    box.put("https://data.example.de/b.csv", body)
    box.play(
        "https://api.example.de/data",
        Reply(307, {"Location": "https://data.example.de/b.csv;jsessionid=12AB#top"}, b""),
    )
    (outcome,) = fetch.fetch([source("csv", hosts=["api.example.de", "data.example.de"])], there)
    assert outcome.state == "stored"
    (retrieval,) = archive.read_retrievals(there.archive, "a_source")
    assert retrieval.final_address == "https://data.example.de/b.csv"
    assert retrieval.redirects == ["https://data.example.de/b.csv"]
    assert retrieval.mirror == box.address and retrieval.address == "https://api.example.de/data"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "https://elsewhere.example.org/b.csv",
            "which is not among the declared hosts api.example.de",
        ),
        ("http://api.example.de/b.csv", "redirects to http://api.example.de/b.csv, which is not encrypted"),
        ("https://api.example.de/data", "more than 5 redirects"),
    ],
)
def test_a_redirect_elsewhere_is_not_followed(box: Box, settings: Make, target: str, message: str) -> None:
    box.play("https://api.example.de/data", *[Reply(302, {"Location": target}, b"")] * 9)
    (outcome,) = fetch.fetch([source("csv")], settings())
    assert outcome.reason is not None and message in outcome.reason
    assert {a.place for a in box.asked} == {"api.example.de/data"}


def test_a_file_above_the_cap_is_left(box: Box, settings: Make) -> None:
    there = settings()
    box.put("https://api.example.de/data", b"a" * 5000)
    (outcome,) = fetch.fetch([source("csv", max_bytes=4000)], there)
    assert outcome.reason == "at most 4000 bytes are expected, announced are 5000"
    box.play("https://api.example.de/data", Reply(chunked=True))
    (outcome,) = fetch.fetch([source("csv", max_bytes=4000)], there)
    assert outcome.reason == "at most 4000 bytes are expected, found more"


def test_a_body_that_trickles_is_left_when_the_time_is_over(box: Box, settings: Make) -> None:
    box.put("https://api.example.de/data", b"a" * 5000)
    box.play("https://api.example.de/data", Reply(delay=0.01, piece=1))
    began = time.monotonic()
    (outcome,) = fetch.fetch([source("csv", deadline_seconds=0.3)], settings())
    assert outcome.reason is not None and outcome.reason.startswith("not finished within 0.3 s")
    assert time.monotonic() - began < 20, "the whole body would take 50 s"


def test_a_full_disk_is_noticed_before_the_download(box: Box, settings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    box.put("https://api.example.de/data", b"a" * 5000)
    monkeypatch.setattr("pipeline.web.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    (outcome,) = fetch.fetch([source("csv")], settings())
    assert outcome.reason is not None and "200005000 bytes are needed on the disk of" in outcome.reason
    assert "free are 1000; make room" in outcome.reason


def test_a_host_that_nobody_answers_for_is_a_failure(box: Box, settings: Make) -> None:
    (outcome,) = fetch.fetch([source("csv")], settings(mirror="http://127.0.0.1:9", waits=()))
    assert outcome.reason is not None and outcome.reason.startswith("api.example.de cannot be reached")


def test_a_host_that_is_overloaded_is_left_alone_for_the_rest_of_the_source(box: Box, settings: Make) -> None:
    for edition in KBA.editions.values():
        assert KBA.access is not None
        box.play(KBA.access.request(edition, edition.parts[0]).address, *[Reply(503, body=PAGE)] * 9)
    outcomes = fetch.fetch([KBA], settings())
    assert [o.state for o in outcomes] == ["failed"] * 4
    assert len(box.asked) == 6 and len({a.place for a in box.asked}) == 1
    assert sum("not asked again in this run" in str(o.reason) for o in outcomes) == 3


def test_a_host_that_is_overloaded_for_one_source_is_asked_for_the_next(box: Box, settings: Make) -> None:
    assert KBA.access is not None
    for edition in KBA.editions.values():
        box.play(KBA.access.request(edition, edition.parts[0]).address, *[Reply(503, body=PAGE)] * 9)
    outcomes = fetch.fetch([KBA, CATALOG.sources["kba_fz27"]], settings())
    assert {o.state for o in outcomes if o.source_id == "kba_fz27"} == {"gone"}, "the box has no such file"


def test_a_host_that_is_asked_too_much_is_left_alone_for_the_rest_of_the_run(box: Box, settings: Make) -> None:
    assert KBA.access is not None
    for edition in KBA.editions.values():
        box.play(KBA.access.request(edition, edition.parts[0]).address, *[Reply(429, body=PAGE)] * 9)
    outcomes = fetch.fetch([KBA, CATALOG.sources["kba_fz27"]], settings())
    assert {o.state for o in outcomes} == {"failed"}
    assert len({a.place for a in box.asked}) == 1


def test_one_sources_failure_does_not_stop_the_others(box: Box, settings: Make) -> None:
    there = settings()
    box.put(ADDRESS, GOOD)
    box.play("https://api.example.de/data", *[Reply(500, body=b"")] * 9)
    broken = there.archive / "receipts" / "rki_gisd.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    outcomes = fetch.fetch([source("csv"), CATALOG.sources["rki_gisd"], KBA], there)
    assert "stored" in {o.state for o in outcomes if o.source_id == "kba_fz1"}
    assert {o.state for o in outcomes if o.source_id == "a_source"} == {"failed"}
    (reason,) = (o.reason for o in outcomes if o.source_id == "rki_gisd")
    assert reason is not None and reason.startswith("archive: receipts/rki_gisd.json")


GENESIS = "https://api.example.de/rest/2020/data/tablefile"


def genesis(**access: Any) -> Source:
    return source(
        "zip",
        GENESIS,
        method="post",
        body={"name": "12531-0043", "format": "ffcsv", "job": "false"},
        job=True,
        secrets={"username": "GENESIS_USER", "password": "GENESIS_PASSWORD"},
        **access,
    )


def status(code: int, content: str = "") -> bytes:
    """A reply of GENESIS, which repeats the credentials."""
    document = {
        "Status": {"Code": code, "Content": content},
        "Parameter": {"username": "klara", "password": "geheim&1"},
    }
    return json.dumps(document).encode()


def test_a_table_that_is_too_large_comes_as_a_job(box: Box, settings: Make) -> None:
    there = settings(environment={"GENESIS_USER": "klara", "GENESIS_PASSWORD": "geheim&1"})
    result = packed({"12531-0043.csv": b"a;b\n"})
    box.play(
        GENESIS,
        Reply(body=status(98, "zu groß")),
        Reply(body=status(99, "Der Bearbeitungsauftrag 12531-0043_175879554")),
    )
    results = "https://api.example.de/rest/2020/catalogue/results"
    box.play(results, Reply(body=status(104)), Reply(body=status(104)), Reply(body=status(0)))
    box.play("https://api.example.de/rest/2020/data/resultfile", Reply(body=result))
    (outcome,) = fetch.fetch([genesis()], there)
    assert outcome.state == "stored", outcome.reason
    assert [a.place.rsplit("/", 1)[1] for a in box.asked] == ["tablefile"] * 2 + ["results"] * 3 + ["resultfile"]
    assert {a.method for a in box.asked} == {"POST"}
    assert b"job=true" in box.asked[1].body and b"selection=12531-0043_175879554" in box.asked[2].body
    assert all((a.headers["username"], a.headers["password"]) == ("klara", "geheim&1") for a in box.asked)
    assert all(b"klara" not in a.body and "klara" not in a.query for a in box.asked)
    (receipt,) = archive.read_receipts(there.archive, "a_source")
    assert archive.fetch(there.archive, receipt.sha256) == result


def test_secrets_are_written_nowhere(box: Box, settings: Make, capsys: pytest.CaptureFixture[str]) -> None:
    there = settings(environment={"GENESIS_USER": "klara", "GENESIS_PASSWORD": "geheim&1"}, waits=())
    for code in (90, 104):
        box.play(GENESIS, Reply(body=status(code, "klara darf das mit geheim&1 nicht")))
        (outcome,) = fetch.fetch([genesis()], there)
        assert outcome.state == "refused"
    box.play(GENESIS, Reply(307, {"Location": "https://other.example.de/x?u=geheim%261"}, b""))
    box.play("https://other.example.de/x", Reply(403, body=b"klara"))
    (outcome,) = fetch.fetch([genesis(hosts=["api.example.de", "other.example.de"])], there)
    assert outcome.state == "failed"
    elsewhere = [a for a in box.asked if a.place.startswith("other.")]
    assert len(elsewhere) == 1 and not {"username", "password"} & elsewhere[0].headers.keys()
    written = [p.read_bytes() for p in there.archive.rglob("*") if p.is_file()]
    assert len(written) >= 8
    for secret in (b"klara", b"geheim", b"geheim%261"):
        assert not [text for text in written if secret in text]
    assert "klara" not in repr(outcome) and "klara" not in "".join(capsys.readouterr())


def test_without_credentials_the_publisher_is_not_asked(box: Box, settings: Make) -> None:
    outcomes = fetch.fetch([genesis()], settings())
    assert [o.line() for o in outcomes] == [
        "a_source: not asked: credentials are missing: set GENESIS_USER, GENESIS_PASSWORD"
    ]
    assert box.asked == [] and fetch.exit_code(outcomes) == 0


def test_secrets_are_not_sent_to_a_mirror_on_another_machine(box: Box, settings: Make) -> None:
    there = settings(mirror="http://mirror.example.org", environment={"GENESIS_USER": "k", "GENESIS_PASSWORD": "g"})
    (outcome,) = fetch.fetch([genesis()], there)
    assert outcome.reason == "credentials are not sent to a mirror on another machine"


def test_personal_columns_are_dropped_before_anything_is_kept(box: Box, settings: Make) -> None:
    there = settings()
    declared = source("csv", drop_columns=["director", "phone"])
    address = "https://api.example.de/data"
    body = b'id,name,director,phone\n1,"Schule, an der Au",Erika Muster,0123\n2,B,Hans Muster,\n'
    box.put(address, body)
    (outcome,) = fetch.fetch([declared], there)
    assert outcome.state == "stored"
    (receipt,) = archive.read_receipts(there.archive, "a_source")
    assert archive.fetch(there.archive, receipt.sha256) == b'id,name\n1,"Schule, an der Au"\n2,B\n'
    (retrieval,) = archive.read_retrievals(there.archive, "a_source")
    assert retrieval.original_sha256 == hashlib.sha256(body).hexdigest()
    assert fetch.fetch([declared], there)[0].state == "unchanged"
    box.put(address, b"id,name,head,phone\n1,A,Erika Muster,0123\n")
    (outcome,) = fetch.fetch([declared], there)
    assert (outcome.state, outcome.stale) == ("changed shape", True)
    assert outcome.reason is not None and "column director is expected, found id, name, head, phone" in outcome.reason
    assert not [p for p in there.archive.rglob("*") if p.is_file() and b"Muster" in p.read_bytes()]


LANDING = "https://www.example.de/downloads.html"


def discovering() -> Source:
    declared = source(
        "csv",
        address=None,  # type: ignore[arg-type]
        hosts=["www.example.de", "data.example.de"],
        discover={"page": LANDING, "pattern": r"/Register_(?P<date>\d{4}-\d{2}-\d{2})\.csv"},
    )
    return declared.model_copy(update={"editions": {"2026-09-01": declared.editions["2026"]}})


def test_the_newest_file_by_the_date_in_its_name_is_found_on_the_page(box: Box, settings: Make) -> None:
    there = settings()
    names = ["2026-03-25", "2026-09-01", "2025-12-01"]
    box.put(
        LANDING, landing("/other.csv", *(f"https://data.example.de/a/Register_{n}.csv;jsessionid=1" for n in names))
    )
    box.put("https://data.example.de/a/Register_2026-09-01.csv", b"a;b\n")
    (outcome,) = fetch.fetch([discovering()], there)
    assert (outcome.state, outcome.address) == ("stored", "https://data.example.de/a/Register_2026-09-01.csv")
    box.asked.clear()
    (outcome,) = fetch.fetch([discovering()], there)
    assert outcome.state == "unchanged" and {a.status for a in box.asked} == {304}


def test_the_file_of_another_day_is_not_given_out_as_the_editions(box: Box, settings: Make) -> None:
    there = settings()
    box.put(LANDING, landing("https://data.example.de/a/Register_2026-10-15.csv"))
    (outcome,) = fetch.fetch([discovering()], there)
    assert outcome.state == "gone" and outcome.reason is not None
    assert "the file of edition 2026-09-01 is expected, the newest is https://data.example.de/a/Reg" in outcome.reason
    older = ["https://data.example.de/a/Register_2026-10-15.csv", "https://data.example.de/a/Register_2026-09-01.csv"]
    box.put(LANDING, landing(*older))
    box.put(older[1], b"a;b\n")
    assert fetch.fetch([discovering()], there)[0].address == older[1]


@pytest.mark.parametrize(
    ("links", "message"),
    [
        (["/a.csv"], "is expected, found none among 1; has the page changed?"),
        (["/a/Register_2026-09-01.csv", "/b/Register_2026-09-01.csv"], "one newest link like"),
        (
            ["https://evil.example.org/Register_2026-09-01.csv"],
            "on www.example.de, data.example.de is expected, found https://evil",
        ),
    ],
)
def test_no_or_several_finds_are_an_error_and_the_page_is_kept(
    box: Box, settings: Make, links: list[str], message: str
) -> None:
    there = settings()
    box.put(LANDING, landing(*links))
    (outcome,) = fetch.fetch([discovering()], there)
    assert outcome.state == "changed shape" and outcome.reason is not None and message in outcome.reason
    assert [content for content, _ in quarantined(there, "a_source")] == [landing(*links)]


def test_a_session_is_opened_before_the_file_is_asked_for(box: Box, settings: Make) -> None:
    start = "https://api.example.de/start"
    before = [{"method": "post", "address": start, "body": {"suche": ""}}]
    box.play(start, Reply(headers={"Set-Cookie": "JSESSIONID=ab; Path=/"}, body=b"317504 Treffer"))
    box.put("https://api.example.de/data", b"a;b\n")
    (outcome,) = fetch.fetch([source("csv", before=before)], settings())
    assert outcome.state == "stored"
    assert [(a.method, a.place) for a in box.asked] == [
        ("POST", "api.example.de/start"),
        ("GET", "api.example.de/data"),
    ]
    assert box.asked[1].headers["Cookie"] == "JSESSIONID=ab"


def test_a_host_is_asked_with_a_pause_by_one_connection_and_a_name(box: Box, settings: Make) -> None:
    there = settings(pause=0.2)
    for year in (2019, 2020, 2021):
        box.put(ADDRESS.replace("2021", str(year) if year == 2021 else f"{year}_xlsx"), GOOD)
    came: list[float] = []
    box.watch = lambda _: came.append(time.monotonic())
    fetch.fetch([KBA], there)
    assert len(came) >= 4 and all(b - a > 0.19 for a, b in itertools.pairwise(came))
    assert all("contact: test@example.org" in a.headers["User-Agent"] for a in box.asked)


def test_parameters_are_part_of_what_is_asked(box: Box, settings: Make) -> None:
    there = settings()
    layer = '{"query":"... jahr = {year}"}'
    declared = source("json", parameters={"f": "json", "layer": layer})
    box.put("https://api.example.de/data", b'{"features": [1]}')
    assert fetch.fetch([declared], there)[0].state == "stored"
    assert "jahr+%3D+2025" in box.asked[0].query
    (retrieval,) = archive.read_retrievals(there.archive, "a_source")
    assert retrieval.parameters["layer"] == '{"query":"... jahr = 2025"}'


def test_the_command_says_what_is_stale_and_ends_with_1_or_4(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STADTRANG_HOME", str(tmp_path))
    monkeypatch.setenv("STADTRANG_MIRROR", box.address)
    box.put(ADDRESS, GOOD)
    assert cli_code("fetch", "kba_fz1", "--year", "2021", "--json") == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {"stored": 1}
    del box.files[place_of(ADDRESS)]
    assert cli_code("fetch", "kba_fz1", "--year", "2021") == 4
    shown = capsys.readouterr()
    assert "kba_fz1, edition 2021-01-01: gone (stale: the file fetched before stands): HTTP 404" in shown.err
    box.play(ADDRESS, Reply(403, body=PAGE))
    assert cli_code("fetch", "kba_fz1", "--year", "2021", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["stale"] == ["kba_fz1"] and document["outcomes"][0]["reason"].startswith("HTTP 403")


def test_two_fetches_into_one_archive_do_not_collide(box: Box, chosen: Settings) -> None:
    with archive.locked(chosen.archive, ".fetching", "--archive"), pytest.raises(PipelineError, match="another run"):
        kba(chosen)


def test_who_asks_publishers_must_be_reachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STADTRANG_CONTACT", raising=False)
    monkeypatch.delenv("STADTRANG_MIRROR", raising=False)
    with pytest.raises(UsageError, match="set STADTRANG_CONTACT"):
        web.settings(tmp_path, tmp_path)
