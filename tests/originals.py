"""The publishers' files read once more, by general readers that know nothing of the project's own."""

from __future__ import annotations

import csv
import datetime as dt
import re
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
from python_calamine import CalamineWorkbook


def row_of(path: Path, sheet: str | int | None, row: int) -> list[str | None]:
    """All cells of a row, which counts from 1, as text; of a file of fixed width the line."""
    kind = path.suffix.lower()
    if kind == ".xlsx":
        return _texts(_xlsx(path, sheet)[row - 1])
    if kind == ".xls":
        return _texts(_xls(path, sheet)[row - 1])
    if kind == ".parquet":
        found = duckdb.connect().execute(f"from read_parquet('{path}') limit 1 offset {row - 1}").fetchall()
        return _texts(found[0])
    if kind == ".csv":
        return list(_csv(path)[row - 1])
    return [path.read_text("latin-1").splitlines()[row - 1]]


def cell_of(path: Path, sheet: str | int | None, row: int, column: str, header: str) -> str | None:
    """The text of one cell: column by letter, number or name; of a file of fixed width by the characters FROM-TO."""
    cells = row_of(path, sheet, row)
    if path.suffix.lower() == ".parquet":
        names = [name for name, *_ in duckdb.connect().execute(f"describe from read_parquet('{path}')").fetchall()]
        return cells[names.index(column)]
    if path.suffix.lower() in (".xlsx", ".xls", ".csv"):
        return cells[int(column) - 1 if column.isdigit() else number(column)]
    first, last = map(int, header.split("-"))
    return str(cells[0])[first:last].strip()


def number(letters: str) -> int:
    return openpyxl.utils.column_index_from_string(letters) - 1


def _texts(cells: Any) -> list[str | None]:
    return [_text(cell) for cell in cells]


def _text(cell: Any) -> str | None:
    if cell is None or cell == "":
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    return str(cell)


@cache
def _xlsx(path: Path, sheet: str | int | None) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    names = {re.sub(r"\s", "", name): name for name in book.sheetnames}
    name = book.sheetnames[sheet] if isinstance(sheet, int) else names[re.sub(r"\s", "", str(sheet))]
    return list(book[name].iter_rows(values_only=True))


@cache
def _xls(path: Path, sheet: str | int | None) -> list[list[Any]]:
    book = CalamineWorkbook.from_path(path)
    name = book.sheet_names[sheet] if isinstance(sheet, int) else str(sheet)
    return book.get_sheet_by_name(name).to_python(skip_empty_area=False)


@cache
def _csv(path: Path) -> list[list[str]]:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    first = text.splitlines()[0]
    return list(csv.reader(text.splitlines(keepends=True), delimiter=max(",;\t", key=first.count)))
