"""Services of the administration and whether their online form answers (Dashboard Digitale Verwaltung, open PVOG).

Described, not retrieved. One export per Land with everything below it; where the service says 413 (too large), the same
rows page by page as JSON.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from pipeline import replies
from pipeline.catalog import Layout, Part, Request, Source
from pipeline.read import Place, Reading, decode

LANDS = tuple(f"{number:02d}" for number in range(1, 17))
BELOW = {"includeAbove": "false", "includeBelow": "true"}
PAGE_ROWS = 100


def fetch(ask: replies.Ask, source: Source, edition: str, part: Part) -> bytes:
    """All Länder as one bundle: 01.csv, or 01-0001.json and so on where the export is too large."""
    layout, place = source.layouts[part.layout], replies.place_of(source, edition, part)
    answers: dict[str, bytes] = {}
    for land in LANDS:
        address = f"{replies.access_of(source).address}{land}0000000000"
        export = Request(
            address=f"{address}/export",
            parameters={"filetype": "csv", **BELOW},
            headers={"Accept": "application/octet-stream"},  # text/csv is refused with 406
        )
        reply = ask(export)
        if reply.status == 413:
            pages = _pages(ask, address, place)
            answers |= {f"{land}-{number:04d}.json": content for number, content in enumerate(pages, 1)}
        else:
            answers[f"{land}.csv"] = replies.body(reply, f"the export of Land {land}", place)
            from_csv(answers[f"{land}.csv"], layout, place)
    return replies.bundle(answers)


def _pages(ask: replies.Ask, address: str, place: Place) -> list[bytes]:
    def ask_page(number: int) -> bytes:
        asked = Request(address=address, parameters={"page": str(number), "size": str(PAGE_ROWS), **BELOW})
        return replies.body(ask(asked), f"page {number + 1}", place)

    return replies.walk(ask_page, lambda content: page_of(content, place), place)


def page_of(content: bytes, place: Place) -> replies.Page:
    """Rows of a page. Every page but the last must be full, for nothing else shows that one of them was cut."""
    document = replies.parse_json(content, place)
    rows = replies.dig(document, "content", list, place)
    pages = replies.dig(document, "page.totalPages", int, place)
    number = replies.dig(document, "page.number", int, place)
    if number < pages - 1 and len(rows) != PAGE_ROWS:
        raise place.fail(f"page {number + 1} of {pages}: {PAGE_ROWS} rows are expected, found {len(rows)}")
    return replies.Page(rows, range((pages - 1) * PAGE_ROWS + 1, pages * PAGE_ROWS + 1) if pages else range(1))


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """One row per service and area that reports it, all Länder together."""
    answers = replies.unbundle(content, place)
    rows: list[Any] = []
    for land in LANDS:
        names = sorted(name for name in answers if name[:2] == land)
        if not names:
            raise place.fail(f"replies of all 16 Länder are expected, found none of {land}")
        if names == [f"{land}.csv"]:
            rows += from_csv(answers[names[0]], layout, place)
        else:
            rows += replies.gather([page_of(answers[name], place) for name in names], place)
    return replies.reading(rows, layout, part, place)


def from_csv(content: bytes, layout: Layout, place: Place) -> Sequence[dict[str, str | None]]:
    """The declared fields of an export, by the names in its first line; a row with more or fewer fields is refused."""
    text = decode(replies.refuse_page(content, "CSV", place), "utf-8-sig", place)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    there, wanted = list(reader.fieldnames or ()), list(layout.columns.values())
    gone = sorted(set(wanted) - set(there))
    if gone:
        raise place.fail(f"row 1: fields {', '.join(gone)} are expected, found {', '.join(there)}")
    rows = []
    try:
        for row in reader:
            if None in row or None in row.values():
                raise place.fail(f"row {reader.line_num}: {len(there)} fields are expected, found more or fewer")
            rows.append({name: row[name] or None for name in wanted})
    except csv.Error as error:
        raise place.fail(
            f"row {reader.line_num}: CSV with ';' between fields is expected, found {error}; was the reply cut?"
        ) from error
    return rows
