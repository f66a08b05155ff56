"""From the figures to published editions, in steps that a person, a test or a flow can call one by one.

    check_source     per source: the suites of its typed tables
    prepare          core and indicators, of all years
    score_edition    per edition: values and scores
    conclude         what rests on all editions: findings, and the panel
    simulate         per edition: the draws that intervals and chances are counted in
    write_edition    per edition: checks of the published tables, files beside the editions
    place            all of them into place, or none

Steps hand over files in a work folder, never frames. Those of an edition run beside each other, so that memory holds
one or two of them, however many there are. All editions are always computed, since a rank's change needs the year
before; only the wanted ones and those before them are drawn, and only the wanted ones are published.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import pandas as pd

from pipeline import (
    changes,
    checks,
    figures,
    findings,
    intervals,
    matching,
    panel,
    processes,
    publish,
    scores,
    verdicts,
    warehouse,
    workfolder,
)
from pipeline.catalog import Catalog
from pipeline.errors import CheckError

EDITION_MEMORY = "300MB"  # of DuckDB; two editions are written at a time
CHECKS, FAILING = "checks", "failing"  # folders of the work folder
YEARS, INDICATORS = "frame__years", "indicator_values"


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
        processes.two_processes() as pool,
    ):
        work = workfolder.inside(staged)
        checked = pool.submit(check_sources, catalog, folder, work)
        figures.require_schema(catalog, folder)
        prepare(catalog, folder, work, threads)  # here, while the others load what they need
        require(checked.result(), work, out)
        steps: dict[str, tuple[list[str], Callable[[], None]]] = {}  # what each needs, and what it does
        for year in sorted(catalog.editions):
            steps[f"score {year}"] = [], partial(score_edition, catalog, work, year, threads)
        steps["conclude"] = [*steps], partial(conclude, catalog, work, threads)
        for year in to_draw(catalog, years):
            steps[f"draw {year}"] = [f"score {year}"], partial(intervals.simulate, catalog, work, year, draws, seed)
        for year in sorted(years):
            needs = ["conclude", *(f"draw {drawn}" for drawn in to_draw(catalog, [year]))]
            steps[f"write {year}"] = needs, partial(write_edition, catalog, work, year, staged, out, threads)
        processes.in_turn({step: needs for step, (needs, _) in steps.items()}, lambda step: pool.submit(steps[step][1]))
        return place(catalog, years, staged, out)


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


def compute(catalog: Catalog, folder: Path, work: Path, threads: int = 1) -> None:
    """Everything before the draws, one step after another in this process."""
    prepare(catalog, folder, work, threads)
    for year in sorted(catalog.editions):
        score_edition(catalog, work, year, threads)
    conclude(catalog, work, threads)


def prepare(catalog: Catalog, folder: Path, work: Path, threads: int = 1) -> None:
    """Core and indicators of all years: what editions, findings, panel and files read of them, into the work folder.

    Raises PipelineError where too few names or keys of a source found their place.
    """
    with warehouse.connect(threads) as connection:
        warehouse.declare(connection, catalog)
        figures.load(connection, catalog, folder)
        derive_shared(connection, catalog, work)
        joins = matching.account(connection, catalog)
        warehouse.save(connection, joins, work / CHECKS / "joins.parquet")
        matching.require(joins)
    sums = json.dumps(figures.sums(catalog, folder), indent=1)
    (work / "figures.json").write_text(sums, "utf-8")


def score_edition(catalog: Catalog, work: Path, year: int, threads: int = 1) -> None:
    """Values, scores and their lines through size of one edition, from what `prepare` left."""
    with warehouse.connect(threads) as connection:
        derive_edition(connection, catalog, work, year)
        scored = scores.score(catalog, scores.read_year(connection, catalog, year))
        frames = scores.tables(catalog, scored)
        for name, frame in frames.items():
            workfolder.keep_frame(connection, work, name, frame, year)
        workfolder.show(connection, work, frames, [year])
        findings.measure_size(connection, catalog)
        workfolder.keep(connection, work, [findings.LINES, findings.FREED], year)
    changes.keep(catalog, work, scored)


def derive_shared(connection: duckdb.DuckDBPyConnection, catalog: Catalog, work: Path) -> None:
    """The models of all years from loaded figures; what later steps read of them, and of the figures, is kept."""
    read = _read_later(catalog).union(*map(warehouse.references, _of_edition(catalog).values()))
    models = _shared(catalog)
    workfolder.derive(connection, work, models, read | {matching.JOINS}, beside=processes.BESIDE)
    workfolder.keep(connection, work, sorted(read & warehouse.all_columns(connection).keys() - models.keys()))


def derive_edition(connection: duckdb.DuckDBPyConnection, catalog: Catalog, work: Path, year: int) -> None:
    """The models of one edition from what `derive_shared` kept, in an empty database; those of later use are kept."""
    models = _of_edition(catalog)
    read = set().union(*map(warehouse.references, models.values())) - models.keys() - {YEARS}
    workfolder.show(connection, work, read, [])
    years = warehouse.literal(str(workfolder.path(work, YEARS)))
    connection.execute(f"create view {YEARS} as from read_parquet({years}) where edition_year = {year}")
    workfolder.derive(connection, work, models, _read_later(catalog) & models.keys(), year)


def conclude(catalog: Catalog, work: Path, threads: int = 1) -> None:
    """What rests on all editions: years of values, findings, and the panel with its checks.

    Raises CheckError for a failed critical check of the panel.
    """
    spans = {publish.SPANS: catalog.sql[publish.SPANS]}
    read = {*findings.inputs(catalog), *panel.inputs(catalog), *warehouse.references(spans[publish.SPANS])}
    with warehouse.connect(threads) as connection:
        workfolder.show(connection, work, read, sorted(catalog.editions))
        there = warehouse.all_columns(connection).keys()
        warehouse.run(connection, spans)
        findings.find(connection, catalog)
        workfolder.keep(
            connection, work, sorted(set(publish.inputs(catalog)) & warehouse.all_columns(connection).keys() - there)
        )
        outcome = panel.make(connection, catalog, work)
        warehouse.save(connection, outcome.checks, work / CHECKS / panel.FILE)
        failing = _published_rows("all", panel.PANEL, outcome.failing)
        warehouse.save(connection, failing, work / FAILING / panel.FILE)
        if critical := checks.critical_failures(outcome.checks):
            raise CheckError(f"{panel.FILE}: nothing was published\n" + "\n".join(critical))


def derive(connection: duckdb.DuckDBPyConnection, catalog: Catalog, folder: Path) -> None:
    """Figures to the values of all editions of a catalogue, in one database; what only leads there is dropped."""
    warehouse.declare(connection, catalog)
    figures.load(connection, catalog, folder)
    models = _shared(catalog) | _of_edition(catalog)
    warehouse.run(connection, models, keep=_read_later(catalog) | {matching.JOINS})


def _shared(catalog: Catalog) -> dict[str, str]:
    """The models of all years: core, indicators, and the account of joins."""
    models = warehouse.layer(catalog, "2_core", "3_indicators")
    return models | {INDICATORS: warehouse.union_of_indicators(catalog), matching.JOINS: catalog.sql[matching.JOINS]}


def _of_edition(catalog: Catalog) -> dict[str, str]:
    """The models that each edition has for itself: places and values, regions and members."""
    models = warehouse.layer(catalog, "4_rankings")
    return {name: sql for name, sql in models.items() if name.startswith(("edition__", "region__"))}


def _read_later(catalog: Catalog) -> set[str]:
    """The tables that scores, findings, panel or files read."""
    return {*intervals.READ, *publish.inputs(catalog), *findings.inputs(catalog), *panel.inputs(catalog)}


def write_edition(catalog: Catalog, work: Path, year: int, staged: Path, out: Path, threads: int = 1) -> None:
    """Check the published tables of one edition and write its files to the staging folder.

    Raises CheckError for a failed critical check; its findings go to <out>/refused/.
    """
    edition = catalog.edition(year)
    with warehouse.connect(threads, EDITION_MEMORY) as connection:
        changes.compare(connection, catalog, work, year)
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
