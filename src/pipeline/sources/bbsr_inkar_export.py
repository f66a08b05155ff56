"""INKAR exports are wide: row 1 repeats the indicator's name, row 2 holds the years."""

from __future__ import annotations

from pipeline.catalog import Layout, Part
from pipeline.read import Place, Reading, Row, column_letter, from_grid, open_sheet, text_of


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """One row per unit and year; a year that is declared and not in the file stops the reading."""
    grid: list[Row] = list(enumerate(open_sheet(content, layout.sheet, place), 1))
    if len(grid) < 2:
        raise place.fail(f"rows 1, 2: the indicators' names and the years are expected, found {len(grid)} rows")
    names, years = ([text_of(value) for value in row] for _, row in grid[:2])
    values = {}
    for variable, header in layout.values.items():
        for period in layout.periods:
            hits = [i for i, (n, y) in enumerate(zip(names, years, strict=True)) if (n, y) == (header, period)]
            if len(hits) != 1:
                raise place.fail(f"one column {header!r} of {period} is expected, {len(hits)} found; years {years[3:]}")
            values[f"{variable}@{period}"] = f"{column_letter(hits[0] + 1)}: {header} {period}"
    whole = [column for column in values if column.split("@")[0] in layout.whole]
    reading = from_grid(grid, layout.model_copy(update={"values": values, "whole": whole}), part, place)
    split = reading.rows["variable"].str.split("@", expand=True)
    rows = reading.rows.assign(variable=split[0], period=split[1])
    return Reading(rows, reading.rejected, reading.rows_read)
