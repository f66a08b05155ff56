"""Publisher bytes to all-text tables, by the layout that the edition declares.

No judgement here: every data row of a file is either in the table or in `rejected` with a rule, and the
numbers stay text. Header texts, column count, dates inside the file and key patterns are compared with the
declaration; a difference stops the reading and says source, edition, file, place, expected and found.
"""

from __future__ import annotations

import csv
import datetime as dt
import importlib
import io
import posixpath
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook

from pipeline.catalog import Layout, Part, Source
from pipeline.errors import ReadError

Row = tuple[int, Sequence[object]]
REJECTED_COLUMNS = ["row_first", "row_last", "rule", "reason", "raw", "rows"]
ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, struct.error,
)  # fmt: skip
ERROR_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*\bt=[\"']e[\"'][^>]*)>(.*?)</(?:\w+:)?c>", re.DOTALL)
CELL_ADDRESS = re.compile(rb"\br=[\"']([A-Z]+)(\d+)[\"']")
CELL_VALUE = re.compile(rb"<(?:\w+:)?v[^>]*>([^<]*)<")
HEADER_WITHIN = 40  # rows in which a header that is found by its text must stand
FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
FORMULA_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*[^>/])>(\s*<(?:\w+:)?f[\s/>].*?)</(?:\w+:)?c>", re.DOTALL)
WIDE_CELL = re.compile(rb'r="([A-Za-z]{2,})\d')  # a literal beginning makes the search three times as fast
LONG_ROW = re.compile(rb'r="[A-Za-z]*(\d{6,})"')
ANY_ROW = re.compile(rb'row\b[^>]*?\br="(\d+)"')
ODD_ADDRESS = re.compile(rb"\br(?:\s+=|=\s|=')")
BAD_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]|[ÃÂ][\x80-\xbf]")
MAX_UNPACKED = 1_000_000_000  # bytes; the largest workbook that is declared unpacks to 26 MB
MAX_ROWS, MAX_COLUMNS = 250_000, 1_000  # of a sheet; the largest that is declared has 16,300 rows and 54 columns
MAX_CELLS = 30_000_000  # of the rectangle around all cells of a sheet, which is what its reader allocates
MAX_RATIO, RATIO_FROM = 200, 100_000_000  # unpacked by packed, looked at above so many unpacked bytes


class Formula(str):
    """A formula of a spreadsheet without its result: no text, and no empty cell either."""


@dataclass(frozen=True)
class Reading:
    """One part of an edition: `rows` all text plus row_number (1-based, as the file counts); `rejected` holds
    runs of rows that were not used; rows_read = distinct row numbers in rows + rows counted in rejected.

    A row that sums many rows of the file says how many in `rows_summed`, and its row_number is the first of them."""

    rows: pd.DataFrame
    rejected: pd.DataFrame
    rows_read: int


@dataclass(frozen=True)
class Place:
    """Where we are, for messages."""

    source: str
    edition: str
    file: str
    part: str

    def fail(self, what: str) -> ReadError:
        return ReadError(f"{self.source}, edition {self.edition}, {self.file} ({self.part}): {what}")


def read_part(source: Source, edition: str, part: Part, content: bytes) -> Reading:
    """Read one part of one edition from the bytes in the archive."""
    layout = source.layouts[part.layout]
    place = Place(source.id, edition, Path(part.file).name, part.name or part.layout)
    if part.member is not None and content.startswith(b"PK"):  # as the publisher packs it; found copies are unpacked
        content = zip_member(content, part.member, place)
    if layout.reader == "custom":
        module = importlib.import_module(f"pipeline.sources.{source.id}")
        read: Callable[[bytes, Layout, Part, Place], Reading] = module.read
        return read(content, layout, part, place)
    if layout.reader == "parquet":
        return _read_parquet(content, layout, part, place)
    grid = list(_checked(GRIDS[layout.reader](content, layout, part, place), layout, part, place))
    return from_grid(grid, layout, part, place)


def read_batches(source: Source, edition: str, part: Part, path: Path) -> Iterator[Reading]:
    """Read one part that does not fit into memory from its file in the archive, some rows at a time.

    The source's module has `read_file(path, layout, part, place)`. A problem at the end of the file is raised after
    the first rows were given, so whoever takes them must be able to drop them.
    """
    layout = source.layouts[part.layout]
    place = Place(source.id, edition, Path(part.file).name, part.name or part.layout)
    module = importlib.import_module(f"pipeline.sources.{source.id}")
    read_file: Callable[[Path, Layout, Part, Place], Iterator[Reading]] = module.read_file
    yield from read_file(path, layout, part, place)


def zip_member(content: bytes, pattern: str, place: Place) -> bytes:
    """The one member of a zip whose name matches as a whole, in any case."""
    _check_size(content, place)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            names = packed.namelist()
            found = [name for name in names if re.fullmatch(pattern, name, re.IGNORECASE)]
            if len(found) != 1:
                raise place.fail(f"one member {pattern!r} is expected in the zip, found {', '.join(names[:20])}")
            return packed.read(found[0])
    except ZIP_ERRORS as error:
        raise place.fail(f"a whole zip is expected, found {len(content)} bytes ({error}); fetch it again") from error


def from_grid(grid: list[Row], layout: Layout, part: Part, place: Place) -> Reading:
    """Rows (with their numbers in the file) to the declared columns, as text; other columns are never converted."""
    layout = _located(grid, layout, place)
    wanted = {**layout.columns, **layout.values}
    at = {name: _position(spec, place) for name, spec in wanted.items()}
    check_header(grid, layout, place)
    rows, numbers, rejected = _data_rows(grid, layout, at, place)
    columns = {name: _column(rows, index) for name, index in at.items()}
    frame = pd.DataFrame(columns, dtype="str")
    frame.insert(0, "row_number", pd.Series(numbers, dtype="int64"))
    if frame.empty:
        raise place.fail(f"row {layout.first_row} and below: data is expected, found none")
    frame[layout.fill_down] = frame[layout.fill_down].ffill()
    _check_formulas(columns, numbers, wanted, place)
    _check_text(frame, layout, place)
    check_patterns(frame, layout, place)
    check_whole(frame, layout, place)
    frame = _with_constants(frame, layout, part)
    rows_read = len(frame) + rejected.count
    return Reading(_to_cells(frame, layout), rejected.frame(), rows_read)


def _located(grid: list[Row], layout: Layout, place: Place) -> Layout:
    """The layout with rows as numbers and columns as letters where it names them by their text."""
    if layout.header_has is not None:
        texts = {number: [plain(text_of(cell)) for cell in cells] for number, cells in grid[:HEADER_WITHIN]}
        found = next((number for number, cells in texts.items() if layout.header_has in cells), None)
        if found is None:
            expected = f"a header with {layout.header_has!r} is expected"
            raise place.fail(f"rows 1 to {HEADER_WITHIN}: {expected}, found none{_header_advice()}")
        rows = {"header_rows": [found + row for row in layout.header_rows], "first_row": found + layout.first_row}
        layout = layout.model_copy(update=rows)
    by_text = [name for name, spec in {**layout.columns, **layout.values}.items() if spec.startswith("*:")]
    if not by_text:
        return layout
    head = dict(grid[: max(layout.header_rows)])
    lines = [[plain(text_of(cell)) for cell in head.get(number, [])] for number in layout.header_rows]
    spread = [list(accumulate(line, _own_or_left)) for line in lines[:-1]]  # over merged cells
    titles = [{" ".join(filter(None, texts)), texts[-1]} for texts in zip_longest(*spread, lines[-1], fillvalue="")]
    return layout.model_copy(
        update={
            key: {name: _lettered(name, spec, titles, layout, place) for name, spec in columns.items()}
            for key, columns in (("columns", layout.columns), ("values", layout.values))
        }
    )


def _own_or_left(left: str, own: str) -> str:
    return own or left


def _lettered(name: str, spec: str, titles: Sequence[set[str]], layout: Layout, place: Place) -> str:
    """`"*: one wording | another"` to the letter of the one column whose titles have one of the wordings: its text in
    the lowest header row, or the texts of all, each standing for the empty cells to its right too."""
    if not spec.startswith("*:"):
        return spec
    wordings = [plain(wording) for wording in spec.removeprefix("*:").split(" | ")]
    found = [number for number, title in enumerate(titles, 1) if not title.isdisjoint(wordings)]
    if len(found) != 1:
        row = ", ".join(map(str, layout.header_rows))
        there = [longest for title in titles if (longest := max(title, key=len))]
        raise place.fail(
            f"row {row}: one column {' or '.join(map(repr, wordings))} ({name}) is expected, found {len(found)}. "
            f"Header found: {there}{_header_advice()}"
        )
    return f"{column_letter(found[0])}:"


def _data_rows(
    grid: list[Row], layout: Layout, at: Mapping[str, int], place: Place
) -> tuple[list[Sequence[object]], list[int], Rejected]:
    """Rows below the header that are not empty, their numbers, and the rows that are not used."""
    rows: list[Sequence[object]] = []
    numbers: list[int] = []
    rejected = Rejected()
    stopped = False
    for number, cells in grid:
        if number < layout.first_row or (not any(cells) and all(text_of(cell) is None for cell in cells)):
            continue
        stopped = stopped or _is_footer(cells, layout, at)
        if stopped:
            rejected.add(number, "footer", "text below the data", _joined(cells))
            continue
        outside = _outside(number, cells, layout, at, place) if layout.where else None
        if outside:
            rejected.add(number, "out_of_scope", outside, None)
            continue
        rows.append(cells)
        numbers.append(number)
    return rows, numbers, rejected


def _column(rows: Sequence[Sequence[object]], index: int) -> list[str | None]:
    """One column as text; most cells are text already."""
    values = [row[index] if index < len(row) else None for row in rows]
    return [(value or None) if type(value) is str else text_of(value) for value in values]


class Rejected:
    """Runs of consecutive rows that were not used for the same reason; raw content only where given."""

    def __init__(self) -> None:
        self.runs: list[list[object]] = []
        self.tallies: dict[tuple[str, str], list[int]] = {}
        self.count = 0

    def add(self, number: int, rule: str, reason: str, raw: str | None) -> None:
        self.count += 1
        last = self.runs[-1] if self.runs else None
        if last and raw is None and last[4] is None and last[1] == number - 1 and last[2:4] == [rule, reason]:
            last[1] = number
        else:
            self.runs.append([number, number, rule, reason, raw])

    def add_all(self, numbers: pd.Series, rule: str, reason: str) -> None:
        """Many rows of one reason, in the order of the file."""
        if numbers.empty:
            return
        starts = (numbers.diff() != 1).cumsum()
        runs = numbers.groupby(starts).agg(["min", "max"])
        self.runs += [[int(first), int(last), rule, reason, None] for first, last in runs.to_numpy()]
        self.count += len(numbers)

    def tally(self, first: int, last: int, rows: int, rule: str, reason: str) -> None:
        """So many rows of one reason, scattered from `first` to `last`: of a file too long to keep every run."""
        found = self.tallies.setdefault((rule, reason), [first, last, 0])
        found[:] = [min(found[0], first), max(found[1], last), found[2] + rows]
        self.count += rows

    def frame(self) -> pd.DataFrame:
        rows = [[*run, int(str(run[1])) - int(str(run[0])) + 1] for run in self.runs]
        for (rule, reason), (first, last, count) in self.tallies.items():
            rows.append([first, last, rule, f"{reason} ({count:,} rows between the first and the last)", None, count])
        return pd.DataFrame(rows, columns=REJECTED_COLUMNS)


def _position(spec: str, place: Place) -> int:
    """`"C: Land"` or `"3: Land"` to the 0-based column; the text after the colon is the expected header."""
    mark = spec.split(":", 1)[0].strip()
    if mark.isdigit():
        return int(mark) - 1
    if not re.fullmatch(r"[A-Z]{1,3}", mark):
        raise place.fail(f"layout: {spec!r} does not begin with a column letter or number")
    index = 0
    for letter in mark:
        index = index * 26 + ord(letter) - 64
    return index - 1


def column_letter(number: int) -> str:
    """1 is A, 27 is AA."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def plain(text: str | None) -> str:
    """Header text without line breaks, hyphenation, footnote marks and repeated blanks."""
    text = re.sub(r"-\s*(?=[a-zäöü])", "", text or "")
    text = re.sub(r"\s*\d\)", "", text)
    return re.sub(r"\s+", " ", text).strip()


def check_header(grid: Sequence[Row], layout: Layout, place: Place) -> None:
    """Number and texts of the columns in the header rows are those that the layout declares."""
    if not layout.header_rows:
        return
    wanted = {**layout.columns, **layout.values}
    at = {name: _position(spec, place) for name, spec in wanted.items()}
    head = dict(grid[: max(layout.header_rows) + 5])
    lines = [head.get(number, []) for number in layout.header_rows]
    width = max((len(line) for line in lines), default=0)
    if layout.width is not None and width != layout.width:
        row = ", ".join(map(str, layout.header_rows))
        raise place.fail(f"row {row}: {layout.width} columns are expected, found {width}. {_header_help(lines)}")
    wrong = []
    for name, spec in wanted.items():
        expected = plain(spec.split(":", 1)[1]) if ":" in spec else ""
        found = plain(" ".join(cell for line in lines if (cell := _cell(line, at[name]))))
        if expected and expected != found:
            wrong.append(f"column {spec.split(':')[0]} ({name}): expected {expected!r}, found {found!r}")
    if wrong:
        row = ", ".join(map(str, layout.header_rows))
        raise place.fail(f"row {row}: the header differs: " + "; ".join(wrong) + _header_advice())


def _header_help(lines: Sequence[Sequence[object]]) -> str:
    texts = [plain(text_of(cell)) for line in lines for cell in line if text_of(cell)]
    return f"Header found: {texts[:12]}{_header_advice()}"


def _header_advice() -> str:
    return ". If the publisher changed the layout, declare a new layout for this edition in the source's file"


def _is_footer(cells: Sequence[object], layout: Layout, at: Mapping[str, int]) -> bool:
    if layout.stop_at is None:
        return False
    column, pattern = layout.stop_at.split("~", 1)
    return not re.fullmatch(pattern.strip(), (_cell(cells, at[column.strip()]) or "").strip())


def _outside(number: int, cells: Sequence[object], layout: Layout, at: Mapping[str, int], place: Place) -> str | None:
    """Why a row is out of scope. What may be left out is declared too: a code nobody knows is no row to pass over."""
    for column, allowed in layout.where.items():
        text = (_cell(cells, at[column]) or "").strip()
        if text in allowed:
            continue
        known = layout.outside.get(column)
        if known is not None and not re.fullmatch(known, text):
            raise place.fail(
                f"row {number}, column {column}: one of {', '.join(allowed)}, or what may be left out ({known!r}), is "
                f"expected, found {text!r}; a new code must be declared under `where` or `outside`"
            )
        return f"{column} is not one of {', '.join(allowed)}"
    return None


def _check_formulas(
    columns: Mapping[str, Sequence[str | None]], numbers: Sequence[int], wanted: Mapping[str, str], place: Place
) -> None:
    """A formula that was saved without its result would pass for an empty cell."""
    for name, values in columns.items():
        for number, value in zip(numbers, values, strict=True):
            if type(value) is Formula:
                raise place.fail(
                    f"row {number}, column {wanted[name].split(':')[0]} ({name}): a value is expected, found the "
                    f"formula {value!r} without its result; open the file in a spreadsheet and save it"
                )


def _check_text(frame: pd.DataFrame, layout: Layout, place: Place) -> None:
    """Control characters and UTF-8 that was read as something else ("KÃ¶ln") are signs of a wrong encoding."""
    for column in layout.columns:
        texts = frame[column].dropna()
        if BAD_TEXT.search("\n".join(texts)):
            bad = texts[texts.str.contains(BAD_TEXT)]
            row = int(frame.loc[bad.index[0], "row_number"])
            raise place.fail(
                f"row {row}, column {column}: readable text is expected, found {bad.iloc[0]!r} ({len(bad)} rows); "
                "has the encoding changed?"
            )


def check_whole(frame: pd.DataFrame, layout: Layout, place: Place) -> None:
    """Counts are whole and not negative: "5.033" for 5,033 cars is a dot between thousands, not five cars."""
    for column in layout.whole:
        given = frame[column].dropna().str.strip()
        bad = given[given.str.contains(r"\d") & ~given.str.fullmatch(r"\d[\d ]*(\.0)?")]
        if len(bad):
            row = int(frame.loc[bad.index[0], "row_number"])
            where = layout.values.get(column) or layout.columns.get(column) or column
            raise place.fail(
                f"row {row}, column {where.split(':')[0].strip()} ({column}): a whole number is expected, found "
                f"{bad.iloc[0]!r} ({len(bad)} rows differ); are there signs between the thousands?"
            )


def check_patterns(frame: pd.DataFrame, layout: Layout, place: Place) -> None:
    """Keys must look like keys: a number where text with leading zeros belongs has lost its zero."""
    for column, pattern in layout.patterns.items():
        given = frame[column].dropna()
        bad = given[~given.str.strip().str.fullmatch(pattern)]
        if len(bad):
            row = int(frame.loc[bad.index[0], "row_number"])
            raise place.fail(
                f"row {row}, column {column}: {pattern!r} is expected, found {bad.iloc[0]!r} "
                f"({len(bad)} rows differ). Keys are text with leading zeros; was the file saved by a spreadsheet?"
            )


def _with_constants(frame: pd.DataFrame, layout: Layout, part: Part) -> pd.DataFrame:
    return frame.assign(**{**layout.constants, **part.constants})


def _to_cells(frame: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Measure columns become one row per cell: variable, source_column, raw."""
    if not layout.values:
        return frame
    keys = [column for column in frame.columns if column not in layout.values]
    cells = frame.melt(id_vars=keys, value_vars=list(layout.values), var_name="variable", value_name="raw")
    cells["source_column"] = cells["variable"].map({n: spec.split(":")[0] for n, spec in layout.values.items()})
    return cells


def _cell(cells: Sequence[object], index: int) -> str | None:
    return text_of(cells[index]) if index < len(cells) else None


def _joined(cells: Sequence[object]) -> str:
    return " | ".join(text for cell in cells if (text := text_of(cell)))[:500]


def text_of(value: object) -> str | None:
    """A cell's value as text, without inventing or losing a digit; empty is None."""
    if isinstance(value, str):
        return value or None
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ") if value.time() != dt.time() else value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)


def _read_excel(content: bytes, layout: Layout, part: Part, place: Place) -> Iterator[Row]:
    yield from enumerate(open_sheet(content, layout.sheet, place), 1)


def _checked(rows: Iterator[Row], layout: Layout, part: Part, place: Place) -> Iterator[Row]:
    """The rows, after a look at the cells that must hold a text: title, date, edition."""
    cells = {**layout.cells, **part.cells}
    for number, row in rows:
        for address, expected in list(cells.items()):
            letters, line = re.fullmatch(r"([A-Z]+)(\d+)", address).groups()  # type: ignore[union-attr]
            if int(line) == number:
                found = _cell(row, _position(f"{letters}:", place)) or ""
                if expected not in found:
                    raise place.fail(f"cell {address}: expected to hold {expected!r}, found {found!r}")
                del cells[address]
        yield number, row
    if cells:
        raise place.fail(f"cell {', '.join(cells)} is expected, found the end of the file")


def open_sheet(content: bytes, sheet: str | int | None, place: Place) -> Sequence[Sequence[object]]:
    """Rows of one sheet of an xlsx or xls file, by name or 0-based position."""
    head = content[:512].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if head.startswith((b"<!doctype", b"<html")):
        raise place.fail("a workbook is expected, found an HTML page: the publisher probably answered with an error")
    _check_size(content, place)
    marked = _marked_cells(content, sheet, place)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        name = _sheet_name(book.sheet_names, sheet, place)
        rows: Sequence[Sequence[object]] = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except (CalamineError, OSError, EOFError, ValueError, KeyError) as error:
        raise _damaged_workbook(content, error, place) from error
    except BaseException as error:  # calamine can panic on a damaged file, and a panic is no Exception
        if type(error).__name__ == "PanicException":
            raise _damaged_workbook(content, error, place) from error
        raise
    return _with_errors(rows, marked, place) if marked else rows


def _sheet_name(names: Sequence[str], sheet: str | int | None, place: Place) -> str:
    """A sheet by position or by name, in which blanks come and go ("FZ3.1", "FZ 3.1")."""
    name = names[sheet] if isinstance(sheet, int) and sheet < len(names) else sheet
    if name in names:
        return str(name)
    alike = [n for n in names if n.replace(" ", "") == str(name).replace(" ", "")]
    if len(alike) != 1:
        raise place.fail(f"sheet {sheet!r} is expected, found {list(names)}")
    return alike[0]


def _with_errors(
    rows: Sequence[Sequence[object]], errors: Sequence[tuple[int, int, str]], place: Place
) -> Sequence[Sequence[object]]:
    filled = [list(row) for row in rows]
    for row, column, text in errors:
        if row >= len(filled) or column >= len(filled[row]):
            raise place.fail(f"cell {column_letter(column + 1)}{row + 1} is expected inside the sheet, found outside")
        filled[row][column] = text
    return filled


def _marked_cells(content: bytes, sheet: str | int | None, place: Place) -> list[tuple[int, int, str]]:
    """Cells of an xlsx sheet, from 0, that calamine gives as empty and that are not: an error of the spreadsheet (such
    as #VALUE!) with its text, a formula without its result as `Formula`. An empty cell would pass for "not collected".

    Looks at the sheet before it is opened, so that a cell in row 1,048,576 is refused and not allocated. (Of an old
    .xls errors stay empty: nothing here can read its records.)
    """
    if not content.startswith(b"PK"):
        return []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            text = packed.read(_sheet_member(packed, sheet, place))
    except (*ZIP_ERRORS, ElementTree.ParseError, KeyError) as error:
        raise _damaged_workbook(content, error, place) from error
    _check_extent(text, place)
    return [*_error_cells(text, place), *_formula_cells(text, place)]


def _check_extent(text: bytes, place: Place) -> None:
    """The rectangle around all cells is what the reader allocates, be they two."""
    if ODD_ADDRESS.search(text):  # XML allows blanks and the other quotes; no spreadsheet writes them
        text = re.sub(rb"\br\s*=\s*[\"']([A-Za-z0-9]*)[\"']", rb'r="\1"', text)
    columns = max((_position(f"{mark.decode().upper()}:", place) + 1 for mark in _short_marks(text)), default=26)
    rows = max(map(int, LONG_ROW.findall(text)), default=99_999)
    if rows <= MAX_ROWS and rows * columns > MAX_CELLS:
        rows = max(map(int, ANY_ROW.findall(text)), default=rows)
    if rows > MAX_ROWS or columns > MAX_COLUMNS or rows * columns > MAX_CELLS:
        raise place.fail(
            f"a sheet of at most {MAX_ROWS:,} rows, {MAX_COLUMNS:,} columns and {MAX_CELLS:,} cells is expected, "
            f"found up to {rows:,} rows and column {column_letter(columns)}; is it the right file?"
        )


def _short_marks(text: bytes) -> set[bytes]:
    """Column marks of two letters and more; one too long for a column counts as the last there is."""
    return {mark if len(mark) <= 3 else b"ZZZ" for mark in WIDE_CELL.findall(text)}


def _error_cells(text: bytes, place: Place) -> Iterator[tuple[int, int, str]]:
    for cell in ERROR_CELL.finditer(text) if b't="e"' in text or b"t='e'" in text else ():
        value = CELL_VALUE.search(cell[2])
        yield *_address(cell, place), value[1].decode() if value else "#ERROR!"


def _formula_cells(text: bytes, place: Place) -> Iterator[tuple[int, int, str]]:
    for cell in FORMULA_CELL.finditer(text) if FORMULA.search(text) else ():
        is_empty_text = re.search(rb"\bt=[\"']str[\"']", cell[1]) and b"<v" in cell[2]  # =IF(..., "") has a result
        if not is_empty_text and not re.search(rb"<(?:\w+:)?(?:v\b[^>]*>[^<]|is\b)", cell[2]):
            formula = re.search(rb"<(?:\w+:)?f\b[^>]*>([^<]*)<", cell[2])
            yield *_address(cell, place), Formula("=" + (formula[1].decode("utf-8", "replace") if formula else ""))


def _address(cell: re.Match[bytes], place: Place) -> tuple[int, int]:
    """Row and column of a cell, from 0."""
    found = CELL_ADDRESS.search(cell[1])
    if found is None:
        raise place.fail(f"an address is expected in every cell of the sheet, found {cell[0][:80]!r}")
    return int(found[2]) - 1, _position(f"{found[1].decode()}:", place)


def _sheet_member(packed: zipfile.ZipFile, sheet: str | int | None, place: Place) -> str:
    """The member of the zip that holds a sheet, by name or 0-based position; raises KeyError for a broken link."""
    if "xl/workbook.xml" not in packed.namelist():
        raise place.fail(f"a workbook of Excel (.xlsx) is expected, found a zip of {packed.namelist()[:5]}")
    links = {link.attrib["Id"]: link.attrib["Target"] for link in _xml(packed, "xl/_rels/workbook.xml.rels", place)}
    ids = {
        element.attrib["name"]: value
        for element in _xml(packed, "xl/workbook.xml", place).iter()
        for key, value in element.attrib.items()
        if "name" in element.attrib and key.endswith("}id")
    }
    name = _sheet_name(list(ids), sheet, place)
    return posixpath.normpath(posixpath.join("/xl", links[ids[name]])).lstrip("/")


def _xml(packed: zipfile.ZipFile, member: str, place: Place) -> ElementTree.Element:
    """A small XML member; a workbook defines no entities, which could unpack to more than memory holds."""
    text = packed.read(member)
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise place.fail(f"a workbook without XML entities is expected, found them in {member}")
    return ElementTree.fromstring(text)


def _damaged_workbook(content: bytes, error: BaseException, place: Place) -> ReadError:
    return place.fail(f"a whole workbook is expected, found {len(content)} bytes ({error}); fetch it again")


def _check_size(content: bytes, place: Place) -> None:
    """A workbook in a zip must not unpack to more than memory holds; old .xls files are no zips and do not unpack."""
    if not content.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            members = packed.infolist()
    except ZIP_ERRORS as error:
        raise _damaged_workbook(content, error, place) from error
    size, ratio = (
        sum(m.file_size for m in members),
        max((m.file_size / max(m.compress_size, 1) for m in members), default=0),
    )
    if size > MAX_UNPACKED:
        raise place.fail(f"at most {MAX_UNPACKED:,} unpacked bytes are expected, found {size:,}; is it the right file?")
    if size > RATIO_FROM and ratio > MAX_RATIO:
        raise place.fail(
            f"at most {MAX_RATIO} times its size unpacked is expected, found {size:,} bytes, {ratio:.0f} times"
        )


def decode(content: bytes, encoding: str, place: Place) -> str:
    """Text of a file without NUL; another encoding or a binary file stops the reading."""
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        found = content[error.start : error.start + 1].hex()
        raise place.fail(
            f"row {row}: {encoding} is expected, found byte 0x{found} at {error.start}; "
            "has the publisher changed the encoding?"
        ) from error
    if "\0" in text:
        row = text.count("\n", 0, text.index("\0")) + 1
        raise place.fail(f"row {row}: text is expected, found a NUL byte; the file is damaged or binary")
    return text


def _read_csv(content: bytes, layout: Layout, part: Part, place: Place) -> Iterator[Row]:
    text = decode(content, layout.encoding, place)
    if text.lstrip()[:15].lower().startswith(("<!doctype", "<html")):
        raise place.fail("a CSV file is expected, found an HTML page: the publisher probably answered with an error")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=layout.delimiter, strict=True)
    width: int | None = None
    try:
        above = layout.header_has is not None  # lines above the header have fields of their own
        for number, cells in enumerate(reader, 1):
            above = above and layout.header_has not in cells
            width = None if above else width or len(cells)
            if cells and width not in (None, len(cells)):
                raise place.fail(f"row {number}: {width} fields are expected as in the rows above, found {len(cells)}")
            yield number, cells
    except csv.Error as error:
        raise place.fail(
            f"row {reader.line_num}: CSV with {layout.delimiter!r} between fields is expected, found {error}"
        ) from error


def _read_fixed_width(content: bytes, layout: Layout, part: Part, place: Place) -> Iterator[Row]:
    """Fields by character positions `FROM-TO` (0-based, end exclusive): decode first, then slice."""
    lines = decode(content, layout.encoding, place).splitlines()
    slices = [spec.split(":", 1)[1].strip().split("-") for spec in layout.columns.values()]
    at = [(int(start), int(end)) for start, end in slices]
    for number, line in enumerate(lines, 1):
        if line == "":
            continue
        if layout.line_length is not None and len(line) != layout.line_length:
            raise place.fail(f"row {number}: {layout.line_length} characters are expected, found {len(line)}")
        yield number, [line[start:end].strip() for start, end in at]


def _read_parquet(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """Columns by name; every measure becomes one row per cell. Row numbers count the file's rows."""
    frame, outside = _parquet_frame(content, layout, place)
    rows_read = len(frame) + len(outside)
    rejected = Rejected()
    for reason, numbers in outside.groupby("out_of_scope")["row_number"]:
        rejected.add_all(numbers, "out_of_scope", str(reason))
    if frame.empty:
        raise place.fail("rows in scope are expected, found none")
    _check_text(frame, layout, place)
    check_patterns(frame, layout, place)
    check_whole(frame, layout, place)
    cells = _to_cells(_with_constants(frame, layout, part), layout)
    if layout.values:  # an empty cell of a wide file that holds many indicators and years says nothing
        cells = cells[cells["raw"].notna()]
        empty = frame.loc[~frame["row_number"].isin(cells["row_number"]), "row_number"]
        rejected.add_all(empty, "no_values", "none of the declared columns has a value")
    return Reading(cells, rejected.frame(), rows_read)


def _parquet_queries(layout: Layout, wanted: Mapping[str, str]) -> tuple[str, str, dict[str, object]]:
    """SQL for the rows in scope (declared columns as text) and for the others (with the reason); their parameters."""
    texts = {name: f"nullif(cast(\"{column}\" as varchar), 'nan')" for name, column in wanted.items()}
    whens: list[str] = []
    values: dict[str, object] = {}
    for number, (column, allowed) in enumerate(layout.where.items()):
        reason = f"{column} is not one of {allowed[0]} .. {allowed[-1]} ({len(allowed)} values)"
        whens.append(f"when coalesce({texts[column]} not in $allowed{number}, true) then $reason{number}")
        values |= {f"allowed{number}": allowed, f"reason{number}": reason}
    reason = f"case {' '.join(whens)} end" if whens else "null::varchar"
    file = f"(select *, file_row_number + 1 as row_number, {reason} as out_of_scope"
    file += " from read_parquet($path, file_row_number = true))"
    columns = ", ".join(f'{text} as "{name}"' for name, text in texts.items())
    inside = f"select row_number, {columns} from {file} where out_of_scope is null order by row_number"
    outside = f"select row_number, out_of_scope from {file} where out_of_scope is not null order by row_number"
    return inside, outside, values


def _parquet_frame(content: bytes, layout: Layout, place: Place) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows in scope with the declared columns as text; row_number and out_of_scope (why) of the others."""
    wanted = {name: spec.split(":", 1)[-1].strip() for name, spec in {**layout.columns, **layout.values}.items()}
    # DuckDB reads files, not bytes: a private copy for the time of the reading
    with duckdb.connect() as connection, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "content.parquet"
        try:
            path.write_bytes(content)
            rows = connection.execute("describe from read_parquet(?)", [str(path)]).fetchall()
            there = {name: kind for name, kind, *_ in rows}
            gone = sorted(set(wanted.values()) - set(there))
            if gone:
                raise place.fail(f"column {', '.join(gone)} is expected, found {', '.join(there)}")
            for name in (wanted[value] for value in layout.values):
                if there[name] in ("VARCHAR", "BLOB"):  # text would hide dots between thousands among decimal points
                    raise place.fail(f"column {name}: a column of numbers is expected, found {there[name]}")
            inside, outside, values = _parquet_queries(layout, wanted)
            values["path"] = str(path)
            return connection.execute(inside, values).df(), connection.execute(outside, values).df()
        except (duckdb.Error, UnicodeDecodeError) as error:
            found = str(error).splitlines()[0].replace(str(path), "the file")
            raise place.fail(f"a whole Parquet file is expected, found {len(content)} bytes: {found}") from error
        except OSError as error:
            raise place.fail(
                f"no room for a temporary copy: {error.strerror}; set TMPDIR to a folder with room"
            ) from error


GRIDS: dict[str, Callable[[bytes, Layout, Part, Place], Iterator[Row]]] = {
    "excel": _read_excel,
    "csv": _read_csv,
    "fixed_width": _read_fixed_width,
}
