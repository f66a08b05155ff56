"""FZ 1 of 2021 as the box serves it, and the command line that asks for it."""

from __future__ import annotations

import io

import openpyxl
import samples

from pipeline import cli

ADDRESS = "https://www.kba.de/SharedDocs/Downloads/DE/Statistik/Fahrzeuge/FZ1/fz1_2021.xlsx"
GOOD = samples.kba_fz1()


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
