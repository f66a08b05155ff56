"""The Unfallatlas: one CSV of accidents per year. Columns come, go and move each year, so they are found by name."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence

from pipeline.catalog import Layout, Part
from pipeline.read import GRIDS, Place, Reading, Row, from_grid


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """The declared columns by their names in any place; UTF-8 where the file says so with its mark, else ISO-8859-1."""
    encoding = "utf-8-sig" if content.startswith(codecs.BOM_UTF8) else "iso-8859-1"
    rows = GRIDS["csv"](content, layout.model_copy(update={"encoding": encoding}), part, place)
    wanted = [text.split(":")[-1].strip() for text in layout.columns.values()]
    _, header = next(rows, (1, ()))
    at = _positions(header, wanted, place)
    columns = {
        name: f"{number}: {text}" for number, (name, text) in enumerate(zip(layout.columns, wanted, strict=True), 1)
    }
    narrow = layout.model_copy(update={"columns": columns})
    found = from_grid(list(_narrowed(rows, at)), narrow, part, place)
    other = found.rows[found.rows["year"] != place.edition]
    if len(other):
        row = other.iloc[0]
        raise place.fail(
            f"row {row['row_number']}, column UJAHR: {place.edition} is expected, found {row['year']} ({len(other)} "
            "such rows); is it another year's file?"
        )
    return found


def _positions(header: Sequence[object], wanted: Sequence[str], place: Place) -> list[int]:
    names = [str(name).strip().casefold() for name in header]
    gone = [text for text in wanted if names.count(text.casefold()) != 1]
    if gone:
        raise place.fail(f"row 1: one column {', '.join(gone)} each is expected, found {', '.join(map(str, header))}")
    return [names.index(text.casefold()) for text in wanted]


def _narrowed(rows: Iterator[Row], at: Sequence[int]) -> Iterator[Row]:
    """Only the declared columns of each row: the others would fill the memory."""
    for number, cells in rows:
        yield number, [cells[index] for index in at] if cells else []
