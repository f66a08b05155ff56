"""FZ 1 of 2021 as the box serves it, a made-up source, and the command line that asks for them."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import samples

from pipeline import catalog, cli
from pipeline.catalog import Source

ADDRESS = "https://www.kba.de/SharedDocs/Downloads/DE/Statistik/Fahrzeuge/FZ1/fz1_2021.xlsx"
GOOD = samples.kba_fz1()
KBA = catalog.load().sources["kba_fz1"]


def with_cells(**cells: object) -> bytes:
    """The good workbook with other cells; `sheet` renames the sheet of data."""
    book = openpyxl.load_workbook(io.BytesIO(GOOD))
    sheet = book["FZ1.2"]
    sheet.title = str(cells.pop("sheet", sheet.title))
    for address, value in cells.items():
        sheet[address] = value
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def cli_code(*arguments: str) -> int:
    """Exit code of the command line."""
    return int(cli.app(list(arguments), standalone_mode=False) or 0)


def source(content: str, address: str = "https://api.example.de/data", **access: Any) -> Source:
    """A source of one edition whose replies are accepted by content alone."""
    declared: dict[str, Any] = KBA.model_dump() | {
        "id": "a_source",
        "layouts": {"list": {"reader": "csv"}},
        "no_access": None,
        "access": {
            "hosts": ["api.example.de"],
            "address": address,
            "content": content,
            "read_on_arrival": False,
            **access,
        },
        "editions": {"2026": {"fills": {"year": 2025}, "parts": [{"file": "a/b", "layout": "list"}]}},
    }
    return Source.model_validate(declared)
