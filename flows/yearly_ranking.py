"""The yearly ranking as a Prefect flow: check every source, prepare, draw, publish every edition, report.

It orders functions of `pipeline` and computes nothing. Tasks hand over paths and small JSON; what they share
lies in a work folder. By hand: `python flows/yearly_ranking.py` serves it with its yearly schedule.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from prefect import flow, runtime, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from pipeline import build, catalog, intervals, publish, report
from pipeline.figures import BUNDLED

CRON, TIMEZONE = "0 3 15 10 *", "Europe/Berlin"  # the yearly municipality list appears from August to October
RETRY_DELAYS = [5, 60]  # seconds; a full disk or a busy file system, never bad data


def is_worth_a_retry(_task: object, _run: object, state: Any) -> bool:
    """Bad data stays bad; only what is no handled failure of the pipeline is tried again."""
    error = state.result(raise_on_failure=False)
    return not isinstance(error, build.CheckError | publish.PipelineError)


def _run_name() -> str:
    years = runtime.flow_run.parameters.get("years")
    return "ranking-" + ("-".join(str(year) for year in years) if years else "all")


@task(
    task_run_name="check-{source_id}",
    retries=2,
    retry_delay_seconds=RETRY_DELAYS,
    retry_condition_fn=is_worth_a_retry,
    cache_policy=NO_CACHE,
)
def check_source(source_id: str, folder: str, work: str) -> dict[str, Any]:
    """Run the suites of one source's typed tables."""
    checked = build.check_source(catalog.load(), Path(folder), source_id, Path(work))
    return {"source_id": source_id, "executed": checked.executed, "critical": checked.critical}


@task(retries=2, retry_delay_seconds=RETRY_DELAYS, retry_condition_fn=is_worth_a_retry, cache_policy=NO_CACHE)
def prepare(folder: str, work: str) -> str:
    """SQL and scores of all declared editions."""
    build.prepare(catalog.load(), Path(folder), Path(work))
    return work


@task(
    task_run_name="draw-{year}",
    retries=2,
    retry_delay_seconds=RETRY_DELAYS,
    retry_condition_fn=is_worth_a_retry,
    cache_policy=NO_CACHE,
)
def simulate(work: str, year: int, draws: int | None, seed: int | None) -> None:
    """The draws of one edition year."""
    intervals.simulate(catalog.load(), Path(work), year, draws, seed, threads=2)


@task(
    task_run_name="write-{year}",
    retries=2,
    retry_delay_seconds=RETRY_DELAYS,
    retry_condition_fn=is_worth_a_retry,
    cache_policy=NO_CACHE,
)
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
def write_report(published: list[dict[str, Any]], folder: str) -> None:
    """The run report as a Prefect artifact."""
    editions = [publish.Published(p["year"], p["revision"], Path(p["folder"]), p["is_new"]) for p in published]
    text = report.markdown(editions, Path(folder) / "accounts.parquet")
    create_markdown_artifact(text, key="run-report", description="What the yearly ranking read, checked and published")


@flow(name="yearly-ranking", flow_run_name=_run_name, log_prints=False)
def yearly_ranking(
    years: list[int] | None = None,
    method: str = "default",
    figures: str | None = None,
    out: str = "editions",
    draws: int | None = None,
    seed: int | None = None,
) -> list[dict[str, Any]]:
    """Publish the editions of the given years (all declared ones by default).

    figures: folder of typed tables, the bundled ones by default; out: folder of the editions; method: must be the
    method that the editions declare; draws, seed: of the uncertainty run, the method's own by default.
    """
    declared = catalog.load()
    wanted = sorted(years or declared.editions)
    for year in wanted:
        if declared.edition(year).method != method:
            raise publish.PipelineError(
                f"edition {year} is declared with method {declared.edition(year).method!r}, not {method!r}"
            )
        intervals.settings(declared, year, draws, seed)
    folder = figures or str(BUNDLED)
    with (
        publish.writer(Path(out)),
        publish.staging(Path(out)) as staged,
        tempfile.TemporaryDirectory(prefix="stadtrang-") as work,
    ):
        prepared = prepare.submit(folder, work)  # the SQL runs while the checks do
        checked = [check_source(source_id, folder, work) for source_id in sorted(declared.sources)]
        prepared.wait()
        build.require([build.Checked(**c) for c in checked], Path(work), Path(out))
        prepared.result()
        for year in build.to_draw(declared, wanted):
            simulate(work, year, draws, seed)
        for year in wanted:
            write_edition(work, year, str(staged), out)
        published = place(wanted, str(staged), out)
        write_report(published, folder)
    return published


if __name__ == "__main__":
    yearly_ranking.serve(name="yearly", cron=CRON, pause_on_shutdown=False, limit=1)
