"""Where a typed cell stands in its publisher's file: file, sheet, row, column with its header, and the text there.

The way back goes over the same declarations as the way there: the SQL of the typed table says which raw columns a
typed column is made of (`lineage`), the layout of the edition's part says where these stand.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from pipeline import archive, figures, lineage, warehouse
from pipeline.catalog import Catalog, Layout, Part, Source
from pipeline.errors import PipelineError
from pipeline.read import read_part, text_of

RAW_CELLS, RAW = "raw_cells", "raw"
Cell = tuple[str, str, int]  # typed table, its column, its row from 0


@dataclass(frozen=True)
class Origin:
    """A typed cell's place at the publisher. `row` counts from 1 as the file counts, `mark` is the column's letter,
    number or name and `header` the text above it (in a file of fixed width the characters); both are None where the
    typed column is worked out from something else, and for a whole row. `raw_columns`: canonical names of the layout.
    """

    table: str
    source: Source
    edition: str
    part: Part
    row: int
    mark: str | None
    header: str | None
    raw_columns: tuple[str, ...]
    typed: Mapping[str, Any]
    column: str

    @property
    def layout(self) -> Layout:
        return self.source.layouts[self.part.layout]

    @property
    def address(self) -> str | None:
        """A cell of a spreadsheet as it is written there: K123."""
        is_sheet = self.layout.sheet is not None and self.mark is not None and re.fullmatch("[A-Z]+", self.mark)
        return f"{self.mark}{self.row}" if is_sheet else None

    @property
    def value(self) -> str | None:
        """What the typed table has: the number or text, or the sign that stands for it."""
        found = self.typed[self.column]
        return text_of(self.typed.get("sign_raw") if found is None else found)


def number_tables(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, folder: Path, sources: Collection[str]
) -> dict[str, list[str]]:
    """The typed tables of a figures folder as views, plain and numbered for `lineage`; their columns.

    Only the tables of these sources have rows: what an edition does not rest on need not be read for it.
    """
    names = [name for name in figures.table_names(catalog) if name in catalog.typed_tables]
    for name in names:
        rows = "" if catalog.typed_tables[name].id in sources else " where false"
        file = f"read_parquet({warehouse.literal(str(folder / f'{name}.parquet'))}, file_row_number = true){rows}"
        numbered = f"select * exclude (file_row_number), file_row_number as {lineage.ROW} from {file}"
        connection.execute(f'create view "{lineage.NUMBERED}{name}" as {numbered}')
        connection.execute(f'create view "{name}" as select * exclude ({lineage.ROW}) from "{lineage.NUMBERED}{name}"')
    return {name: columns for name, columns in warehouse.all_columns(connection).items() if name in names}


def typed_tracer(catalog: Catalog) -> lineage.Tracer:
    """Typed columns back to raw columns."""
    raw = {name: ["row_number", *columns] for name, columns in figures.raw_columns(catalog).items()}
    located = {name: ["edition", "row_number", "ags"] for name in figures.POINTS.values()}
    bases = {RAW_CELLS: figures.CELL_COLUMNS, **raw, **located}
    with warehouse.connect() as connection:
        warehouse.declare(connection, catalog)
        others = warehouse.all_columns(connection)
    models = {name: sql for name, sql in catalog.sql.items() if catalog.sql_layer[name] == "1_typed"}
    return lineage.Tracer(models, bases, others)


def locate(connection: duckdb.DuckDBPyConnection, catalog: Catalog, cells: Iterable[Cell]) -> dict[Cell, Origin]:
    """The places of typed cells; the connection has the tables of `number_tables`."""
    tracer = typed_tracer(catalog)
    by_table: dict[str, set[Cell]] = {}
    for cell in cells:
        by_table.setdefault(cell[0], set()).add(cell)
    found = {}
    for table, wanted in sorted(by_table.items()):
        rows = _typed_rows(connection, table, {row for _, _, row in wanted})
        for cell in sorted(wanted):
            found[cell] = _origin(catalog, tracer, table, cell[1], rows[cell[2]])
    return found


def _typed_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: set[int]) -> dict[int, dict[str, Any]]:
    name = lineage.NUMBERED + table
    result = connection.execute(f'from "{name}" where {lineage.ROW} in (select unnest($1::bigint[]))', [sorted(rows)])
    columns = [column[0] for column in result.description or ()]
    fetched = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
    return {row.pop(lineage.ROW): row for row in fetched}


def _origin(catalog: Catalog, tracer: lineage.Tracer, table: str, column: str, row: dict[str, Any]) -> Origin:
    source = catalog.typed_tables[table]
    raw = sorted(tracer.ask(table, column))
    part = _part(source, table, row, {name for name, _ in raw})
    layout = source.layouts[part.layout]
    names = tuple(name for _, name in raw if name != lineage.ROW_NUMBER)
    mark = header = None
    if column == lineage.ROW_NUMBER:
        names = ()
    elif (RAW_CELLS, RAW) in raw:
        mark, header = _measure(layout, row)
    else:
        names = tuple(name for name in names if name in layout.columns)
        marks = [_split(layout, layout.columns[name]) for name in names]
        mark = ", ".join(mark for mark, _ in marks) or None
        header = ", ".join(header for _, header in marks) or None
    return Origin(table, source, row["edition"], part, row["row_number"], mark, header, names, row, column)


def _part(source: Source, table: str, row: Mapping[str, Any], raw: set[str]) -> Part:
    """The file that a typed row was read from: the part it names, or the only one that fills its raw table."""
    parts = source.editions[row["edition"]].parts
    if row.get("part") is not None:
        parts = [part for part in parts if archive.part_name(part) == row["part"]]
    elif len(parts) > 1:
        parts = [part for part in parts if figures.raw_table(source, part) in raw]
    if len(parts) != 1:
        raise PipelineError(f"{table}, edition {row['edition']}: one file is expected, {len(parts)} could be meant")
    return parts[0]


def _measure(layout: Layout, row: Mapping[str, Any]) -> tuple[str, str]:
    """Column and header of a measure; where the file is long, one column holds all measures."""
    if row["variable"] in layout.values:
        _, header = _split(layout, layout.values[row["variable"]])
        return row["source_column"], header
    if RAW in layout.columns:
        return _split(layout, layout.columns[RAW])
    return row["source_column"], row["variable"]


def _split(layout: Layout, spec: str) -> tuple[str, str]:
    """`"C: Land"` to C and Land; a Parquet file's column is its name."""
    mark, colon, header = (part.strip() for part in spec.partition(":"))
    return (mark, header) if colon and layout.reader != "parquet" else (header or mark, header or mark)


def texts(root: Path, origins: Mapping[Cell, Origin], digests: Mapping[Cell, str]) -> dict[Cell, str | None]:
    """What stands in the publishers' files themselves, from an archive; `digests`: the sha256 of each cell's file.

    None for an empty cell and for a whole row. Raises ReadError where the archive lacks a file or it is damaged.
    """
    files: dict[tuple[str, str, str], list[Cell]] = {}
    for cell, origin in origins.items():
        files.setdefault((origin.source.id, origin.edition, archive.part_name(origin.part)), []).append(cell)
    found = {}
    for cells in files.values():
        first = origins[cells[0]]
        rows = read_part(first.source, first.edition, first.part, archive.fetch(root, digests[cells[0]])).rows
        rows = rows[rows["row_number"].isin({origins[cell].row for cell in cells})]
        for cell in cells:
            found[cell] = _text(rows, origins[cell])
    return found


def _text(rows: pd.DataFrame, origin: Origin) -> str | None:
    here = rows[rows["row_number"] == origin.row]
    if "variable" in here and RAW in origin.raw_columns:
        here = here[here["variable"] == origin.typed["variable"]]
        if "source_column" in here:
            here = here[here["source_column"] == origin.typed["source_column"]]
    if here.empty:
        raise PipelineError(f"{origin.part.file}: row {origin.row} is not among the rows that are read from it")
    given = [here[name].iloc[0] for name in origin.raw_columns]
    return ", ".join(str(text) for text in given if isinstance(text, str)) or None
