"""Wikidata: items with a municipality's key (P439) and their websites (P856), one query per Land.

Described, not retrieved. A query that runs out of its 60 seconds can end in a stack trace inside a reply at status 200,
so the JSON must be whole.
"""

from __future__ import annotations

from typing import Any

from pipeline.catalog import Layout, Part, Request, Source
from pipeline.read import Place, Reading
from pipeline.replies import (
    Ask,
    access_of,
    body,
    bundle,
    dig,
    member,
    parse_json,
    place_of,
    reading,
    unbundle,
)  # fmt: skip

LANDS = tuple(f"{number:02d}" for number in range(1, 17))
QUERY = """
SELECT ?item ?ags ?website WHERE {{
  ?item p:P439 ?statement .
  ?statement ps:P439 ?ags .
  FILTER(STRSTARTS(?ags, "{land}"))
  FILTER NOT EXISTS {{ ?statement pq:P582 ?ended }}
  FILTER NOT EXISTS {{ ?item wdt:P576 ?dissolved }}
  OPTIONAL {{ ?item wdt:P856 ?website }}
}}
ORDER BY ?ags ?item ?website
"""


def fetch(ask: Ask, source: Source, edition: str, part: Part) -> bytes:
    """The replies of all Länder as one bundle."""
    place = place_of(source, edition, part)
    replies = {}
    for land in LANDS:
        asked = Request(
            address=str(access_of(source).address),
            parameters={"query": QUERY.format(land=land), "format": "json"},
            headers={"Accept": "application/sparql-results+json"},
        )
        replies[f"{land}.json"] = body(ask(asked), f"the reply for Land {land}", place)
        bindings(replies[f"{land}.json"], land, place)
    return bundle(replies)


def bindings(content: bytes, land: str, place: Place) -> list[dict[str, Any]]:
    """item, ags and website (or None) of each binding. A Land without any, or a key of another one, is refused."""
    found = []
    for number, binding in enumerate(dig(parse_json(content, place), "results.bindings", list, place), 1):
        values = {name: dig(binding, f"{name}.value", str, place) for name in ("item", "ags")}
        if not values["ags"].startswith(land):
            raise place.fail(f"Land {land}, binding {number}: a key of the Land is expected, found {values['ags']!r}")
        website = dig(binding, "website.value", str, place) if "website" in binding else None
        found.append({"item": values["item"].rsplit("/", 1)[-1], "ags": values["ags"], "website": website})
    if not found:
        raise place.fail(f"Land {land}: items are expected, found none")
    return found


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """One row per item, key and website; an item with two websites and a key of two items stand twice."""
    replies = unbundle(content, place)
    rows = [row for land in LANDS for row in bindings(member(replies, f"{land}.json", place), land, place)]
    return reading(rows, layout, part, place)
