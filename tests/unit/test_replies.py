"""JSON or a clear error, pages that are all there, and replies kept together as the same bytes every time."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from pipeline import replies
from pipeline.catalog import Layout, Part
from pipeline.errors import ReadError
from pipeline.read import Place
from pipeline.replies import Page, Reply

HERE = Place("a_source", "2026", "file.zip", "part")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "JSON is expected, found an empty reply"),
        (b" \xef\xbb\xbf\r\n ", "JSON is expected, found an empty reply"),
        (b"\xef\xbb\xbf\n<!DocType HTML><title>Fehler</title>", "found an HTML page: .*<!DocType HTML><title>Fehler"),
        (b'{"rows": [1, 2', r"found 14 bytes that are none .*they end with '\{\"rows\": \[1, 2'. Was the reply cut"),
        (b'{"rows": []} at java.lang.Thread', "a whole JSON document is expected"),
        (b'{"value": NaN}', "NaN is no JSON"),
        (b'{"name": "M\xfcnchen"}', "a whole JSON document is expected"),
        (b"[" * 100_000, "a whole JSON document is expected"),
    ],
)
def test_what_is_no_whole_json_is_refused_with_source_edition_and_file(content: bytes, message: str) -> None:
    with pytest.raises(ReadError, match=rf"(?s)a_source, edition 2026, file.zip \(part\): .*{message}"):
        replies.parse_json(content, HERE)


def test_json_with_a_byte_order_mark_is_read() -> None:
    assert replies.parse_json('\ufeff{"name": "Köln"}'.encode(), HERE) == {"name": "Köln"}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"result": {"count": "8"}}, "key result.count: int is expected, found str '8'"),
        ({"result": {"count": True}}, "key result.count: int is expected, found bool 'True'"),
        ({"result": []}, "key result.count: int is expected, found NoneType"),
        ([], "key result.count: int is expected, found NoneType"),
    ],
)
def test_a_key_that_is_missing_or_of_another_kind_is_named(document: Any, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        replies.dig(document, "result.count", int, HERE)


def test_a_reply_that_is_not_200_says_when_to_come_back() -> None:
    with pytest.raises(
        ReadError, match=r"the list at HTTP 200 is expected, found HTTP 503: 'busy' \(Retry-After: 60\)"
    ):
        replies.body(Reply(503, b"busy", {"retry-after": "60"}), "the list", HERE)


def pages(*rows: int, total: int = 0) -> list[bytes]:
    """Pages with so many rows each, which all say the sum or another total."""
    return [json.dumps([n, total or sum(rows)]).encode() for n in rows]


def page_of(content: bytes) -> Page:
    rows, total = json.loads(content)
    return Page(["row"] * rows, range(total, total + 1))


def test_pages_are_asked_for_until_all_rows_are_there_and_no_further() -> None:
    server = pages(3, 3, 1)
    assert replies.walk(server.__getitem__, page_of, HERE) == server
    assert replies.walk(pages(0).__getitem__, page_of, HERE) == pages(0)
    assert len(replies.gather([page_of(page) for page in server], HERE)) == 7


@pytest.mark.parametrize(
    ("server", "message"),
    [
        (pages(3, 0, total=7), "page 2: rows are expected, found none; 3 rows came of 7"),
        (pages(3, 5, total=7), "7 rows are expected, as the pages say, found 8 on 2 pages"),
        ([*pages(3, total=7), *pages(3, total=6)], r"one total on all 2 pages is expected, found \[6, 7\]"),
    ],
)
def test_pages_that_end_early_go_on_too_long_or_change_are_refused(server: Sequence[bytes], message: str) -> None:
    with pytest.raises(ReadError, match=message):
        replies.walk(server.__getitem__, page_of, HERE)


def test_a_bundle_is_the_same_bytes_every_time_and_gives_the_replies_back_in_their_order() -> None:
    given = {"02.json": b"{}", "01.json": b"[]" * 1000}
    packed = replies.bundle(given)
    assert packed == replies.bundle(given) and list(replies.unbundle(packed, HERE)) == ["02.json", "01.json"]
    assert replies.unbundle(packed, HERE) == given
    assert zipfile.ZipFile(io.BytesIO(packed)).infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_a_bundle_that_is_cut_empty_or_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = replies.bundle({"01.json": b"[]" * 1000})
    with pytest.raises(ReadError, match="a whole zip is expected, found 1000 bytes"):
        replies.unbundle(packed[:1000], HERE)
    with pytest.raises(ReadError, match="a whole zip is expected"):
        replies.unbundle(packed.replace(b"[][]", b"[][}", 1), HERE)
    with pytest.raises(ReadError, match="found an empty one"):
        replies.unbundle(replies.bundle({}), HERE)
    monkeypatch.setattr(replies, "MAX_BUNDLE", 1999)
    with pytest.raises(ReadError, match="at most 1999 bytes are expected in the zip, found 2000"):
        replies.unbundle(packed, HERE)


LAYOUT = Layout(reader="custom", columns={"unit_key": "ags"}, values={"share": "ai01"}, patterns={"unit_key": r"\d{8}"})
PART = Part(file="file.zip", layout="a")


def test_records_become_rows_that_are_counted_from_one_and_name_their_field() -> None:
    records = [{"ags": "05974040", "ai01": 28.0, "more": 1}, {"ags": "05315000", "ai01": None, "more": 2}]
    reading = replies.reading(records, LAYOUT, PART, HERE)
    first, second = reading.rows.to_dict("records")
    cell = {"variable": "share", "source_column": "ai01"}
    assert first == {"row_number": 1, "unit_key": "05974040", "raw": "28", **cell}
    assert second["row_number"] == 2 and pd.isna(second["raw"])
    assert reading.rows_read == 2


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([{"ags": "05974040"}], "record 1: one value in field ai01 is expected, found fields ags"),
        ([{"ags": "05974040", "ai01": [1]}], "record 1: one value in field ai01 is expected"),
        (["05974040"], "record 1: an object is expected, found '05974040'"),
        ([{"ags": "5974040", "ai01": 1}], r"row 1, column unit_key: .* found '5974040'"),
        ([], "data is expected, found none"),
    ],
)
def test_a_record_that_is_not_as_declared_is_named(records: Sequence[Any], message: str) -> None:
    with pytest.raises(ReadError, match=message):
        replies.reading(records, LAYOUT, PART, HERE)
