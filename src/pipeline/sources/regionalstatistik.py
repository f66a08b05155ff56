"""Tables of the Regionaldatenbank as XLSX: the year stands alone in a separator row above its block."""

from __future__ import annotations

import re

import pandas as pd

from pipeline.catalog import Layout, Part
from pipeline.read import Place, Reading, Rejected, Row, from_grid, open_sheet, text_of


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """The year of the separator row becomes the column `period` of the rows below it."""
    separators = Rejected()
    grid: list[Row] = []
    period: str | None = None
    below = False
    years: set[str] = set()
    units: set[str | None] = set()
    for number, row in enumerate(open_sheet(content, layout.sheet, place), 1):
        cells = [text_of(value) for value in row]
        if number >= layout.first_row and cells[0] and not any(cells[1:]):
            found = re.fullmatch(r"(?:31\.12\.)?(\d{4})", cells[0])
            below = below or cells[0].startswith("___")
            if below:
                separators.add(number, "footer", "text below the data", cells[0])
                continue
            if not found:
                raise place.fail(f"row {number}: a year is expected alone in its row, found {cells[0]!r}")
            if found[1] in years:
                raise place.fail(f"row {number}: each year is expected once, found {found[1]} again")
            period = found[1]
            years.add(period)
            units = set()
            separators.add(number, "separator", "the year of the rows below", None)
        elif number < layout.first_row:
            grid.append((number, cells))
        else:
            if period is None and any(cells):
                raise place.fail(f"row {number}: a year is expected above it, found none")
            if cells[0] is not None and cells[0] in units:
                raise place.fail(
                    f"row {number}: each unit is expected once a year, found {cells[0]!r} twice in {period}; "
                    "is the row with the next year missing?"
                )
            units.add(cells[0])
            grid.append((number, [*cells, period]))
    assert layout.width is not None
    columns = {**layout.columns, "period": str(layout.width + 1)}
    dated = layout.model_copy(update={"columns": columns, "where": {"period": layout.periods}})
    reading = from_grid(grid, dated, part, place)
    rejected = pd.concat([reading.rejected, separators.frame()]).sort_values("row_first", ignore_index=True)
    return Reading(reading.rows, rejected, reading.rows_read + separators.count)
