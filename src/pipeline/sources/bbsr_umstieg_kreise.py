"""Crosswalk of districts: one sheet per year, whose headers name that year."""

from __future__ import annotations

from pipeline.catalog import Layout, Part
from pipeline.read import Place, Reading, from_grid, open_sheet


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """One row per pair of districts, of the sheet of the part's year."""
    year = part.constants["source_date"][:4]
    columns = {name: spec.replace("{year}", year) for name, spec in layout.columns.items()}
    sheet = str(layout.sheet).replace("{year}", year)
    dated = layout.model_copy(update={"columns": columns})
    return from_grid(list(enumerate(open_sheet(content, sheet, place), 1)), dated, part, place)
