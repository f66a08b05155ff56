"""The list of OParl endpoints (YAML). It states no licence, so nothing but the place named in a title is kept."""

from __future__ import annotations

import re

import pandas as pd
import yaml

from pipeline.catalog import Layout, Part
from pipeline.read import Place, Reading, Rejected, decode

PREFIX = re.compile(r"^(?:[^:]+:\s*)?(?P<kind>(?:Landeshaupt|Hanse)?[Ss]tadt|Gemeinde|Markt|Kreis|Landkreis)\s+")


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """One row per entry: the place's name without "Stadt" or the data centre's name, and what the title calls it."""
    try:
        entries = yaml.load(decode(content, "utf-8", place), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise place.fail(f"YAML is expected, found {error}") from error
    if not isinstance(entries, list) or not entries:
        raise place.fail(f"a list of entries is expected, found {type(entries).__name__}")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or not isinstance(entry.get("title"), str):
            raise place.fail(f"entry {number}: a title is expected, found {str(entry)[:80]!r}")
    rows = []
    for number, entry in enumerate(entries, 1):
        found = PREFIX.match(str(entry["title"]))
        name = PREFIX.sub("", str(entry["title"])).strip()
        rows.append({"row_number": number, "place_name": name, "place_kind": found["kind"] if found else None})
    return Reading(pd.DataFrame(rows), Rejected().frame(), len(rows))
