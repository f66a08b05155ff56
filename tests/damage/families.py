"""The publishers' file families as tables that can be damaged and saved again: head, body, tail.

A table is saved in the format of its family; a workbook in the old .xls format is saved as .xlsx, which is read alike.
"""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

import duckdb
import numpy as np
import pandas as pd
from python_calamine import CalamineWorkbook

from pipeline.archive import part_name
from pipeline.catalog import Catalog, Layout, Part
from pipeline.read import Place, _position, column_letter, text_of

PLACE = Place("damage", "", "", "")


@dataclass(frozen=True)
class Family:
    """One part of one edition. `key` and `values` are columns by the layout's own names (or by number, from 0).

    `before`: the edition whose content stands in under this year's name; `beside`: sources that the relations between
    sources need; `quick`: small enough for every run.
    """

    source: str
    edition: str
    part: str
    key: str | int
    values: tuple[str | int, ...]
    before: str | None = None
    beside: tuple[str, ...] = ()
    quick: bool = False

    @property
    def id(self) -> str:
        return self.source


@dataclass
class Table:
    """A file as rows: `head` above the data, `body` the data (columns 0, 1, ..), `tail` below them."""

    head: list[list[object]]
    body: pd.DataFrame
    tail: list[list[object]] = field(default_factory=list)

    def copy(self) -> Table:
        return Table([list(row) for row in self.head], self.body.copy(), [list(row) for row in self.tail])


GERMAN_LISTS = ("destatis_gv", "destatis_gv100ad", "destatis_population_2018", "bbsr_umstieg")
LISTS = ("mobilitydata_gbfs", "oparl_endpoints")
FAMILIES = [
    Family(
        "kba_fz1", "2021-01-01", "y2021", "district", ("cars", "battery_electric", "plugin_hybrid"), "2020-01-01",
        quick=True,
    ),
    Family(
        "bnetza_breitbandatlas", "2020-12", "end_2020", "unit_key",
        ("speed_100", "speed_1000", "fibre_1000", "speed_50"), "2019-12",
    ),
    Family("bnetza_mastr", "2021-12-31", "sums", "unit_key", ("pv_kw", "wind_kw", "biomass_kw"), "2018-12-31"),
    Family("destatis_population_2018", "2018-12-31", "list", "ags", ("population",), beside=GERMAN_LISTS),
    Family(
        "destatis_gv", "2021-12-31", "auszug", "gem", ("population", "area_km2", "longitude"), "2019-12-31",
        GERMAN_LISTS,
    ),
    Family("destatis_gv100ad", "2018-09-30", "fixed_220", "gem", ("area_hectares", "population"), beside=GERMAN_LISTS),
    Family(
        "bbsr_umstieg", "2020-2023", "sheet_2020", "source_key", ("population", "area_km2"),
        beside=GERMAN_LISTS,
    ),
    Family(
        "bnetza_ladesaeulenregister", "2022-01-01", "preamble_10", "place_name", ("points", "latitude"), "2021-09-01",
        ("bkg_vg5000",),
    ),
    Family(
        "bbsr_deutschlandatlas", "2024-12-12", "GEM1221", "unit_key",
        ("v_breitb50", "p_nelade", "p_selade", "v_breitb1000"), beside=("destatis_gv", "bnetza_breitbandatlas"),
    ),
    Family(
        "bbsr_inkar_2024", "2024", "wirtschaft", "unit_key", ("q_bip_ew", "q_uebern_bev", "q_uinsolv_betr"),
        beside=("destatis_gv",),
    ),
    Family("bbsr_inkar_2021", "2021", "umwelt", "region_id", ("x240", "x249", "x252")),
    Family("bbsr_inkar_export", "2024", "Arbeitslosigkeit", "unit_key", (26, 25, 24), beside=("destatis_gv",)),
    Family("regionalstatistik", "2020-2021", "31231-02-01-4", "unit_key", ("living_space_1000_m2", "dwellings")),
    Family("rki_gisd", "2025-v1.0", "Kreise", "unit_key", ("gisd",)),
    Family("mobilitydata_gbfs", "2021-12-31", "six", "location", (), "2020-12-31", LISTS, quick=True),
    Family("oparl_endpoints", "2021-12-31", "list", 0, (), "2020-12-31", LISTS, quick=True),
    Family("german_gov_domains", "2020-10", "list", "place_name", (), quick=True),
    Family("facts_funding", "2026", "members", "ags", (), beside=("destatis_gv", "facts_strategies")),
    Family("facts_strategies", "2026", "list", "ags", (), beside=("destatis_gv", "facts_funding")),
    Family("bkg_vg5000", "2021-01-01", "dbf", "ags", (), beside=("destatis_gv", "bnetza_ladesaeulenregister")),
]  # fmt: skip


def part_of(catalog: Catalog, source: str, edition: str, name: str | None = None) -> Part:
    parts = catalog.sources[source].editions[edition].parts
    return next(part for part in parts if name is None or part_name(part) == name)


def columns(family: Family, layout: Layout) -> dict[str | int, int]:
    """The layout's columns, from 0."""
    if layout.reader == "parquet":
        return {name: at for at, name in enumerate({**layout.columns, **layout.values})}
    if family.source in ("oparl_endpoints",):
        return {0: 0}
    if family.source == "bkg_vg5000":
        return {name: at for at, name in enumerate(layout.columns)}
    specs = {**layout.columns, **({} if family.source == "bbsr_inkar_export" else layout.values)}
    if layout.reader == "fixed_width":
        return {name: at for at, name in enumerate(specs)}
    return {name: _position(spec, PLACE) for name, spec in specs.items()} | {at: at for at in range(60)}


def load(family: Family, layout: Layout, content: bytes) -> Table:
    if layout.reader == "parquet":
        return _load_parquet(layout, content)
    if layout.reader == "fixed_width":
        lines = [[line] for line in content.decode(layout.encoding).splitlines()]
        return Table([], pd.DataFrame(lines, dtype=object))
    if family.source == "oparl_endpoints":
        entries = content.decode().split("\n- ")
        return Table([], pd.DataFrame([[entry.removeprefix("- ")] for entry in entries], dtype=object))
    if family.source == "bkg_vg5000":
        return _load_dbf(content)
    rows = _csv_rows(layout, content) if layout.reader == "csv" else _sheet_rows(layout, content)
    first = layout.first_row - 1
    last = len(rows)
    if layout.reader != "csv":
        key = columns(family, layout)[family.key]
        last = max(n for n, row in enumerate(rows, 1) if len(row) > key and row[key] not in ("", None))
    return Table(rows[:first], pd.DataFrame(rows[first:last], dtype=object), rows[last:])


def save(family: Family, layout: Layout, table: Table, sheets: Sequence[str] = ()) -> bytes:
    if layout.reader == "parquet":
        return _save_parquet(table)
    if layout.reader == "fixed_width":
        return ("\r\n".join(str(line) for line in table.body[0]) + "\r\n").encode(layout.encoding)
    if family.source == "oparl_endpoints":
        return ("- " + "\n- ".join(str(entry) for entry in table.body[0])).encode()
    if family.source == "bkg_vg5000":
        return _save_dbf(table)
    rows = [*table.head, *table.body.to_numpy().tolist(), *table.tail]
    if layout.reader == "csv":
        text = io.StringIO()
        csv.writer(text, delimiter=layout.delimiter, lineterminator="\n").writerows(
            ["" if empty(cell) else text_of(cell) for cell in row] for row in rows
        )
        return text.getvalue().encode(layout.encoding)
    return workbook(sheets, layout.sheet, rows)


def empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and cell == "") or (isinstance(cell, float) and np.isnan(cell))


def _csv_rows(layout: Layout, content: bytes) -> list[list[object]]:
    return [
        list(row)
        for row in csv.reader(io.StringIO(content.decode(layout.encoding), newline=""), delimiter=layout.delimiter)
    ]


def sheet_names(content: bytes) -> list[str]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).sheet_names


def _sheet_rows(layout: Layout, content: bytes) -> list[list[object]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    name = book.sheet_names[layout.sheet] if isinstance(layout.sheet, int) else str(layout.sheet)
    return [list(row) for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False)]


def workbook(sheets: Sequence[str], wanted: str | int | None, rows: Sequence[Sequence[object]]) -> bytes:
    """A workbook with the rows in the wanted sheet; the others are empty."""
    at = wanted if isinstance(wanted, int) else list(sheets).index(str(wanted))
    lines = []
    for number, row in enumerate(rows, 1):
        cells = "".join(_cell(column, number, value) for column, value in enumerate(row, 1) if not empty(value))
        lines.append(f'<row r="{number}">{cells}</row>')
    space = "http://schemas.openxmlformats.org"
    head = f'<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="{space}/spreadsheetml/2006/main"><sheetData>'
    links = f"{space}/officeDocument/2006/relationships"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        kinds = f'<Types xmlns="{space}/package/2006/content-types">'
        kinds += '<Default Extension="xml" ContentType="application/xml"/>'
        kinds += (
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>'
        )
        file.writestr("[Content_Types].xml", kinds)
        names = "".join(f'<sheet name="{escape(n)}" sheetId="{i}" r:id="r{i}"/>' for i, n in enumerate(sheets, 1))
        book = (
            f'<workbook xmlns="{space}/spreadsheetml/2006/main" xmlns:r="{links}"><sheets>{names}</sheets></workbook>'
        )
        file.writestr("xl/workbook.xml", book)
        targets = "".join(
            f'<Relationship Id="r{i}" Type="{links}/worksheet" Target="worksheets/sheet{i}.xml"/>'
            for i in range(1, len(sheets) + 1)
        )
        relations = f'<Relationships xmlns="{space}/package/2006/relationships">'
        file.writestr(
            "_rels/.rels",
            f'{relations}<Relationship Id="a" Type="{links}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        file.writestr("xl/_rels/workbook.xml.rels", f"{relations}{targets}</Relationships>")
        for number in range(len(sheets)):
            content = "".join(lines) if number == at else ""
            file.writestr(f"xl/worksheets/sheet{number + 1}.xml", f"{head}{content}</sheetData></worksheet>")
    return packed.getvalue()


def _cell(column: int, row: int, value: object) -> str:
    address = f"{column_letter(column)}{row}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<c r="{address}"><v>{value!r}</v></c>'
    text = escape(text_of(value) or "").replace("\r", "&#13;")
    return f'<c r="{address}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _load_parquet(layout: Layout, content: bytes) -> Table:
    """The declared columns, and of the years those from 2014 on."""
    wanted = {name: spec.split(":", 1)[-1].strip() for name, spec in {**layout.columns, **layout.values}.items()}
    period = wanted.get("period")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.parquet"
        path.write_bytes(content)
        quoted = ", ".join(f'"{column}"' for column in wanted.values())
        where = f"where \"{period}\" >= '2014'" if period else ""
        body = duckdb.execute(f"select {quoted} from '{path}' {where}").df()
    head = list(body.columns)
    body.columns = range(len(head))  # type: ignore[assignment]
    return Table([head], body)


def _save_parquet(table: Table) -> bytes:
    frame = table.body.copy()
    frame.columns = [str(name) for name in table.head[0]] + [
        f"new{n}" for n in range(len(frame.columns) - len(table.head[0]))
    ]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder) / "file.parquet"
        connection.register("frame", frame)
        connection.execute(f"copy (from frame) to '{path}' (format parquet)")
        return path.read_bytes()


def _load_dbf(content: bytes) -> Table:
    import shapefile

    with shapefile.Reader(dbf=io.BytesIO(content), encoding="utf-8") as reader:
        fields = [f[0] for f in reader.fields[1:]]
        body = pd.DataFrame([list(r) for r in reader.iterRecords()], columns=fields)[["AGS", "GEN"]].astype(object)
    body.columns = range(2)  # type: ignore[assignment]
    return Table([["AGS", "GEN"]], body)


def _save_dbf(table: Table) -> bytes:
    import shapefile

    dbf = io.BytesIO()
    with shapefile.Writer(
        dbf=dbf, shp=io.BytesIO(), shx=io.BytesIO(), shapeType=shapefile.NULL, encoding="utf-8"
    ) as writer:
        for name in table.head[0]:
            writer.field(str(name), "C", 60)
        for row in table.body.to_numpy().tolist():
            writer.null()
            writer.record(*["" if empty(cell) else str(cell) for cell in row])
    return dbf.getvalue()
