"""Stops of the timetable feed of Germany (GTFS): stops.txt in the zip, read line by line, dated by feed_info.txt."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pandas as pd

from pipeline.catalog import Layout, Part
from pipeline.members import matching, open_zip
from pipeline.read import ZIP_ERRORS, Place, Reading, Rejected

BATCH = 50_000  # rows
STOP_OR_STATION = ("", "0", "1")
OPTIONAL = ("location_type", "parent_station")  # in GTFS; without them every row is a stop


def read_file(path: Path, layout: Layout, part: Part, place: Place) -> Iterator[Reading]:
    """Stops that belong to no station, and stations: row_number, latitude, longitude (text), feed_date."""
    rejected = Rejected()
    with path.open("rb") as file, open_zip(file, place) as packed:
        day = _feed_date(packed, layout, place)
        rows = _rows(packed, r"(?:.*/)?stops\.txt", list(layout.columns.values()), layout, place)
        while batch := list(islice(rows, BATCH)):
            kept = []
            for number, row in batch:
                if row["location_type"] not in STOP_OR_STATION:
                    rejected.tally(number, number, 1, "out_of_scope", "an entrance, node or boarding area of a station")
                elif row["parent_station"]:
                    rejected.tally(number, number, 1, "part_of_station", "a platform of a station that is listed too")
                else:
                    kept.append((number, row["stop_lat"] or None, row["stop_lon"] or None, day))
            columns = ["row_number", "latitude", "longitude", "feed_date"]
            yield Reading(pd.DataFrame(kept, columns=columns), Rejected().frame(), len(batch))
    yield Reading(pd.DataFrame(), rejected.frame(), 0)


def _feed_date(packed: zipfile.ZipFile, layout: Layout, place: Place) -> str:
    """The first day of the feed, YYYY-MM-DD; it lies in the year that the edition is named after."""
    _, row = next(_rows(packed, r"(?:.*/)?feed_info\.txt", ["feed_start_date"], layout, place))
    found = row["feed_start_date"].strip()
    if not re.fullmatch(rf"{place.edition}\d{{4}}", found):
        raise place.fail(f"feed_info.txt: a feed_start_date in {place.edition} is expected, found {found!r}")
    return f"{found[:4]}-{found[4:6]}-{found[6:]}"


def _rows(
    packed: zipfile.ZipFile, pattern: str, columns: list[str], layout: Layout, place: Place
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of one member with their line numbers; columns by name, in any order."""
    (info,) = matching(packed, [pattern], place, at_most=1)
    try:
        with packed.open(info) as member:
            rows = csv.reader(io.TextIOWrapper(member, encoding=layout.encoding, newline=""), strict=True)
            header = [name.strip() for name in next(rows, [])]
            gone = [name for name in columns if name not in header and name not in OPTIONAL]
            if gone:
                raise place.fail(f"{info.filename}: column {', '.join(gone)} is expected, found {', '.join(header)}")
            at = {name: header.index(name) for name in columns if name in header}
            number = 1
            for number, row in enumerate(rows, 2):
                if len(row) != len(header):
                    raise place.fail(
                        f"{info.filename}, row {number}: {len(header)} fields are expected, found {len(row)}"
                    )
                yield number, {**dict.fromkeys(columns, ""), **{name: row[index] for name, index in at.items()}}
            if number == 1:
                raise place.fail(f"{info.filename}: rows are expected below the header, found none")
    except (csv.Error, UnicodeDecodeError, *ZIP_ERRORS) as error:
        raise place.fail(f"{info.filename}: whole CSV in {layout.encoding} is expected, found {error}") from error
