"""How the SQL of all editions grows: time and peak memory with 4, 8 and 16 editions.

    python bench/growth.py [--threads N]

More editions than there are data are made by shifting: every typed table once more with its dates twelve years later,
under editions and years of their own. The rows, keys and joins are then those of a longer life of the project; what
the models say of these years is of course no figure of any town.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import duckdb
from stages import measure

from pipeline import build, catalog, figures, warehouse

EDITIONS, SPAN = 4, 12  # declared editions; years from the first list of municipalities to the last
SHIFTED = ("DATE", "TIMESTAMP")


def sql(copies: int, threads: int) -> None:
    """Core, indicators and values, as a build makes them, on `copies` times the years."""
    declared = catalog.load()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        with warehouse.connect(threads) as connection:
            _grown_figures(connection, declared, copies)
            build.derive_shared(connection, declared, work)
            years = [year for (year,) in connection.execute("select edition_year from frame__years").fetchall()]
        for year in years:
            with warehouse.connect(threads) as connection:
                build.derive_edition(connection, declared, work, year)
        files = warehouse.literal(str(work / "*" / "*" / "edition__values.parquet"))
        with warehouse.connect() as connection:
            (values,) = connection.execute(f"select count(*) from read_parquet({files})").fetchone() or (0,)
    editions = EDITIONS * copies
    assert len(years) == editions
    assert values > 10_000 * editions * 40, f"{values:,} values are too few for {editions} editions"


def _grown_figures(connection: duckdb.DuckDBPyConnection, declared: catalog.Catalog, copies: int) -> None:
    """The typed tables and what is declared of years, so many times, in the schema that is used from then on."""
    warehouse.declare(connection, declared)
    figures.load(connection, declared, figures.BUNDLED)
    there = [*sorted(figures.table_names(declared)), "frame__editions", "frame__years", "frame__signs"]
    connection.execute("create schema grown")
    for name in there:
        _grow(connection, name, copies)
    for name in sorted(warehouse.tables(connection)):
        if name.startswith("frame__") and name not in there:
            connection.execute(f'create view grown."{name}" as from main."{name}"')
    connection.execute("use grown")


def _grow(connection: duckdb.DuckDBPyConnection, name: str, copies: int) -> None:
    """A view of a table and its copies, each shifted by the span of the data."""
    kinds = warehouse.describe(connection, f'from main."{name}"')
    parts = []
    for copy in range(copies):
        later = SPAN * copy
        dates = [column for column, kind in kinds.items() if kind in SHIFTED]
        changes = [f'("{c}" + interval {later} year)::{kinds[c]} as "{c}"' for c in dates]
        changes += [f'"{c}" + {later} as "{c}"' for c in kinds if c in ("year", "edition_year")]
        changes += [f"edition || '+{later}' as edition" for c in kinds if c == "edition" and copy]
        replaced = f" replace ({', '.join(changes)})" if changes and copy else ""
        parts.append(f'select *{replaced} from main."{name}"')
    connection.execute(f'create view grown."{name}" as {" union all ".join(parts)}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    print(f"SQL of all editions, {threads} threads\n{'editions':>8} {'seconds':>8} {'peak MB':>8} {'per edition':>12}")
    for copies in (1, 2, 4):
        seconds, peak = measure(sql, copies, threads)
        editions = EDITIONS * copies
        print(f"{editions:8} {seconds:8.2f} {peak:8.0f} {seconds / editions:12.2f}", flush=True)


if __name__ == "__main__":
    main()
