"""The yearly ranking as a Prefect flow: fetch, type, check every source, prepare, publish every edition, report.

It orders functions of `pipeline` and computes nothing. Tasks hand over paths and small JSON; what they share
lies in a work folder. By hand: `python flows/yearly_ranking.py` serves it with its yearly schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prefect import flow, runtime
from prefect.futures import PrefectFuture
from prefect.schedules import Cron

from pipeline import build, catalog, intervals, publish, workfolder
from pipeline import figures as typed
from pipeline.cli import home
from pipeline.errors import CheckError, UsageError
from pipeline.operations import (
    STORES_NOTHING,
    Progress,
    askable,
    catalogue,
    check_source,
    conclude,
    event,
    place,
    prepare,
    processes,
    refresh,
    report,
    score_edition,
    simulate,
    task_runner,
    tell_failure,
    type_figures,
    write_edition,
)

# as in prefect.yaml; the yearly municipality list appears from August to October
SCHEDULE = Cron("0 3 15 10 *", timezone="Europe/Berlin", slug="yearly")


def _run_name() -> str:
    years = runtime.flow_run.parameters.get("years")
    return "ranking-" + ("-".join(str(year) for year in years) if years else "all")


@flow(
    name="yearly-ranking",
    flow_run_name=_run_name,
    log_prints=False,
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
    on_cancellation=[tell_failure],
    task_runner=task_runner(__name__),
    **STORES_NOTHING,
)
def yearly_ranking(
    years: list[int] | None = None,
    method: str = "default",
    figures: str | None = None,
    archive: str | None = None,
    sources: list[str] | None = None,
    out: str | None = None,
    draws: int | None = None,
    seed: int | None = None,
    dry_run: bool = False,
) -> list[dict[str, Any]]:
    """Publish the editions of the given years (all declared ones by default).

    figures: folder of typed tables, the bundled ones by default. With an archive they are made from it anew, after
    asking the publishers of the given sources (all that have an address by default, none for []), and written to
    `figures`, by default that folder of STADTRANG_HOME. out: folder of the editions, by default `editions` of
    STADTRANG_HOME; method: must be the method that the editions declare; draws, seed: of the uncertainty run, the
    method's own by default; dry_run: everything but the publication.
    """
    declared = catalogue()
    wanted = sorted(declared.editions if years is None else years)
    if not wanted:
        raise UsageError("years is empty: leave it out for all editions; a backfill's first year is not after its last")
    for year in wanted:
        if declared.edition(year).method != method:
            raise publish.PipelineError(
                f"edition {year} is declared with method {declared.edition(year).method!r}, not {method!r}"
            )
        intervals.settings(declared, year, draws, seed)
    asked = askable(sources) if archive else []
    folder, target = figures or str(typed.BUNDLED), Path(out or home() / "editions")
    published: list[dict[str, Any]] = []
    with publish.writer(target), processes():
        progress = Progress("yearly-ranking", total=5 + len(asked), out=target)
        try:
            if archive:
                folder = _figures(asked, archive, figures or str(home() / "figures"), progress)
            typed.require_schema(declared, Path(folder))
            published = _publish(declared, wanted, folder, target, dry_run, progress, draws, seed)
        finally:  # a run that fails is reported too
            editions = [publish.Published(p["year"], p["revision"], Path(p["folder"]), p["is_new"]) for p in published]
            report(progress, editions, Path(folder), target, key="run-report")
    return published


@flow(name="backfill", log_prints=False, on_crashed=[tell_failure], on_cancellation=[tell_failure], **STORES_NOTHING)
def backfill(first: int, last: int, figures: str | None = None, out: str | None = None) -> list[dict[str, Any]]:
    """The editions of a range of years, both ends included; those that stand with equal bytes stay as they are. The run
    of the yearly flow inside tells its failure itself."""
    published: list[dict[str, Any]] = yearly_ranking(years=list(range(first, last + 1)), figures=figures, out=out)
    return published


def _figures(asked: list[str], archive: str, folder: str, progress: Progress) -> str:
    """New figures from the archive, after asking the publishers; a source that failed keeps its last good file."""
    refresh(asked, archive, progress)
    with progress.step("typed tables from the archive"):
        return type_figures(archive, folder)


def _publish(
    declared: catalog.Catalog,
    wanted: list[int],
    folder: str,
    out: Path,
    dry_run: bool,
    progress: Progress,
    draws: int | None,
    seed: int | None,
) -> list[dict[str, Any]]:
    with publish.staging(out) as staged:
        work = str(workfolder.inside(staged))  # on the disk of the editions: workers on other machines see it too
        with progress.step("checks of the typed tables, core and indicators"):
            prepared = prepare.submit(folder, work)  # the SQL runs while the checks do
            checking = [check_source.submit(source_id, folder, work) for source_id in sorted(declared.retrieved)]
            checked = [check.result() for check in checking]
            prepared.wait()
            _or_refuse("sources", lambda: build.require([build.Checked(**c) for c in checked], Path(work), out))
            prepared.result()
        with progress.step("values and scores"):
            _all({year: score_edition.submit(work, year) for year in sorted(declared.editions)})
        with progress.step("draws, findings, panel"):
            concluded = {"all": conclude.submit(work)}
            drawing = {y: simulate.submit(work, y, draws, seed) for y in build.to_draw(declared, wanted)}
            _all({**concluded, **drawing})
        with progress.step("editions: SQL, checks, files"):
            _all({year: write_edition.submit(work, year, str(staged), str(out)) for year in wanted})
        with progress.step("publication") as told:
            if dry_run:
                told["note"] = "dry run: nothing was published"
                return []
            published: list[dict[str, Any]] = place(wanted, str(staged), str(out))
    for edition in published:
        event("published" if edition["is_new"] else "unchanged", f"edition.{edition['year']}", **edition)
    return published


def _all(running: Mapping[int | str, PrefectFuture[None]]) -> None:
    """Wait for tasks of editions that run beside each other, all of them, before the first failure is told."""
    for task in running.values():
        task.wait()
    for edition, task in running.items():
        _or_refuse(f"edition.{edition}", task.result)


def _or_refuse(subject: str, step: Callable[[], object]) -> None:
    """A critical check that failed is an event of its own: nothing was published."""
    try:
        step()
    except CheckError as error:
        event("refused", subject, reason=str(error)[:1000])
        raise


if __name__ == "__main__":
    yearly_ranking.serve(name="yearly", schedule=SCHEDULE, pause_on_shutdown=False, limit=1)
