"""editions/panel.parquet: every municipality of the newest list in every edition year, where it is the same place.

Made with the scores of all years, staged beside the editions, and put into place after the last of them.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipeline import publish, verdicts, warehouse
from pipeline.archive import write_atomic
from pipeline.catalog import Catalog
from pipeline.checks import Outcome

PANEL = "panel"
FILE = f"{PANEL}.parquet"
KEY = "ags, edition_year"


def inputs(catalog: Catalog) -> set[str]:
    """The tables that the panel is made from."""
    return set(warehouse.references(catalog.sql[PANEL]))


def make(connection: duckdb.DuckDBPyConnection, catalog: Catalog, work: Path) -> Outcome:
    """Write <work>/panel.parquet and ask its suite of what was written. Raises CatalogError for undeclared columns."""
    editions = [catalog.editions[year] for year in sorted(catalog.editions)]
    methods = sorted({f"{catalog.methods[e.method].id} {catalog.methods[e.method].version}" for e in editions})
    metadata = {
        "title": "stadtrang, all editions on the newest territory",
        "editions": ", ".join(f"{e.year} {e.revision}" for e in editions),
        "method": ", ".join(methods),
        **publish.rights(catalog),
    }
    warehouse.write_parquet(connection, f"{catalog.sql[PANEL]} order by {KEY}", work / FILE, metadata)
    connection.read_parquet(str(work / FILE)).create_view(PANEL)
    publish.check_columns(connection, catalog, [PANEL])
    return verdicts.run_suite(connection, PANEL, f"from {PANEL}")


def stage(work: Path, staged: Path) -> None:
    """Beside the editions; every edition that is written does it, since none knows whether it is the only one."""
    write_atomic(staged / FILE, (work / FILE).read_bytes())


def place(staged: Path, out: Path) -> None:
    """Into place in one step; equal bytes change nothing."""
    content = (staged / FILE).read_bytes()
    if not (out / FILE).is_file() or (out / FILE).read_bytes() != content:
        write_atomic(out / FILE, content)
