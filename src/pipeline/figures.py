"""The typed tables: made from the archive, shipped as Parquet, and the only input of a build.

figures/typed__*.parquet   one per typed table, rows as read, unused rows taken out
figures/rejected.parquet   the rows that were not used, with rule and reason
figures/receipts.parquet   where every part came from
figures/accounts.parquet   per part: rows read = rows used + rows rejected
figures/ATTRIBUTION.csv    licence and attribution per source
"""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import duckdb
import pandas as pd

from pipeline import archive, warehouse
from pipeline.catalog import PACKAGE, Catalog, Source
from pipeline.errors import CheckError, PipelineError, ReadError
from pipeline.read import Place, read_part
from pipeline.regions import locate_points, number_or_nan

BUNDLED = PACKAGE / "figures"
CELL_COLUMNS = [
    "source_id", "edition", "part", "row_number", "source_column", "level", "level_text", "unit_key",
    "unit_name", "region_id", "district", "period", "variable", "raw",
]  # fmt: skip
REJECTED = ["source_id", "edition", "part", "row_first", "row_last", "rule", "reason", "raw"]


def make(catalog: Catalog, archive_root: Path, target: Path) -> pd.DataFrame:
    """Read everything in the archive, type it and write the figures. Returns the accounts, one row per part."""
    with warehouse.connect() as connection:
        accounts, rejected, receipts = read_archive(connection, catalog, archive_root)
        typed = type_tables(connection, catalog, rejected)
        accounts = balance(connection, accounts, typed)
        with tempfile.TemporaryDirectory(dir=_parent(target)) as folder:
            _write(connection, catalog, Path(folder), sorted(typed), accounts, receipts)
            _replace(Path(folder), target)
    return accounts


def read_archive(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, root: Path
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Raw tables raw_cells and raw__*, all text. Returns rows read per part, rejected runs and receipts."""
    warehouse.declare(connection, catalog)
    connection.execute(
        "create table raw_cells ("
        + ", ".join(f"{c} {'bigint' if c == 'row_number' else 'varchar'}" for c in CELL_COLUMNS)
        + ")"
    )
    read: list[tuple[str, str, str, int]] = []
    rejected: list[pd.DataFrame] = []
    receipts: list[archive.Receipt] = []
    for source in catalog.sources.values():
        stored = archive.read_receipts(root, source.id)
        for receipt in stored:
            rows_read, runs = _read_one(connection, source, receipt, root)
            read.append((source.id, receipt.edition, receipt.part, rows_read))
            rejected.append(runs)
        receipts += stored
    if not receipts:
        raise PipelineError(
            f"the archive {root} is empty; fill it with `stadtrang fetch --from DIR` (a folder with the publishers' files)"
        )
    _locate_stations(connection)
    accounts = pd.DataFrame(read, columns=["source_id", "edition", "part", "rows_read"])
    return accounts, pd.concat(rejected, ignore_index=True), pd.DataFrame([asdict(r) for r in receipts])


def _read_one(
    connection: duckdb.DuckDBPyConnection, source: Source, receipt: archive.Receipt, root: Path
) -> tuple[int, pd.DataFrame]:
    if receipt.edition not in source.editions:
        known = ", ".join(source.editions)
        raise ReadError(f"{source.id}: the archive holds edition {receipt.edition!r}, declared are {known}")
    parts = {archive.part_name(part): part for part in source.editions[receipt.edition].parts}
    if receipt.part not in parts:
        raise ReadError(
            f"{source.id}, edition {receipt.edition}: the archive holds part {receipt.part!r}, declared are {', '.join(parts)}"
        )
    reading = read_part(source, receipt.edition, parts[receipt.part], archive.fetch(root, receipt.sha256))
    rows = reading.rows.assign(source_id=source.id, edition=receipt.edition, part=receipt.part)
    if "variable" in rows:
        warehouse.append(connection, "raw_cells", rows[[c for c in CELL_COLUMNS if c in rows]])
    else:
        table = f"raw__{source.id}" + (f"__{rows['table'].iloc[0]}" if "table" in rows else "")
        warehouse.append(connection, table, rows.drop(columns=[c for c in ("table",) if c in rows]))
    runs = reading.rejected.assign(source_id=source.id, edition=receipt.edition, part=receipt.part)
    if source.redistribute != "yes" or source.personal:
        runs = runs.assign(raw=None)
    return reading.rows_read, runs[REJECTED]


def _locate_stations(connection: duckdb.DuckDBPyConnection) -> None:
    """raw__located_stations: the municipality whose outline is around each charging device."""
    names = warehouse.tables(connection)
    empty = pd.DataFrame({"edition": [], "row_number": [], "ags": []}, dtype="object")
    if not {"raw__bnetza_ladesaeulenregister", "raw__bkg_vg5000__outlines"} <= names:
        warehouse.table(
            connection,
            "raw__located_stations",
            empty.astype({"row_number": "int64", "edition": "str", "ags": "str"}),
        )
        return
    points = warehouse.frame(connection, "from raw__bnetza_ladesaeulenregister order by edition, row_number")
    points = points.assign(latitude=number_or_nan(points["latitude"]), longitude=number_or_nan(points["longitude"]))
    outlines = warehouse.frame(
        connection,
        "select ags, wkb from raw__bkg_vg5000__attributes join raw__bkg_vg5000__outlines using (row_number)",
    )
    points["ags"] = locate_points(points, outlines)
    warehouse.table(connection, "raw__located_stations", points[["edition", "row_number", "ags"]])


def type_tables(connection: duckdb.DuckDBPyConnection, catalog: Catalog, rejected: pd.DataFrame) -> list[str]:
    """Run sql/1_typed for the sources that were read; rejected rows leave the tables and join `rejected`."""
    models = warehouse.layer(catalog, "1_typed")
    there = warehouse.tables(connection)
    wanted = {
        name: sql
        for name, sql in models.items()
        if all(ref in there or ref in models for ref in warehouse.references(sql))
    }
    warehouse.run(connection, wanted)
    warehouse.table(connection, "rejected", rejected.astype(dict.fromkeys(("rule", "reason", "raw"), "str")))
    typed = sorted(name for name in wanted if name in catalog.typed_tables)
    for name in typed:
        _refuse_unknown_signs(connection, catalog.typed_tables[name], name)
        _split_rejected(connection, catalog.typed_tables[name], name)
    return typed


def _refuse_unknown_signs(connection: duckdb.DuckDBPyConnection, source: Source, name: str) -> None:
    if "sign_raw" not in warehouse.columns(connection, name):
        return
    rows = connection.execute(
        f"select edition, part, row_number, variable, sign_raw, count(*) over () from {name} "
        "where value is null and value_status is null and reject_rule is null order by all limit 1"
    ).fetchall()
    for edition, part, row, variable, sign, count in rows:
        file = next(p.file for p in source.editions[edition].parts if archive.part_name(p) == part)
        raise Place(source.id, edition, Path(file).name, part).fail(
            f"row {row}, {variable}: {sign!r} is neither a number nor a declared sign ({count} such cells). "
            f"Declared signs: {sorted(source.signs) or 'none'}; declare what it means in sources/{source.id}.yml"
        )


def _split_rejected(connection: duckdb.DuckDBPyConnection, source: Source, name: str) -> None:
    part = "part" if "part" in warehouse.columns(connection, name) else "null::varchar"
    connection.execute(
        f"insert into rejected by name select distinct '{source.id}' as source_id, edition, {part} as part, "
        f"row_number as row_first, row_number as row_last, reject_rule as rule, reject_reason as reason, "
        f"null::varchar as raw from {name} where reject_rule is not null"
    )
    connection.execute(
        f"create or replace table {name} as select * exclude (reject_rule, reject_reason) from {name} where reject_rule is null"
    )


def balance(connection: duckdb.DuckDBPyConnection, accounts: pd.DataFrame, typed: Iterable[str]) -> pd.DataFrame:
    """Per source and edition: rows read = rows used + rows rejected, to the row, or nothing is written."""
    warehouse.table(connection, "rows_read", accounts)
    columns = {name: warehouse.columns(connection, name) for name in typed}
    used = " union all ".join(
        f"select '{name.split('__')[1]}' as source_id, edition, "
        f"{'part' if 'part' in columns[name] else repr(name)} as part, row_number from {name}"
        for name in sorted(columns)
    )
    result = warehouse.frame(
        connection,
        f"""
        with used as (
          select source_id, edition, count(distinct (part, row_number)) as rows_used from ({used}) group by all
        ), rejected_rows as (
          select source_id, edition, sum(row_last - row_first + 1)::bigint as rows_rejected from rejected group by all
        ), read_rows as (
          select source_id, edition, sum(rows_read)::bigint as rows_read from rows_read
          where not (source_id = 'bkg_vg5000' and part = 'shp') group by all
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
    for source in catalog.sources.values():
        writer.writerow([source.id, source.title, source.publisher, source.licence, source.attribution, source.page])
    return text.getvalue()


def _parent(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.parent


def _replace(folder: Path, target: Path) -> None:
    """The new figures take the place of the old ones in one step."""
    fresh = target.with_name(f".{target.name}.new")
    old = target.with_name(f".{target.name}.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(folder, fresh)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def load(connection: duckdb.DuckDBPyConnection, catalog: Catalog, folder: Path) -> None:
    """Typed tables, rejected, receipts and accounts of a figures folder into the warehouse."""
    for name in table_names(catalog):
        load_table(connection, folder, name)


def table_names(catalog: Catalog) -> list[str]:
    """Every table of a figures folder."""
    return [*sorted(catalog.typed_tables), "rejected", "accounts", "receipts"]


def load_table(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> None:
    """One table of a figures folder as a view in the warehouse: read when it is needed, never held."""
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise PipelineError(f"figures {folder}: {path.name} is missing; make it with `stadtrang figures`")
    try:
        connection.read_parquet(str(path)).create_view(name)
    except duckdb.Error as error:
        raise ReadError(f"figures: {path.name} is not readable: {str(error).splitlines()[0]}") from error


def sums(catalog: Catalog, folder: Path) -> dict[str, str]:
    """Table name to sha256 of its file, for the lock of an edition."""
    return {
        name: hashlib.sha256((folder / f"{name}.parquet").read_bytes()).hexdigest() for name in table_names(catalog)
    }
