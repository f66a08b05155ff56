"""Wegweiser Kommune: a list of regions, and exports of one indicator for some of them at a time as wide CSV.

Described, not retrieved. An export names its regions by name alone, so no two of one name are asked for together.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.catalog import Layout, Part, Request, Source
from pipeline.read import Place, Reading, decode
from pipeline.replies import (
    Ask,
    access_of,
    body,
    bundle,
    member,
    parse_json,
    place_of,
    reading,
    refuse_page,
    unbundle,
)  # fmt: skip

MAX_REGIONS = 10_000  # as many are asked for; so many in the reply would mean that it was cut
REGIONS = f"region/list?max={MAX_REGIONS}&types=KREISFREIE_STADT&types=GEMEINDE"
BATCH = 50  # regions in one address
HEAD = "Indikatoren"  # first cell of the row with years and regions; two rows of metadata stand above it


def fetch(ask: Ask, source: Source, edition: str, part: Part) -> bytes:
    """The list of regions and one export (`sheet` of the layout, its periods) per batch of them, as one bundle."""
    layout, place = source.layouts[part.layout], place_of(source, edition, part)
    base = access_of(source).address
    listed = body(ask(Request(address=f"{base}{REGIONS}")), "the list of regions", place)
    replies = {"regions.json": listed}
    for number, batch in enumerate(batches(regions(parse_json(listed, place), place)), 1):
        what = "+".join([str(layout.sheet), *(region["friendlyUrl"] for region in batch), span(layout), "tabelle.csv"])
        export = body(ask(Request(address=f"{base}export/{what}?charset=UTF-8")), f"export {number}", place)
        list(records(export, batch, layout, number, place))
        replies[f"{number:04d}.csv"] = export
    return bundle(replies)


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """One row per municipality and year, in the order of the exports."""
    replies = unbundle(content, place)
    there = regions(parse_json(member(replies, "regions.json", place), place), place)
    rows: list[dict[str, str]] = []
    for number, batch in enumerate(batches(there), 1):
        rows += records(member(replies, f"{number:04d}.csv", place), batch, layout, number, place)
    return reading(rows, layout, part, place)


def span(layout: Layout) -> str:
    first, last = min(layout.periods), max(layout.periods)
    return first if first == last else f"{first}-{last}"


def regions(document: Any, place: Place) -> list[dict[str, str]]:
    """Municipalities of the list by key; an association that stands for small ones (`smallRegionReplacement`) is none.

    Raises ReadError for a list that was cut and for an entry without the fields that are needed.
    """
    if not isinstance(document, list) or not document:
        raise place.fail(f"a list of regions is expected, found {str(document)[:80]!r}")
    if len(document) >= MAX_REGIONS:
        raise place.fail(f"less than {MAX_REGIONS} regions are expected, found {len(document)}: the list was cut")
    wanted = ("ags", "friendlyUrl", "name", "title")
    found: dict[str, dict[str, str]] = {}
    for number, entry in enumerate(document, 1):
        if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in wanted):
            raise place.fail(f"region {number}: texts {', '.join(wanted)} are expected, found {str(entry)[:120]!r}")
        if not re.fullmatch(r"\d{8}", entry["ags"]) or not re.fullmatch(r"[a-z0-9-]+", entry["friendlyUrl"]):
            raise place.fail(
                f"region {number}: 8 digits and a name for addresses are expected, found {entry['ags']!r}, "
                f"{entry['friendlyUrl']!r}"
            )
        if entry.get("smallRegionReplacement"):
            continue
        if entry["ags"] in found:
            raise place.fail(f"region {number}: each key is expected once, found {entry['ags']} again")
        found[entry["ags"]] = {key: entry[key] for key in wanted}
    return [found[ags] for ags in sorted(found)]


def batches(there: Sequence[dict[str, str]]) -> list[list[dict[str, str]]]:
    """Regions in groups of at most BATCH, none of which has two of one name or title."""
    groups: list[list[dict[str, str]]] = []
    for region in there:
        names = {region["name"], region["title"]}
        free = (g for g in groups if len(g) < BATCH and not any(names & {r["name"], r["title"]} for r in g))
        group = next(free, None)
        if group is None:
            groups.append([region])
        else:
            group.append(region)
    return groups


def records(
    content: bytes, batch: Sequence[dict[str, str]], layout: Layout, number: int, place: Place
) -> Iterator[dict[str, str]]:
    """ags, name, period and value of every region of the batch and every year of the layout."""
    text = decode(refuse_page(content, "CSV", place), "utf-8-sig", place)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True))
    except csv.Error as error:
        raise place.fail(f"export {number}: CSV with ';' between fields is expected, found {error}") from error
    head = next((at for at, row in enumerate(rows) if row and row[0] == HEAD), None)
    if head is None or head + 1 >= len(rows) or len(rows[head]) != len(rows[head + 1]):
        raise place.fail(
            f"export {number}: a row that begins with {HEAD} and a row of values as long are expected, found "
            f"{[len(row) for row in rows[:6]]} fields in the first rows; was the reply cut?"
        )
    by_name = {name: region for region in batch for name in (region["name"], region["title"])}
    missing = {(region["ags"], year) for region in batch for year in layout.periods}
    for cell, value in zip(rows[head][1:], rows[head + 1][1:], strict=True):
        year, _, name = cell.partition("\n")
        region = by_name.get(name.strip())
        key = (region["ags"] if region else "", year.strip())
        if region is None or key not in missing:
            raise place.fail(
                f"export {number}: each region and year that was asked for, once, is expected, found {cell!r}"
            )
        missing.remove(key)
        yield {"ags": key[0], "name": region["name"], "period": key[1], "value": value}
    if missing:
        gone = " ".join(min(missing))
        raise place.fail(
            f"export {number}: {len(batch) * len(layout.periods)} values are expected, found {len(missing)} fewer "
            f"(first {gone}); was the reply cut?"
        )
