"""GovData's catalogue (CKAN): which municipality each open data set is about, page by page.

Described, not retrieved. A data set's record names persons to contact, so only its id and its areas are kept, with the
sha256 of each page as it came.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from pipeline import replies
from pipeline.catalog import Layout, Part, Request, Source
from pipeline.read import Place, Reading

LEVEL = "http://dcat-ap.de/def/politicalGeocoding/Level/municipality"
AREA = re.compile(r"http://dcat-ap\.de/def/politicalGeocoding/regionalKey/(\d+)")
AREAS = "politicalGeocodingURI"
PAGE_ROWS = 1000  # CKAN gives no more at a time, whatever is asked for


def fetch(ask: replies.Ask, source: Source, edition: str, part: Part) -> bytes:
    """All pages of the data sets at the level of municipalities, without what is not needed, as one bundle."""
    place = replies.place_of(source, edition, part)

    def ask_page(number: int) -> bytes:
        parameters = {
            "fq": f'extras_politicalGeocodingLevelURI:"{LEVEL}"',  # a second fq would be answered with 409
            "sort": "id asc",  # or a data set that changes meanwhile moves to another page
            "rows": str(PAGE_ROWS),
            "start": str(number * PAGE_ROWS),
        }
        content = replies.body(
            ask(Request(address=str(replies.access_of(source).address), parameters=parameters)), "a page", place
        )
        return reduced(content, place)

    pages = replies.walk(ask_page, lambda content: page_of(content, place), place)
    found = replies.bundle({f"{number:04d}.json": content for number, content in enumerate(pages, 1)})
    read(found, source.layouts[part.layout], part, place)
    return found


def reduced(content: bytes, place: Place) -> bytes:
    """A page with the id and the areas of each data set, and the sha256 of the page as it came."""
    page = page_of(content, place)
    rows = [{"id": row.get("id"), "extras": [{"key": AREAS, "value": _areas(row)}]} for row in page.rows]
    result = {"count": page.total.start, "results": rows}
    document = {"success": True, "result": result, "sha256_of_original": hashlib.sha256(content).hexdigest()}
    return json.dumps(document, ensure_ascii=False).encode()


def page_of(content: bytes, place: Place) -> replies.Page:
    """The data sets of a page; CKAN can say at HTTP 200 that it failed."""
    document = replies.parse_json(content, place)
    if not replies.dig(document, "success", bool, place):
        raise place.fail(f"success is expected, found the error {str(document.get('error'))[:200]}")
    count = replies.dig(document, "result.count", int, place)
    rows = replies.dig(document, "result.results", list, place)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            raise place.fail(f"data set {number}: an object with an id is expected, found {str(row)[:80]!r}")
    return replies.Page(rows, range(count, count + 1))


def _areas(row: dict[str, Any]) -> str:
    """All areas of a data set as one text; an extra is written once, as a list in JSON or as several extras."""
    extras = row.get("extras") or []
    return " ".join(str(e.get("value")) for e in extras if isinstance(e, dict) and e.get("key") == AREAS)


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """One row per data set and area that it is about (a regional key of any length); none for one without."""
    pages = [page_of(page, place) for page in replies.unbundle(content, place).values()]
    sets = replies.gather(pages, place)
    ids = [row["id"] for row in sets]
    if len(set(ids)) != len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise place.fail(f"each data set is expected once, found {twice} twice: the pages overlap; ask again")
    named = {row["id"]: sorted(set(AREA.findall(_areas(row)))) or [None] for row in sets}
    return replies.reading([{"id": name, "area": area} for name in ids for area in named[name]], layout, part, place)
