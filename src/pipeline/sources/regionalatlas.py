"""Regionalatlas: a catalogue of tables with their years, and a map server that joins one table to the areas.

Described, not retrieved: the addresses, the reply and its failures are those that public clients wrote down.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pipeline.catalog import Layout, Part, Request, Source
from pipeline.read import Place, Reading
from pipeline.replies import Ask, access_of, body, bundle, dig, member, parse_json, place_of, reading, unbundle

CATALOGUE = "https://regionalatlas.statistikportal.de/taskrunner/services.json"
MUNICIPALITY = 5  # `typ` of the areas; 1 Land, 2 Regierungsbezirk, 3 district


def fetch(ask: Ask, source: Source, edition: str, part: Part) -> bytes:
    """The catalogue and one table of one year (`sheet` and `period` of the layout) as one bundle."""
    layout, place = source.layouts[part.layout], place_of(source, edition, part)
    code, year = _wanted(layout)
    catalogue = body(ask(Request(address=CATALOGUE)), "the catalogue", place)
    table = table_of(parse_json(catalogue, place), code, year, place)
    asked = Request(address=str(access_of(source).address), parameters=query(table, year))
    areas = body(ask(asked), f"table {code} of {year}", place)
    features(parse_json(areas, place), layout, place)
    return bundle({"services.json": catalogue, "areas.json": areas})


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """One row per municipality and measure of the table, with the key as the server writes it (2, 5 or 8 digits)."""
    replies = unbundle(content, place)
    code, year = _wanted(layout)
    table_of(parse_json(member(replies, "services.json", place), place), code, year, place)
    records = features(parse_json(member(replies, "areas.json", place), place), layout, place)
    return reading(records, layout, part, place)


def _wanted(layout: Layout) -> tuple[str, str]:
    return str(layout.sheet), layout.constants["period"]


def table_of(catalogue: Any, code: str, year: str, place: Place) -> str:
    """The table's name on the server. It becomes part of an SQL text there, so only the catalogue's own codes and
    years pass, and of those only what cannot be anything but a name."""
    themes = catalogue if isinstance(catalogue, list) else []
    entries = [e for theme in themes if isinstance(theme, dict) for e in theme.get("children") or []]
    codes = {str(entry["code"]): entry for entry in entries if isinstance(entry, dict) and "code" in entry}
    if code not in codes:
        raise place.fail(f"table {code!r} is expected in the catalogue, found {len(codes)} others")
    years = sorted(dig(codes[code], "years", dict, place))
    if year not in years:
        raise place.fail(f"table {code} of {year} is expected in the catalogue, found {', '.join(years) or 'no year'}")
    if not re.fullmatch(r"[A-Za-z0-9-]+", code) or not re.fullmatch(r"\d{4}", year):
        raise place.fail(f"a code of letters, digits and hyphens and a year are expected, found {code!r}, {year!r}")
    return code.lower().replace("-", "_")


def query(table: str, year: str) -> dict[str, str]:
    """The parameters of the map server for all municipalities; `table` and `year` come from `table_of`."""
    sql = (
        f"SELECT * FROM verwaltungsgrenzen_gesamt LEFT OUTER JOIN {table} ON ags = ags2 and jahr = jahr2 "
        f"WHERE typ = {MUNICIPALITY} AND jahr = {year} AND (jahr2 = {year} OR jahr2 IS NULL)"
    )
    source = {
        "geometryType": "esriGeometryPolygon",
        "workspaceId": "gdb",
        "query": sql,
        "oidFields": "id",
        "spatialReference": {"wkid": 25832},
        "type": "queryTable",
    }
    layer = {"source": {"dataSource": source, "type": "dataLayer"}}
    return {
        "layer": json.dumps(layer, separators=(",", ":")),
        "f": "json",
        "outFields": "*",
        "returnGeometry": "false",
        "where": "1=1",
        "spatialRel": "esriSpatialRelIntersects",
    }


def features(document: Any, layout: Layout, place: Place) -> list[dict[str, Any]]:
    """The attributes of all areas by lower-case name. Refuses an error, a cut reply, another year or level, and a year
    that the catalogue names before the server has it."""
    if isinstance(document, dict) and "error" in document:
        raise place.fail(f"areas are expected, found the server's error {str(document['error'])[:200]}")
    found = dig(document, "features", list, place)
    if document.get("exceededTransferLimit"):
        raise place.fail(f"all areas are expected in one reply, found the first {len(found)}: exceededTransferLimit")
    records = [{k.lower(): v for k, v in dig(feature, "attributes", dict, place).items()} for feature in found]
    code, year = _wanted(layout)
    for number, record in enumerate(records, 1):
        if str(record.get("jahr")) != year or record.get("typ") != MUNICIPALITY:
            raise place.fail(
                f"record {number}: jahr {year} and typ {MUNICIPALITY} are expected, found "
                f"{record.get('jahr')} and {record.get('typ')}"
            )
    if all(record.get(field) is None for record in records for field in layout.values.values()):
        raise place.fail(
            f"values of table {code} are expected for {year}, found none in {len(records)} areas: the catalogue names "
            "the year and the server has not loaded it yet; ask again later"
        )
    return records
