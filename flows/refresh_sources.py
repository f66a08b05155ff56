"""Asking the publishers, as a Prefect flow: every source by its own task, late tries, a report.

What was fetched is known by content in the archive, not by Prefect: a run after a killed one fetches nothing twice.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from pipeline import run_report
from pipeline.operations import Progress, askable, refresh, tell_failure


@flow(name="refresh-sources", on_failure=[tell_failure], on_crashed=[tell_failure], on_cancellation=[tell_failure])
def refresh_sources(
    sources: list[str] | None = None, archive: str = "archive", home: str = ".", out: str = "editions"
) -> list[dict[str, Any]]:
    """Fetch what changed. sources: ids, by default all that have an address; out: where the report goes."""
    wanted = askable(sources)
    started, progress = dt.datetime.now(dt.UTC), Progress("refresh-sources", total=len(wanted))
    try:
        return refresh(wanted, archive, home, progress)
    finally:
        report = run_report.sections([], Path(archive), progress.steps)
        run_report.write(report, Path(out), started)
        create_markdown_artifact(run_report.markdown(report), key="refresh-report", description="Who was asked")


if __name__ == "__main__":
    refresh_sources.serve(name="refresh", cron="0 2 * * 1", pause_on_shutdown=False, limit=1)
