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
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook

from pipeline.catalog import Layout, Part, Source
from pipeline.errors import ReadError

Row = tuple[int, list[str | None]]
REJECTED_COLUMNS = ["row_first", "row_last", "rule", "reason", "raw"]


@dataclass(frozen=True)
class Reading:
    """One part of an edition: `rows` all text plus row_number (1-based, as the file counts); `rejected` holds
    runs of rows that were not used; rows_read = distinct row numbers in rows + rows counted in rejected."""

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
    if layout.reader == "custom":
        module = importlib.import_module(f"pipeline.sources.{source.id}")
        read: Callable[[bytes, Layout, Part, Place], Reading] = module.read
        return read(content, layout, part, place)
    if layout.reader == "parquet":
        return _read_parquet(content, layout, part, place)
    grid = list(GRIDS[layout.reader](content, layout, part, place))
    return from_grid(grid, layout, part, place)


def from_grid(grid: list[Row], layout: Layout, part: Part, place: Place) -> Reading:
    """All-text rows (with their numbers in the file) to the declared columns."""
    wanted = {**layout.columns, **layout.values}
    at = {name: _position(spec, place) for name, spec in wanted.items()}
    _check_header(grid, layout, wanted, at, place)
    names = list(wanted)
    rows: list[list[str | None]] = []
    numbers: list[int] = []
    rejected = Rejected()
    stopped = False
    for number, cells in grid:
        if number < layout.first_row:
            continue
        if all(cell is None for cell in cells):
            continue
        stopped = stopped or _is_footer(cells, layout, at)
        if stopped:
            rejected.add(number, "footer", "text below the data", _joined(cells))
            continue
        picked = [_cell(cells, at[name]) for name in names]
        outside = _outside(dict(zip(names, picked, strict=True)), layout)
        if outside:
            rejected.add(number, "out_of_scope", outside, None)
            continue
        rows.append(picked)
        numbers.append(number)
    frame = pd.DataFrame(rows, columns=names, dtype="str")
    frame.insert(0, "row_number", pd.Series(numbers, dtype="int64"))
    if frame.empty:
        raise place.fail("no data rows below the header; expected at least one")
    _check_patterns(frame, layout, place)
    frame = _with_constants(frame, layout, part)
    rows_read = len(frame) + rejected.count
    return Reading(_to_cells(frame, layout), rejected.frame(), rows_read)


class Rejected:
    """Runs of consecutive rows that were not used for the same reason; raw content only where given."""

    def __init__(self) -> None:
        self.runs: list[list[object]] = []
        self.count = 0

    def add(self, number: int, rule: str, reason: str, raw: str | None) -> None:
        self.count += 1
        last = self.runs[-1] if self.runs else None
        if last and raw is None and last[4] is None and last[1] == number - 1 and last[2:4] == [rule, reason]:
            last[1] = number
        else:
            self.runs.append([number, number, rule, reason, raw])

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(self.runs, columns=REJECTED_COLUMNS)


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


def _check_header(
    grid: list[Row], layout: Layout, wanted: Mapping[str, str], at: Mapping[str, int], place: Place
) -> None:
    if not layout.header_rows:
        return
    head = {number: cells for number, cells in grid[: max(layout.header_rows) + 5]}
    lines = [head.get(number, []) for number in layout.header_rows]
    width = max((len(line) for line in lines), default=0)
    if layout.width is not None and width != layout.width:
        raise place.fail(f"{layout.width} columns are declared, {width} found. {_header_help(lines, place)}")
    wrong = []
    for name, spec in wanted.items():
        expected = plain(spec.split(":", 1)[1]) if ":" in spec else ""
        found = plain(" ".join(cell for line in lines if (cell := _cell(line, at[name]))))
        if expected and expected != found:
            wrong.append(f"column {spec.split(':')[0]} ({name}): expected {expected!r}, found {found!r}")
    if wrong:
        raise place.fail(f"row {layout.header_rows}: the header differs: " + "; ".join(wrong) + _header_advice())


def _header_help(lines: list[list[str | None]], place: Place) -> str:
    texts = [plain(cell) for line in lines for cell in line if cell]
    return f"Header found: {texts[:12]}{_header_advice()}"


def _header_advice() -> str:
    return ". If the publisher changed the layout, declare a new layout for this edition in the source's file"


def _is_footer(cells: Sequence[str | None], layout: Layout, at: Mapping[str, int]) -> bool:
    if layout.stop_at is None:
        return False
    column, pattern = layout.stop_at.split("~", 1)
    return not re.fullmatch(pattern.strip(), (_cell(cells, at[column.strip()]) or "").strip())


def _outside(row: Mapping[str, str | None], layout: Layout) -> str | None:
    for column, allowed in layout.where.items():
        if (row[column] or "").strip() not in allowed:
            return f"{column} is not one of {', '.join(allowed)}"
    return None


def _check_patterns(frame: pd.DataFrame, layout: Layout, place: Place) -> None:
    """Keys must look like keys: a number where text with leading zeros belongs has lost its zero."""
    for column, pattern in layout.patterns.items():
        given = frame[column].dropna()
        bad = given[~given.str.strip().str.fullmatch(pattern)]
        if len(bad):
            row = int(frame.loc[bad.index[0], "row_number"])
            raise place.fail(
                f"row {row}, column {column}: {bad.iloc[0]!r} does not match {pattern!r} "
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


def _cell(cells: Sequence[str | None], index: int) -> str | None:
    return cells[index] if index < len(cells) else None


def _joined(cells: Sequence[str | None]) -> str:
    return " | ".join(cell for cell in cells if cell)[:500]


def text_of(value: object) -> str | None:
    """A cell's value as text, without inventing or losing a digit; empty is None."""
    if value is None or value == "":
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
    sheet = open_sheet(content, layout.sheet, place)
    cells = {**layout.cells, **part.cells}
    for number, row in enumerate(sheet, 1):
        texts = [text_of(value) for value in row]
        for address, expected in list(cells.items()):
            letters, line = re.fullmatch(r"([A-Z]+)(\d+)", address).groups()  # type: ignore[union-attr]
            if int(line) == number:
                found = _cell(texts, _position(f"{letters}:", place)) or ""
                if expected not in found:
                    raise place.fail(f"cell {address}: expected to hold {expected!r}, found {found!r}")
                del cells[address]
        yield number, texts
    if cells:
        raise place.fail(f"the sheet ends before cell {', '.join(cells)}")


def open_sheet(content: bytes, sheet: str | int | None, place: Place) -> list[list[object]]:
    """Rows of one sheet of an xlsx or xls file, by name or 0-based position."""
    head = content[:512].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if head.startswith((b"<!doctype", b"<html")):
        raise place.fail("an HTML page, not a workbook; the publisher probably answered with an error page")
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = book.sheet_names
        name = names[sheet] if isinstance(sheet, int) and sheet < len(names) else sheet
        if name not in names:
            raise place.fail(f"sheet {sheet!r} is declared; the workbook has {names}")
        rows: list[list[object]] = book.get_sheet_by_name(str(name)).to_python(skip_empty_area=False)
    except (CalamineError, zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        raise place.fail(f"not a whole workbook ({error}); {len(content)} bytes; fetch it again") from error
    return rows


def decode(content: bytes, encoding: str, place: Place) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise place.fail(f"byte {error.start} is not {encoding}; has the publisher changed the encoding?") from error


def _read_csv(content: bytes, layout: Layout, part: Part, place: Place) -> Iterator[Row]:
    text = decode(content, layout.encoding, place)
    if text.lstrip()[:15].lower().startswith(("<!doctype", "<html")):
        raise place.fail("an HTML page, not a CSV file; the publisher probably answered with an error page")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=layout.delimiter, strict=True)
    width: int | None = None
    try:
        for number, cells in enumerate(reader, 1):
            width = width or len(cells)
            if cells and len(cells) != width:
                raise place.fail(f"row {number}: {len(cells)} fields, the rows above have {width}")
            yield number, [cell if cell != "" else None for cell in cells]
    except csv.Error as error:
        raise place.fail(f"row {reader.line_num}: {error}") from error


def _read_fixed_width(content: bytes, layout: Layout, part: Part, place: Place) -> Iterator[Row]:
    """Fields by character positions `FROM-TO` (0-based, end exclusive): decode first, then slice."""
    lines = decode(content, layout.encoding, place).splitlines()
    for number, line in enumerate(lines, 1):
        if line == "":
            continue
        if layout.line_length is not None and len(line) != layout.line_length:
            raise place.fail(f"row {number}: {layout.line_length} characters are declared, {len(line)} found")
        slices = [spec.split(":", 1)[1].strip().split("-") for spec in layout.columns.values()]
        yield number, [line[int(start) : int(end)].strip() or None for start, end in slices]


def _read_parquet(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """Columns by name; every measure becomes one row per cell. Row numbers count the file's rows."""
    frame = _parquet_frame(content, layout, part, place)
    rows_read = len(frame)
    keep = pd.Series(True, index=frame.index)
    reasons = pd.Series("", index=frame.index)
    for column, allowed in layout.where.items():
        outside = keep & ~frame[column].isin(allowed)
        reasons[outside] = f"{column} is not one of {allowed[0]} .. {allowed[-1]} ({len(allowed)} values)"
        keep &= ~outside
    rejected = Rejected()
    for number, reason in zip(frame.loc[~keep, "row_number"], reasons[~keep], strict=True):
        rejected.add(int(number), "out_of_scope", reason, None)
    frame = frame[keep]
    if frame.empty:
        raise place.fail("no rows in scope; expected at least one")
    _check_patterns(frame, layout, place)
    cells = _to_cells(_with_constants(frame, layout, part), layout)
    if layout.values:  # an empty cell of a wide file that holds many indicators and years says nothing
        cells = cells[cells["raw"].notna()]
        named = set(cells["row_number"])
        for number in frame.loc[~frame["row_number"].isin(named), "row_number"]:
            rejected.add(int(number), "no_values", "none of the declared columns has a value", None)
    return Reading(cells, rejected.frame(), rows_read)


def _parquet_frame(content: bytes, layout: Layout, part: Part, place: Place) -> pd.DataFrame:
    wanted = {name: spec.split(":", 1)[-1].strip() for name, spec in {**layout.columns, **layout.values}.items()}
    file = Path(part.file).name
    # DuckDB reads files, not bytes: a private copy for the time of the reading
    with duckdb.connect() as connection, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "content.parquet"
        path.write_bytes(content)
        try:
            there = [r[0] for r in connection.execute("describe from read_parquet(?)", [str(path)]).fetchall()]
        except duckdb.Error as error:
            raise place.fail(f"not a whole Parquet file: {str(error).splitlines()[0]}") from error
        gone = sorted(set(wanted.values()) - set(there))
        if gone:
            raise place.fail(f"{file} has no column {', '.join(gone)}; it has {', '.join(there)}")
        columns = ", ".join(
            f'nullif(cast("{column}" as varchar), \'nan\') as "{name}"' for name, column in wanted.items()
        )
        return connection.execute(
            f"select file_row_number + 1 as row_number, {columns} "
            "from read_parquet(?, file_row_number = true) order by row_number",
            [str(path)],
        ).df()


GRIDS: dict[str, Callable[[bytes, Layout, Part, Place], Iterator[Row]]] = {
    "excel": _read_excel,
    "csv": _read_csv,
    "fixed_width": _read_fixed_width,
}
