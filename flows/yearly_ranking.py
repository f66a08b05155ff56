"""The yearly ranking as a Prefect flow: fetch, type, check every source, prepare, publish every edition, report.

It orders functions of `pipeline` and computes nothing. Tasks hand over paths and small JSON; what they share
lies in a work folder. By hand: `python flows/yearly_ranking.py` serves it with its yearly schedule.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from pathlib import Path
from typing import Any

from prefect import flow, runtime, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from pipeline import build, catalog, publish, run_report
from pipeline import figures as typed
from pipeline.errors import CheckError
from pipeline.operations import Progress, askable, event, is_worth_a_retry, refresh, retry_delays, tell_failure

CRON, TIMEZONE = "0 3 15 10 *", "Europe/Berlin"  # the yearly municipality list appears from August to October
DELAYS = retry_delays([5, 60])  # seconds; a full disk or a busy file system, never bad data
TRIES: dict[str, Any] = {
    "retries": len(DELAYS),
    "retry_delay_seconds": DELAYS,
    "retry_condition_fn": is_worth_a_retry,
    "cache_policy": NO_CACHE,
}


def _run_name() -> str:
    years = runtime.flow_run.parameters.get("years")
    return "ranking-" + ("-".join(str(year) for year in years) if years else "all")


@task(**TRIES)
def type_figures(archive: str, folder: str) -> str:
    """The archive read into typed tables."""
    typed.make(catalog.load(), Path(archive), Path(folder))
    return folder


@task(task_run_name="check-{source_id}", **TRIES)
def check_source(source_id: str, folder: str, work: str) -> dict[str, Any]:
    """Run the suites of one source's typed tables."""
    checked = build.check_source(catalog.load(), Path(folder), source_id, Path(work))
    return {"source_id": source_id, "executed": checked.executed, "critical": checked.critical}


@task(**TRIES)
def prepare(folder: str, work: str) -> str:
    """SQL and scores of all declared editions."""
    build.prepare(catalog.load(), Path(folder), Path(work))
    return work


@task(task_run_name="write-{year}", **TRIES)
def write_edition(work: str, year: int, staged: str, out: str) -> None:
    """Check and write the files of one edition beside the editions."""
    shutil.rmtree(Path(staged) / str(year), ignore_errors=True)  # of a try before this one
    build.write_edition(catalog.load(), Path(work), year, Path(staged), Path(out))


@task(cache_policy=NO_CACHE)
def place(years: list[int], staged: str, out: str) -> list[dict[str, Any]]:
    """Publish all editions that were written, or none."""
    published = build.place(catalog.load(), years, Path(staged), Path(out))
    return [{"year": p.year, "revision": p.revision, "folder": str(p.folder), "is_new": p.is_new} for p in published]


@task(cache_policy=NO_CACHE)
def write_report(
    published: list[dict[str, Any]], figures: str, steps: list[dict[str, Any]], out: str, started: str
) -> str:
    """The run report: as Prefect artifacts, and as HTML and JSON beside the editions."""
    editions = [publish.Published(p["year"], p["revision"], Path(p["folder"]), p["is_new"]) for p in published]
    sections = run_report.sections(editions, Path(figures), [run_report.Step(**step) for step in steps])
    page = run_report.write(sections, Path(out), dt.datetime.fromisoformat(started))
    create_markdown_artifact(
        run_report.markdown(sections), key="run-report", description="What the run read, checked and published"
    )
    create_link_artifact(page.resolve().as_uri(), key="run-report-page", link_text="the report beside the editions")
    for edition in editions:
        create_link_artifact(edition.folder.resolve().as_uri(), key=f"edition-{edition.year}", link_text="its files")
    return str(page)


@flow(
    name="yearly-ranking",
    flow_run_name=_run_name,
    log_prints=False,
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
    on_cancellation=[tell_failure],
)
def yearly_ranking(
    years: list[int] | None = None,
    method: str = "default",
    figures: str | None = None,
    archive: str | None = None,
    sources: list[str] | None = None,
    home: str = ".",
    out: str = "editions",
    dry_run: bool = False,
) -> list[dict[str, Any]]:
    """Publish the editions of the given years (all declared ones by default).

    figures: folder of typed tables, the bundled ones by default. With an archive they are made from it anew, after
    asking the publishers of the given sources (all that have an address by default, none for []). out: folder of the
    editions; method: must be the method that the editions declare; dry_run: everything but the publication.
    """
    declared = catalog.load()
    wanted = sorted(years or declared.editions)
    for year in wanted:
        if declared.edition(year).method != method:
            raise publish.PipelineError(
                f"edition {year} is declared with method {declared.edition(year).method!r}, not {method!r}"
            )
    asked = askable(sources) if archive else []
    started, progress = dt.datetime.now(dt.UTC), Progress("yearly-ranking", total=3 + len(asked) + len(wanted))
    folder, published = figures or str(typed.BUNDLED), []
    with publish.writer(Path(out)):
        try:
            if archive:
                folder = _figures(asked, archive, figures or str(Path(home) / "figures"), home, progress)
            typed.require_schema(declared, Path(folder))
            published = _publish(declared, wanted, folder, out, dry_run, progress)
        finally:  # a run that fails is reported too
            write_report(published, folder, [vars(step) for step in progress.steps], out, started.isoformat())
    return published


@flow(name="backfill", log_prints=False, on_failure=[tell_failure], on_crashed=[tell_failure])
def backfill(first: int, last: int, figures: str | None = None, out: str = "editions") -> list[dict[str, Any]]:
    """The editions of a range of years, both ends included; those that stand with equal bytes stay as they are."""
    published: list[dict[str, Any]] = yearly_ranking(years=list(range(first, last + 1)), figures=figures, out=out)
    return published


def _figures(asked: list[str], archive: str, folder: str, home: str, progress: Progress) -> str:
    """New figures from the archive, after asking the publishers; a source that failed keeps its last good file."""
    refresh(asked, archive, home, progress)
    with progress.step("typed tables from the archive"):
        return type_figures(archive, folder)


def _publish(
    declared: catalog.Catalog, wanted: list[int], folder: str, out: str, dry_run: bool, progress: Progress
) -> list[dict[str, Any]]:
    with (
        publish.staging(Path(out)) as staged,
        tempfile.TemporaryDirectory(prefix="stadtrang-") as work,
    ):
        with progress.step("checks of the typed tables, SQL and scores"):
            prepared = prepare.submit(folder, work)  # the SQL runs while the checks do
            checked = [check_source(source_id, folder, work) for source_id in sorted(declared.retrieved)]
            prepared.wait()
            _or_refuse("sources", lambda: build.require([build.Checked(**c) for c in checked], Path(work), Path(out)))
            prepared.result()
        for year in wanted:
            with progress.step(f"edition {year}: SQL, checks, files"):
                _or_refuse(f"edition.{year}", lambda year=year: write_edition(work, year, str(staged), out))
        with progress.step("publication") as told:
            if dry_run:
                told["note"] = "dry run: nothing was published"
                return []
            published: list[dict[str, Any]] = place(wanted, str(staged), out)
        for edition in published:
            event("published" if edition["is_new"] else "unchanged", f"edition.{edition['year']}", **edition)
        return published


def _or_refuse(subject: str, step: Any) -> None:
    """A critical check that failed is an event of its own: nothing was published."""
    try:
        step()
    except CheckError as error:
        event("refused", subject, reason=str(error)[:1000])
        raise


if __name__ == "__main__":
    yearly_ranking.serve(name="yearly", cron=CRON, pause_on_shutdown=False, limit=1)
