"""From the figures to published editions, in steps that a person, a test or a flow can call one by one.

    check_source     per source: the suites of its typed tables
    prepare          SQL and scores for all declared editions, and the panel of all of them
    simulate         per edition: the draws that intervals and chances are counted in
    write_edition    per edition: checks of the published tables, files beside the editions
    place            all of them into place, or none

Steps hand over files in a work folder, never frames. All editions are always computed, since a rank's change needs
the year before; only the wanted ones and those before them are drawn, and only the wanted ones are published.
"""

from __future__ import annotations

import atexit
import gc
import json
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from pipeline import checks, figures, findings, intervals, matching, panel, publish, scores, verdicts, warehouse
from pipeline.catalog import Catalog
from pipeline.errors import CheckError

EDITION_MEMORY = "350MB"  # of DuckDB; two editions are written at a time
CHECKS, FAILING = "checks", "failing"  # folders of the work folder


@dataclass(frozen=True)
class Checked:
    """What the suites of one source's tables said; `critical` stops publication."""

    source_id: str
    executed: int
    critical: list[str]


def build(
    catalog: Catalog,
    folder: Path,
    out: Path,
    years: Sequence[int],
    threads: int = 1,
    draws: int | None = None,
    seed: int | None = None,
) -> list[publish.Published]:
    """Typed tables to published editions, without Prefect, in two processes: checks beside SQL, then the editions.

    folder: the figures; out: the folder of editions; draws, seed: other than the method's own; with 0 draws there are
    no intervals. Raises CheckError when a critical check fails (nothing is published), PipelineError for unreadable
    figures or an unwritable folder.
    """
    for year in years:
        intervals.settings(catalog, year, draws, seed)
    with (
        publish.writer(out),
        publish.staging(out) as staged,
        tempfile.TemporaryDirectory(prefix="stadtrang-") as name,
        two_processes() as pool,
    ):
        work = Path(name)
        prepared = pool.submit(prepare, catalog, folder, work, threads)
        checked = pool.submit(check_sources, catalog, folder, work)
        figures.require_schema(catalog, folder)
        require(checked.result(), work, out)
        prepared.result()
        drawn = [pool.submit(intervals.simulate, catalog, work, year, draws, seed) for year in to_draw(catalog, years)]
        for year_drawn in drawn:
            year_drawn.result()
        running = [pool.submit(write_edition, catalog, work, year, staged, out, threads) for year in sorted(years)]
        for edition in running:
            edition.result()
        return place(catalog, years, staged, out)


def two_processes() -> ProcessPoolExecutor:
    """Where the steps run beside each other: threads of one process would wait for each other and keep its memory."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(2, spawn, initializer=_start_worker, initargs=(os.getpid(),))


def to_draw(catalog: Catalog, years: Sequence[int]) -> list[int]:
    """The wanted years and those before them."""
    return sorted({y for year in years for y in (year - 1, year) if y in catalog.editions})


def place(catalog: Catalog, years: Sequence[int], staged: Path, out: Path) -> list[publish.Published]:
    """Publish what was written: all editions or, where one of them failed before, none."""
    editions = [catalog.edition(year) for year in sorted(years)]
    for edition in editions:
        publish.is_new(staged, edition, out)  # all are looked at before the first is moved
    published = [publish.place(staged, edition, out) for edition in editions]
    publish.point_to_newest(out)
    panel.place(staged, out)
    return published


def _start_worker(parent: int) -> None:
    """In a worker: end when the main process is gone, which alone holds the right to write; load the library of the
    checks while DuckDB computes; and never look for garbage, which costs a tenth of the checks and finds nothing in a
    process of a few seconds."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    gc.freeze()
    atexit.register(os._exit, 0)  # and it need not be taken apart at the end
    threading.Thread(target=watch, daemon=True).start()
    threading.Thread(target=checks.warm_up, daemon=True).start()


def check_sources(catalog: Catalog, folder: Path, work: Path) -> list[Checked]:
    """`check_source` for every source."""
    with warehouse.connect() as connection:
        return [_check_source(connection, catalog, folder, source_id, work) for source_id in sorted(catalog.retrieved)]


def check_source(catalog: Catalog, folder: Path, source_id: str, work: Path) -> Checked:
    """What the suites of a source's typed tables say; results and failing rows go to the work folder."""
    with warehouse.connect() as connection:
        return _check_source(connection, catalog, folder, source_id, work)


def _check_source(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, folder: Path, source_id: str, work: Path
) -> Checked:
    verdict = verdicts.of_source(connection, catalog, folder, source_id)
    warehouse.save(connection, verdict.checks, work / CHECKS / f"{source_id}.parquet")
    warehouse.save(connection, verdict.failing, work / FAILING / f"{source_id}.parquet")
    return Checked(source_id, len(verdict.checks), checks.critical_failures(verdict.checks))


def require(checked: Sequence[Checked], work: Path, out: Path) -> None:
    """Go on only if no critical check of a source failed; else leave the findings beside the editions and stop."""
    critical = [message for result in checked for message in result.critical]
    if critical:
        with warehouse.connect() as connection:
            _stop(connection, "sources", critical, _stored(work / CHECKS), _stored(work / FAILING), out)


def _stored(folder: Path) -> str:
    return f"from read_parquet({warehouse.literal(str(folder / '*.parquet'))}, union_by_name = true)"


def _stop(
    connection: duckdb.DuckDBPyConnection,
    what: str,
    critical: list[str],
    checks_sql: str,
    failing_sql: str,
    out: Path,
) -> None:
    refused = publish.refuse(connection, what, checks_sql, failing_sql, out)
    raise CheckError(
        f"{what}: {len(critical)} critical check(s) failed; nothing was published from it and the last good edition "
        "stands. "
        f"All results and the failing rows are in {refused}\n" + "\n".join(critical)
    )


def prepare(catalog: Catalog, folder: Path, work: Path, threads: int = 1) -> None:
    """Core, indicators and scores of all declared editions: what the published models read, as Parquet in the work
    folder. The models themselves run per edition, beside each other; the panel, which holds all years, is made here.
    """
    with warehouse.connect(threads) as connection:
        derive(connection, catalog, folder)
        joins = matching.account(connection, catalog)
        warehouse.save(connection, joins, work / CHECKS / "joins.parquet")
        matching.require(joins)
        scores.score_all(connection, catalog)
        findings.find(connection, catalog)
        for name in publish.inputs(catalog):
            target = work / intervals.INPUTS / f"{name}.parquet"
            warehouse.write_parquet(connection, f'from "{name}"', target, compression="snappy")
        outcome = panel.make(connection, catalog, work)
        warehouse.save(connection, outcome.checks, work / CHECKS / panel.FILE)
        failing = _published_rows("all", panel.PANEL, outcome.failing)
        warehouse.save(connection, failing, work / FAILING / panel.FILE)
        if critical := checks.critical_failures(outcome.checks):
            raise CheckError(f"{panel.FILE}: nothing was published\n" + "\n".join(critical))
    sums = json.dumps(figures.sums(catalog, folder), indent=1)
    (work / "figures.json").write_text(sums, "utf-8")


def derive(connection: duckdb.DuckDBPyConnection, catalog: Catalog, folder: Path) -> None:
    """Figures to the tables that scores and files are made from; whatever only leads there is dropped on the way."""
    warehouse.declare(connection, catalog)
    figures.load(connection, catalog, folder)
    published = publish.models(catalog)
    models = warehouse.layer(catalog, "2_core", "3_indicators", "4_rankings")
    models = {name: sql for name, sql in models.items() if name not in published}
    models["indicator_values"] = warehouse.union_of_indicators(catalog)
    kept = {*publish.inputs(catalog), *findings.inputs(catalog), *panel.inputs(catalog), matching.JOINS}
    warehouse.run(connection, models, keep=kept)


def write_edition(catalog: Catalog, work: Path, year: int, staged: Path, out: Path, threads: int = 1) -> None:
    """Check the published tables of one edition and write its files to the staging folder.

    Raises CheckError for a failed critical check; its findings go to <out>/refused/.
    """
    edition = catalog.edition(year)
    intervals.compare(catalog, work, year)
    with warehouse.connect(threads, EDITION_MEMORY) as connection:
        publish.write_tables(connection, catalog, work, edition, staged)
        results, failing = [], []
        for name in (name for name in publish.FILES if name not in publish.FINDINGS):
            outcome = verdicts.run_suite(connection, name, f"from {name}")
            results.append(outcome.checks)
            failing.append(_published_rows(str(edition.year), name, outcome.failing))
        found = pd.concat(results, ignore_index=True)
        warehouse.table(connection, "found", found)
        warehouse.table(connection, "failed", pd.concat(failing, ignore_index=True))
        if critical := checks.critical_failures(found):
            _stop(connection, f"edition {year}", critical, "from found", "from failed", out)
        connection.execute(
            f"create table checks as select {year}::smallint as edition_year, * from "
            f"(from found union all by name ({_stored(work / CHECKS)}))"
        )
        connection.execute(
            f"insert into rejected by name select {year} as edition_year, * from "
            f"(from failed union all by name ({_stored(work / FAILING)}))"
        )
        publish.write_findings(connection, catalog, work, edition, staged)
    panel.stage(work, staged)


def _published_rows(edition: str, table: str, failing: pd.DataFrame) -> pd.DataFrame:
    """Failing rows of a published table: the row counts in the order of the file."""
    return pd.DataFrame(
        {
            "source_id": "stadtrang",
            "edition": edition,
            "part": table,
            "row_first": failing["position"].to_numpy(dtype="int64") + 1,
            "row_last": failing["position"].to_numpy(dtype="int64") + 1,
            "rule": ("check_" + failing["severity"].astype("str")).to_numpy(),
            "reason": failing["reason"].astype("str").to_numpy(),
        }
    )
