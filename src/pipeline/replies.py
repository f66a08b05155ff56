"""What publishers' interfaces answer: JSON or a clear error, pages that are all there, several replies as one document.

A source that is asked more than once (a catalogue and its data, pages, one reply per Land) is archived as one zip of
the replies as they came: members in the order of asking, dated 1980, so that the same replies are the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pipeline.catalog import Access, Layout, Part, Request, Source
from pipeline.errors import ReadError
from pipeline.read import ZIP_ERRORS, Place, Reading, Row, from_grid, text_of

T = TypeVar("T")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip can hold
MAX_BUNDLE = 500_000_000  # bytes unpacked; the largest that is asked for (OZG, all of Germany) is estimated at a third


@dataclass(frozen=True)
class Reply:
    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Ask = Callable[[Request], Reply]
"""Sends a request with retries, politeness and caps, and returns whatever came back in the end.

A source whose access says `dialogue` has `fetch(ask, source, edition, part) -> bytes` in its module: the bytes that are
archived for the part. It raises ReadError where a reply is not what its edition declares.
"""


@dataclass(frozen=True)
class Page:
    """`rows` of one page, and how many all pages together may hold, as this page says (one number: range(n, n + 1))."""

    rows: Sequence[Any]
    total: range


def place_of(source: Source, edition: str, part: Part) -> Place:
    return Place(source.id, edition, Path(part.file).name, part.name or part.layout)


def access_of(source: Source) -> Access:
    if source.access is None:
        raise ReadError(f"{source.id}: an address is expected in sources/{source.id}.yml, found: {source.no_access}")
    return source.access


def body(reply: Reply, what: str, place: Place) -> bytes:
    """The content of a good reply. An error page at status 200 is not one; the content type alone proves nothing."""
    if reply.status != 200:
        later = next((v for k, v in reply.headers.items() if k.lower() == "retry-after"), None)
        raise place.fail(
            f"{what} at HTTP 200 is expected, found HTTP {reply.status}: {excerpt(reply.content)!r}"
            + (f" (Retry-After: {later})" if later else "")
        )
    return refuse_page(reply.content, what, place)


def refuse_page(content: bytes, what: str, place: Place) -> bytes:
    """The content, if it is neither empty nor an HTML page."""
    start = content[:512].lstrip(b"\xef\xbb\xbf \r\n\t")
    if not start:
        raise place.fail(f"{what} is expected, found an empty reply; ask again later")
    if start.lower().startswith((b"<!doctype", b"<html")):
        raise place.fail(
            f"{what} is expected, found an HTML page: the publisher probably answered with an error "
            f"({excerpt(content)!r})"
        )
    return content


def parse_json(content: bytes, place: Place) -> Any:
    """A whole JSON document. One that was cut, or that a stack trace interrupts, is refused, whatever its status."""
    refuse_page(content, "JSON", place)
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise place.fail(
            f"a whole JSON document is expected, found {len(content)} bytes that are none ({error}); they end with "
            f"{content[-60:].decode('utf-8', 'replace')!r}. Was the reply cut? Ask again"
        ) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def dig(document: Any, path: str, kind: type[T], place: Place) -> T:
    """What stands at `result.results` of a JSON document, which must be of this kind."""
    found = document
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
        raise place.fail(f"key {path}: {kind.__name__} is expected, found {type(found).__name__} {str(found)[:80]!r}")
    return found


def excerpt(content: bytes, length: int = 120) -> str:
    return " ".join(content[: 4 * length].decode("utf-8", "replace").split())[:length]


def walk(ask_page: Callable[[int], bytes], read_page: Callable[[bytes], Page], place: Place) -> list[bytes]:
    """Every page as it came, from page 0 on, until the rows are as many as the pages say."""
    contents = [ask_page(0)]
    page = read_page(contents[0])
    seen = len(page.rows)
    while seen < page.total.start:
        contents.append(ask_page(len(contents)))
        page = read_page(contents[-1])
        if not page.rows:
            raise place.fail(
                f"page {len(contents)}: rows are expected, found none; {seen} rows came of {page.total.start} or more"
            )
        seen += len(page.rows)
    gather([read_page(content) for content in contents], place)
    return contents


def gather(pages: Sequence[Page], place: Place) -> list[Any]:
    """The rows of all pages. What ends early, goes on too long or changed between two pages is refused."""
    totals = sorted({page.total.start for page in pages})
    if len(totals) != 1:
        raise place.fail(
            f"one total on all {len(pages)} pages is expected, found {totals}: the publisher's data changed between "
            "two pages; ask again"
        )
    rows = [row for page in pages for row in page.rows]
    total = pages[0].total
    if len(rows) not in total:
        wanted = str(total.start) if len(total) == 1 else f"{total.start} to {total.stop - 1}"
        raise place.fail(f"{wanted} rows are expected, as the pages say, found {len(rows)} on {len(pages)} pages")
    return rows


def bundle(replies: Mapping[str, bytes]) -> bytes:
    """Replies by name as one zip, uncompressed, so that no version of a library changes its bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as target:
        for name, content in replies.items():
            target.writestr(zipfile.ZipInfo(name, EPOCH), content)
    return packed.getvalue()


def unbundle(content: bytes, place: Place) -> dict[str, bytes]:
    """The replies of a bundle (or the members of a publisher's zip) by name, in their order."""
    refuse_page(content, "a zip of replies", place)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(member.file_size for member in packed.infolist())
            if size > MAX_BUNDLE:
                raise place.fail(f"at most {MAX_BUNDLE} bytes are expected in the zip, found {size}")
            found = {member.filename: packed.read(member) for member in packed.infolist()}
    except ReadError:
        raise
    except ZIP_ERRORS as error:
        raise place.fail(f"a whole zip is expected, found {len(content)} bytes ({error}); fetch it again") from error
    if not found:
        raise place.fail("a zip with replies is expected, found an empty one")
    return found


def member(replies: Mapping[str, bytes], name: str, place: Place) -> bytes:
    if name not in replies:
        raise place.fail(f"member {name} is expected in the zip, found {', '.join(replies) or 'none'}")
    return replies[name]


def reading(records: Sequence[Any], layout: Layout, part: Part, place: Place) -> Reading:
    """Records by the fields that `columns` and `values` of the layout name; row numbers count the records from 1."""
    fields = {**layout.columns, **layout.values}
    grid: list[Row] = []
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise place.fail(f"record {number}: an object is expected, found {str(record)[:80]!r}")
        gone = [name for name in fields.values() if name not in record]
        nested = [name for name in fields.values() if isinstance(record.get(name), dict | list)]
        if gone or nested:
            raise place.fail(
                f"record {number}: one value in field {', '.join(gone or nested)} is expected, found fields "
                f"{', '.join(sorted(record))}. Has the publisher changed the names?"
            )
        grid.append((number, [text_of(record[name]) for name in fields.values()]))
    columns = {name: str(at) for at, name in enumerate(fields, 1)}
    numbered = layout.model_copy(
        update={
            "columns": {name: columns[name] for name in layout.columns},
            "values": {name: columns[name] for name in layout.values},
            "header_rows": [],
            "first_row": 1,
        }
    )
    read = from_grid(grid, numbered, part, place)
    if not layout.values:
        return read
    return Reading(
        read.rows.assign(source_column=read.rows["variable"].map(layout.values)), read.rejected, read.rows_read
    )
