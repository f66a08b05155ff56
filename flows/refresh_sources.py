"""Asking the publishers, as a Prefect flow: every source by its own task, late tries, a report.

What was fetched is known by content in the archive, not by Prefect: a run after a killed one fetches nothing twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.schedules import Cron

from pipeline.cli import home
from pipeline.operations import STORES_NOTHING, Progress, askable, refresh, report, tell_failure

SCHEDULE = Cron("0 2 * * 1", timezone="Europe/Berlin", slug="weekly")  # as in prefect.yaml


@flow(
    name="refresh-sources",
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
    on_cancellation=[tell_failure],
    **STORES_NOTHING,
)
def refresh_sources(
    sources: list[str] | None = None, archive: str | None = None, out: str | None = None
) -> list[dict[str, Any]]:
    """Fetch what changed. sources: ids, by default all that have an address; out: where the report goes.

    archive and out are by default the folders `archive` and `editions` of STADTRANG_HOME.
    """
    wanted = askable(sources)
    store, target = Path(archive or home() / "archive"), Path(out or home() / "editions")
    progress = Progress("refresh-sources", total=len(wanted), out=target)
    try:
        return refresh(wanted, str(store), progress)
    finally:
        report(progress, [], store, target, key="refresh-report")


if __name__ == "__main__":
    refresh_sources.serve(name="refresh", schedule=SCHEDULE, pause_on_shutdown=False, limit=1)
