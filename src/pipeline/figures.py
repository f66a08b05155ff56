"""The typed tables: made from the archive, shipped as Parquet, and the only input of a build.

figures/typed__*.parquet   one per typed table, rows as read, unused rows taken out
figures/rejected.parquet   the rows that were not used, with rule and reason
figures/receipts.parquet   where every part came from
figures/accounts.parquet   per part: rows read = rows used + rows rejected
figures/ATTRIBUTION.csv    licence and attribution per source
"""

from __future__ import annotations

import csv
import glob
import hashlib
import io
import re
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import duckdb
import pandas as pd

from pipeline import archive, relations, warehouse
from pipeline.catalog import PACKAGE, Catalog, Part, Source
from pipeline.errors import CheckError, PipelineError, ReadError
from pipeline.outlines import locate_points, number_or_nan
from pipeline.read import Place, Reading, read_batches, read_part

BUNDLED = PACKAGE / "figures"
FIGURE = re.compile(r"(typed__\w+|rejected|receipts|accounts|checks|failing)\.parquet|ATTRIBUTION\.csv")
STALE_SECONDS = 3600
POINTS = {  # raw tables with latitude and longitude, and the table that says in which municipality each point is
    "raw__bnetza_ladesaeulenregister": "raw__located_stations",
    "raw__gtfs_stops": "raw__located_stops",
    "raw__jedeschule": "raw__located_schools",
    "raw__klinik_atlas": "raw__located_hospitals",
}
CELL_COLUMNS = [
    "source_id", "edition", "part", "row_number", "source_column", "level", "level_text", "unit_key",
    "unit_name", "region_id", "land", "district", "period", "variable", "raw",
]  # fmt: skip
REJECTED = ["source_id", "edition", "part", "row_first", "row_last", "rule", "reason", "raw", "rows"]


def make(catalog: Catalog, archive_root: Path, target: Path) -> pd.DataFrame:
    """Read everything in the archive, type it and write the figures. Returns the accounts, one row per edition.

    The folder `target` changes only when all is written; a folder that holds anything else is refused.
    """
    _refuse_other_folder(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _tidy(target)
        with (
            tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as beside,
            warehouse.connect() as connection,
        ):
            accounts, rejected, receipts = read_archive(connection, catalog, archive_root)
            typed = type_tables(connection, catalog, rejected)
            relations.require(connection, catalog, whole_sources(catalog, receipts))
            _drop_raw(connection)
            accounts = balance(connection, accounts, typed)
            folder = Path(beside) / "new"
            folder.mkdir()  # the temporary folder is private, the figures in it are not
            _write(connection, catalog, folder, sorted(typed), accounts, receipts)
            _refuse_to_lose(catalog, folder, target)
            _replace(folder, target)
    except (OSError, duckdb.IOException) as error:
        raise PipelineError(
            f"figures {target}: cannot be written: {error}; name a folder that can be written with --out"
        ) from error
    return accounts


def _refuse_to_lose(catalog: Catalog, fresh: Path, target: Path) -> None:
    """Figures never replace figures that hold more declared tables: an archive without a source would delete them."""
    stand = {path.stem for path in target.glob("typed__*.parquet")} & catalog.typed_tables.keys()
    lost = sorted(stand - {path.stem for path in fresh.iterdir()})
    if lost:
        raise PipelineError(
            f"figures {target}: the archive has no files for {', '.join(lost)}, which stand there; fetch these sources "
            "too (facts/ lies beside the folder of the publishers' files), or name another folder with --out"
        )


def read_archive(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, root: Path
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Raw tables raw_cells and raw__*, all text. Returns rows read per part, rejected runs and receipts.

    A part that no typed table reads (outlines only locate points) has no rows to account for.
    """
    accounted = set().union(*(warehouse.references(sql) for sql in warehouse.layer(catalog, "1_typed").values()))
    warehouse.declare(connection, catalog)
    connection.execute(
        "create table raw_cells ("
        + ", ".join(f"{c} {'bigint' if c == 'row_number' else 'varchar'}" for c in CELL_COLUMNS)
        + ")"
    )
    read: list[tuple[str, str, str, int]] = []
    rejected: list[pd.DataFrame] = []
    receipts: list[archive.Receipt] = []
    unknown = sorted(set(archive.sources_with_receipts(root)) - set(catalog.sources))
    if unknown:
        raise ReadError(
            f"{unknown[0]}: the archive holds receipts/{unknown[0]}.json, and no source of that id is declared; "
            "declare it in sources/, or delete the receipts"
        )
    for source in catalog.sources.values():
        waiting = source.editions.keys() - source.retrieved_editions.keys() if source.is_retrieved else set()
        stored = [r for r in archive.read_receipts(root, source.id) if r.edition not in waiting]
        for receipt in stored:
            table, rows_read, runs = _read_one(connection, source, receipt, root)
            if table in accounted:
                read.append((source.id, receipt.edition, receipt.part, rows_read))
            rejected.append(runs)
        _refuse_equal_editions(source, stored)
        receipts += stored
    if not receipts:
        raise PipelineError(
            f"the archive {root} is empty; fill it with `stadtrang fetch --from DIR` (a folder of publishers' files)"
        )
    _locate_points(connection)
    accounts = pd.DataFrame(read, columns=["source_id", "edition", "part", "rows_read"])
    return accounts, pd.concat(rejected, ignore_index=True), pd.DataFrame([asdict(r) for r in receipts])


def _refuse_equal_editions(source: Source, stored: list[archive.Receipt]) -> None:
    """The same bytes under two years are one year's content under another's label, but for other members of one zip."""
    seen: dict[tuple[str, str | None], str] = {}
    members = {(name, archive.part_name(p)): p.member for name, e in source.editions.items() for p in e.parts}
    for receipt in stored:
        key = (receipt.sha256, members[receipt.edition, receipt.part])
        if seen.setdefault(key, receipt.edition) != receipt.edition:
            raise ReadError(
                f"{source.id}: editions {seen[key]} and {receipt.edition} have the same bytes "
                f"({receipt.file}); expected are two files, so one of them is under a wrong label"
            )


def _read_one(
    connection: duckdb.DuckDBPyConnection, source: Source, receipt: archive.Receipt, root: Path
) -> tuple[str, int, pd.DataFrame]:
    """The raw table that the rows went to, rows read, rejected runs."""
    if receipt.edition not in source.editions:
        known = ", ".join(source.editions)
        raise ReadError(f"{source.id}: the archive holds edition {receipt.edition!r}, declared are {known}")
    parts = {archive.part_name(part): part for part in source.editions[receipt.edition].parts}
    if receipt.part not in parts:
        raise ReadError(
            f"{source.id}, edition {receipt.edition}: the archive holds part {receipt.part!r}, "
            f"declared are {', '.join(parts)}"
        )
    part = parts[receipt.part]
    readings: Iterable[Reading]
    if source.layouts[part.layout].reader == "stream":
        readings = read_batches(source, receipt.edition, part, archive.locate(root, receipt.sha256))
    else:
        readings = [read_part(source, receipt.edition, part, archive.fetch(root, receipt.sha256))]
    table, rows_read, rejected = "", 0, []
    for reading in readings:
        rows_read += reading.rows_read
        rejected.append(reading.rejected)
        if len(reading.rows):
            rows = reading.rows.assign(source_id=source.id, edition=receipt.edition, part=receipt.part)
            table = _append(connection, source, rows)
    runs = pd.concat(rejected).assign(source_id=source.id, edition=receipt.edition, part=receipt.part)
    if source.redistribute != "yes" or source.personal:
        runs = runs.assign(raw=None)
    return table, rows_read, runs[REJECTED]


def _append(connection: duckdb.DuckDBPyConnection, source: Source, rows: pd.DataFrame) -> str:
    """The raw table that the rows went to."""
    if "variable" in rows:
        table = "raw_cells"
        warehouse.append(connection, table, rows[[c for c in CELL_COLUMNS if c in rows]])
    else:
        table = f"raw__{source.id}" + (f"__{rows['table'].iloc[0]}" if "table" in rows else "")
        warehouse.append(connection, table, rows.drop(columns=[c for c in ("table",) if c in rows]))
    return table


def _locate_points(connection: duckdb.DuckDBPyConnection) -> None:
    """raw__located_*: the municipality whose outline is around each point of the tables that hold points."""
    names = warehouse.tables(connection)
    outlines = {"raw__bkg_vg5000__outlines", "raw__bkg_vg5000__attributes"} <= names
    for table, located in POINTS.items():
        found = pd.DataFrame({"edition": [], "row_number": [], "ags": []}).astype({"row_number": "int64"})
        if outlines and table in names:
            columns = "edition, row_number, latitude, longitude"
            points = warehouse.frame(connection, f"select {columns} from {table} order by edition, row_number")
            points = points.assign(
                latitude=number_or_nan(points["latitude"]), longitude=number_or_nan(points["longitude"])
            )
            found = points.assign(ags=locate_points(points, _outlines(connection)))[["edition", "row_number", "ags"]]
        warehouse.table(connection, located, found.astype({"edition": "str", "ags": "str"}))


def _outlines(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    outlines = warehouse.frame(
        connection,
        "select ags, wkb from raw__bkg_vg5000__attributes full join raw__bkg_vg5000__outlines using (row_number)",
    )
    if outlines.isna().to_numpy().any():
        raise ReadError(
            "bkg_vg5000: as many keys (dbf) as outlines (shp) are expected; the two parts do not belong together"
        )
    return outlines


def type_tables(connection: duckdb.DuckDBPyConnection, catalog: Catalog, rejected: pd.DataFrame) -> list[str]:
    """Run sql/1_typed for the sources that were read; rejected rows leave the tables and join `rejected`."""
    wanted = _typeable(connection, catalog)
    warehouse.table(connection, "rejected", rejected.astype(dict.fromkeys(("rule", "reason", "raw"), "str")))
    for name in warehouse.order(wanted):
        if name not in catalog.typed_tables:  # what several tables share is a view: it needs no copy of all cells
            connection.execute(f'create or replace view "{name}" as {wanted[name]}')
            continue
        _type_table(connection, catalog.typed_tables[name], name, wanted[name])
        _refuse_unknown_signs(connection, catalog.typed_tables[name], name)
        _split_rejected(connection, catalog.typed_tables[name], name)
    return sorted(name for name in wanted if name in catalog.typed_tables)


def _type_table(connection: duckdb.DuckDBPyConnection, source: Source, name: str, sql: str) -> None:
    try:
        warehouse.run(connection, {name: sql})
    except PipelineError as error:
        if isinstance(error.__cause__, duckdb.ConversionException | duckdb.OutOfRangeException):
            raise ReadError(
                f"{source.id}: {name}: values that fit their columns are expected, found one that does not: "
                f"{str(error.__cause__).splitlines()[0]}"
            ) from error
        raise


def whole_sources(catalog: Catalog, receipts: pd.DataFrame) -> set[str]:
    """Sources of which every declared part of every edition was read."""
    there = set(zip(receipts["source_id"], receipts["edition"], receipts["part"], strict=True))
    return {
        source.id
        for source in catalog.sources.values()
        if all((source.id, e, archive.part_name(p)) in there for e, d in source.editions.items() for p in d.parts)
    }


def _drop_raw(connection: duckdb.DuckDBPyConnection) -> None:
    """What is typed and looked at is not needed raw: memory."""
    for name in sorted(warehouse.tables(connection)):
        if name.startswith("raw_"):
            connection.execute(f'drop table "{name}"')


def _typeable(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> dict[str, str]:
    """The models of the sources that were read, so that a part of the archive can be typed too."""
    there = warehouse.tables(connection)
    sources = {name.split("__")[1] for name in there if name.startswith("raw__")}
    sources |= {row[0] for row in connection.execute("select distinct source_id from raw_cells").fetchall()}
    wanted = {
        name: sql
        for name, sql in warehouse.layer(catalog, "1_typed").items()
        if name not in catalog.typed_tables or catalog.typed_tables[name].id in sources
    }
    reads = {name: warehouse.references(sql) for name, sql in wanted.items()}
    while without := [name for name in wanted if not reads[name] <= there | wanted.keys()]:
        for name in without:
            del wanted[name]
    return wanted


def _refuse_unknown_signs(connection: duckdb.DuckDBPyConnection, source: Source, name: str) -> None:
    if "sign_raw" not in warehouse.columns(connection, name):
        return
    rows = connection.execute(
        f"select edition, part, row_number, source_column, variable, sign_raw, count(*) over () from {name} "
        "where value is null and value_status is null and reject_rule is null order by all limit 1"
    ).fetchall()
    for edition, part, row, column, variable, sign, count in rows:
        file = next(p.file for p in source.editions[edition].parts if archive.part_name(p) == part)
        raise Place(source.id, edition, Path(file).name, part).fail(
            f"row {row}, column {column} ({variable}): {sign!r} is neither a number nor a declared sign "
            f"({count} such cells). "
            f"Declared signs: {sorted(source.signs) or 'none'}; declare what it means in sources/{source.id}.yml"
        )


def _split_rejected(connection: duckdb.DuckDBPyConnection, source: Source, name: str) -> None:
    part = "part" if "part" in warehouse.columns(connection, name) else "null::varchar"
    connection.execute(
        f"insert into rejected by name select distinct '{source.id}' as source_id, edition, {part} as part, "
        f"row_number as row_first, row_number as row_last, reject_rule as rule, reject_reason as reason, "
        f"null::varchar as raw, 1::bigint as rows from {name} where reject_rule is not null"
    )
    connection.execute(
        f"create or replace table {name} as select * exclude (reject_rule, reject_reason) from {name} "
        "where reject_rule is null"
    )


def balance(connection: duckdb.DuckDBPyConnection, accounts: pd.DataFrame, typed: Iterable[str]) -> pd.DataFrame:
    """Per source and edition: rows read = rows used + rows rejected, to the row, or nothing is written.

    A row counts once however many typed rows it gives; a typed row that sums rows counts as its `rows_summed`.
    """
    warehouse.table(connection, "rows_read", accounts)
    columns = {name: warehouse.columns(connection, name) for name in typed}
    used = " union all ".join(
        f"select '{name.split('__')[1]}' as source_id, edition, "
        f"{'part' if 'part' in columns[name] else repr(name)} as part, row_number, "
        f"{'rows_summed' if 'rows_summed' in columns[name] else 'null::bigint'} as rows_summed from {name}"
        for name in sorted(columns)
    )
    result = warehouse.frame(
        connection,
        f"""
        with used as (
          select
            source_id, edition,
            count(distinct (part, row_number)) filter (where rows_summed is null)
              + coalesce(sum(rows_summed), 0)::bigint as rows_used
          from ({used}) group by all
        ), rejected_rows as (
          select source_id, edition, sum(rows)::bigint as rows_rejected from rejected group by all
        ), read_rows as (
          select source_id, edition, sum(rows_read)::bigint as rows_read from rows_read group by all
        )
        select source_id, edition, rows_read, coalesce(rows_used, 0) as rows_used,
          coalesce(rows_rejected, 0) as rows_rejected
        from read_rows left join used using (source_id, edition) left join rejected_rows using (source_id, edition)
        order by source_id, edition
        """,
    )
    wrong = result[result["rows_read"] != result["rows_used"] + result["rows_rejected"]]
    if len(wrong):
        raise CheckError(f"accounts: rows read are not rows used + rows rejected:\n{wrong.to_string(index=False)}")
    return result


def _write(
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    folder: Path,
    typed: list[str],
    accounts: pd.DataFrame,
    receipts: pd.DataFrame,
) -> None:
    shipped = [name for name in typed if catalog.typed_tables[name].redistribute != "no"]
    warehouse.table(connection, "accounts", accounts)
    warehouse.table(connection, "receipts", receipts.astype({"bytes": "int64"}))
    for name in [*shipped, "rejected", "accounts", "receipts"]:
        warehouse.write_parquet(connection, f"from {name} order by all", folder / f"{name}.parquet")
    (folder / "ATTRIBUTION.csv").write_text(attribution(catalog), "utf-8")


def attribution(catalog: Catalog) -> str:
    """Source, publisher, licence, attribution and page as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["source_id", "title", "publisher", "licence", "attribution", "page"])
    for source in catalog.retrieved.values():
        writer.writerow([source.id, source.title, source.publisher, source.licence, source.attribution, source.page])
    return text.getvalue()


def _refuse_other_folder(target: Path) -> None:
    """The old figures are taken away, so the folder must hold figures and nothing else."""
    if not target.exists():
        return
    if not target.is_dir():
        raise PipelineError(f"figures {target}: a folder is expected, found a file; name a folder with --out")
    others = sorted(path.name for path in target.iterdir() if not FIGURE.fullmatch(path.name))
    if others:
        raise PipelineError(
            f"figures {target}: a folder of figures is expected, found {others[0]}; name a new folder with --out"
        )


def _tidy(target: Path) -> None:
    """What a killed run left beside the figures; if it was killed between its two moves, the old figures come back."""
    for beside in sorted(target.parent.glob(f".{glob.escape(target.name)}.*")):
        if not beside.is_dir() or not {path.name for path in beside.iterdir()} <= {"new", "old"}:
            continue
        if not target.exists() and (beside / "old").is_dir():
            (beside / "old").rename(target)
        if time.time() - beside.stat().st_mtime > STALE_SECONDS:  # a younger one may belong to a run of this moment
            shutil.rmtree(beside)


def _replace(folder: Path, target: Path) -> None:
    """The new figures take the place of the old ones; those come back if that fails. Both lie on one disk."""
    old = folder.with_name("old")
    if target.exists():
        target.rename(old)
    try:
        folder.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise


def load(connection: duckdb.DuckDBPyConnection, catalog: Catalog, folder: Path) -> None:
    """Typed tables, rejected, receipts and accounts of a figures folder into the warehouse."""
    for name in table_names(catalog):
        load_table(connection, folder, name)


def table_names(catalog: Catalog) -> list[str]:
    """Every table of a figures folder."""
    return [
        *sorted(table for table, source in catalog.typed_tables.items() if source.is_retrieved),
        "rejected",
        "accounts",
        "receipts",
    ]


def schemas(catalog: Catalog) -> dict[str, dict[str, str]]:
    """What each typed table of a figures folder must be, column by type: as its SQL gives it on empty raw tables."""
    waiting = {name for name, source in catalog.typed_tables.items() if not source.is_retrieved}
    with warehouse.connect() as connection:
        warehouse.declare(connection, catalog)
        texts = ", ".join(f'null::{"bigint" if c == "row_number" else "varchar"} as "{c}"' for c in CELL_COLUMNS)
        connection.execute(f"create table raw_cells as select {texts} where false")
        for name in POINTS.values():
            connection.execute(f'create table "{name}" (edition varchar, row_number bigint, ags varchar)')
        for name, columns in raw_columns(catalog).items():
            texts = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            connection.execute(f'create table "{name}" (row_number bigint, {texts})')
        models = {name: text for name, text in warehouse.layer(catalog, "1_typed").items() if name not in waiting}
        found = {}
        for name in warehouse.order(models):
            connection.execute(f'create view "{name}" as {models[name]}')
            kinds = warehouse.describe(connection, f'from "{name}"')
            if name in catalog.typed_tables:
                found[name] = {column: kind for column, kind in kinds.items() if not column.startswith("reject_")}
    return found


def raw_columns(catalog: Catalog) -> dict[str, dict[str, str]]:
    """The columns of every raw table of rows with their types, in no order that matters."""
    columns: dict[str, dict[str, str]] = {}
    for source in catalog.retrieved.values():
        for edition in source.editions.values():
            for part in edition.parts:
                layout = source.layouts[part.layout]
                if layout.values and not layout.made:
                    continue  # cells
                constants = {**layout.constants, **part.constants}
                columns.setdefault(raw_table(source, part), {}).update(
                    dict.fromkeys(("source_id", "edition", "part", *layout.columns, *constants), "varchar")
                    | layout.made
                )
    return columns


def raw_table(source: Source, part: Part) -> str:
    """The table that the rows of a part go to where it holds no measures."""
    constants = {**source.layouts[part.layout].constants, **part.constants}
    return f"raw__{source.id}" + (f"__{constants['table']}" if "table" in constants else "")


def require_schema(catalog: Catalog, folder: Path) -> None:
    """Raise ReadError where a table of a figures folder is not what the program's SQL makes."""
    with warehouse.connect() as connection:
        for name, expected in schemas(catalog).items():
            if name not in table_names(catalog):
                continue
            load_table(connection, folder, name)
            found = warehouse.describe(connection, f'from "{name}"')
            wrong = [
                f"{column} {expected.get(column, 'not there')} is expected, found {found.get(column, 'none')}"
                for column in [*expected, *found]
                if expected.get(column) != found.get(column)
            ]
            if wrong:
                raise ReadError(
                    f"figures {folder}: {name}.parquet is a table of another program version: {'; '.join(wrong[:3])}; "
                    "make the figures again with `stadtrang figures`"
                )


def load_table(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> None:
    """One table of a figures folder as a view in the warehouse: read when it is needed, never held."""
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise PipelineError(f"figures {folder}: {path.name} is missing; make it with `stadtrang figures`")
    try:
        connection.read_parquet(str(path)).create_view(name)
    except duckdb.Error as error:
        raise ReadError(
            f"figures: {path.name} is not readable: {str(error).splitlines()[0]}; make the figures anew "
            "(stadtrang figures), or leave --figures out for those that come with the program"
        ) from error


def sums(catalog: Catalog, folder: Path) -> dict[str, str]:
    """Table name to sha256 of its file, for the lock of an edition."""
    return {
        name: hashlib.sha256((folder / f"{name}.parquet").read_bytes()).hexdigest() for name in table_names(catalog)
    }
