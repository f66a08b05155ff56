"""What the flows share: asking publishers, retries, progress, events, messages. For flows only: it imports Prefect."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.logging import get_run_logger

from pipeline import catalog, fetch, notify, web
from pipeline.errors import PipelineError, UsageError
from pipeline.run_report import Step

DELAYS, LATE = "STADTRANG_RETRY_DELAYS", "STADTRANG_LATE_TRIES"
FAILED = {"failed", "refused"}
HOURS_LATER = [4 * 3600.0]  # what refuses scripts at night may not at noon
NEWS = {"stored", "changed shape", "gone"}


def retry_delays(usual: Sequence[float]) -> list[float]:
    """Seconds before each new try; STADTRANG_RETRY_DELAYS ("1,2") overrides them all, for rehearsals and tests."""
    given = os.environ.get(DELAYS)
    return [float(part) for part in given.split(",")] if given else list(usual)


def late_tries(usual: Sequence[float]) -> list[float]:
    """Seconds until a source that failed is asked once more; STADTRANG_LATE_TRIES ("3") overrides them all."""
    given = os.environ.get(LATE)
    return [float(part) for part in given.split(",")] if given else list(usual)


def is_worth_a_retry(_task: object, _run: object, state: Any) -> bool:
    """Bad data stays bad; only what is no handled failure of the pipeline is tried again."""
    return not isinstance(state.result(raise_on_failure=False), PipelineError)


def event(kind: str, subject: str, **payload: object) -> None:
    """A Prefect event `stadtrang.<kind>` about `stadtrang.<subject>`."""
    emit_event(f"stadtrang.{kind}", resource={"prefect.resource.id": f"stadtrang.{subject}"}, payload=payload)


def tell(title: str, text: str) -> None:
    """A message to the operator; one that cannot be sent is a warning in the log."""
    for lost in notify.send(title, text):
        get_run_logger().warning("not sent: %s", lost)


def tell_failure(flow: Any, flow_run: Any, state: Any) -> None:
    """Hook of a flow that failed, crashed or was cancelled. Outside the run, so nothing can be logged to it."""
    notify.send(f"stadtrang: {flow.name} {state.name}", f"run {flow_run.name}: {state.message or 'no message'}")


class Progress:
    """A progress artifact and the list of steps for the report, counted together."""

    def __init__(self, key: str, total: int) -> None:
        self.steps: list[Step] = []
        self._total = max(total, 1)
        created = create_progress_artifact(progress=0.0, key=key, description="steps that are done")
        self._artifact = created if isinstance(created, UUID) else None

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, str]]:
        """Time one step; the body may set `state` and `note` of the mapping that it gets."""
        told = {"state": "completed", "note": ""}
        started = time.monotonic()
        try:
            yield told
        except BaseException as error:
            first_line = (str(error) or type(error).__name__).splitlines()[0]
            told |= {"state": "failed", "note": first_line[:300]}
            raise
        finally:
            self.steps.append(Step(name, told["state"], time.monotonic() - started, told["note"]))
            if self._artifact is not None:
                update_progress_artifact(self._artifact, progress=min(100.0, 100.0 * len(self.steps) / self._total))


def askable(sources: Sequence[str] | None) -> list[str]:
    """Ids of the sources to ask: by default all that have an address."""
    declared = catalog.load().sources
    wanted = [name for name, source in declared.items() if source.access] if sources is None else list(sources)
    if unknown := sorted(set(wanted) - set(declared)):
        raise UsageError(f"unknown source {', '.join(unknown)}; declared are {', '.join(sorted(declared))}")
    return wanted


@task(task_run_name="fetch-{source_id}", cache_policy=NO_CACHE)
def fetch_source(source_id: str, archive: str, home: str, year: int | None = None) -> list[dict[str, Any]]:
    """One source's files into the archive; the retries of a request are the fetcher's own."""
    settings = web.settings(Path(archive), Path(home))
    return [asdict(outcome) for outcome in fetch.fetch([catalog.load().sources[source_id]], settings, year)]


def refresh(sources: list[str], archive: str, home: str, progress: Progress) -> list[dict[str, Any]]:
    """All sources one after another, then the failed ones again, late. An essential source that fails stops the run."""
    declared = catalog.load()
    outcomes: dict[str, list[dict[str, Any]]] = {}
    waiting = list(sources)
    for wait in [0.0, *late_tries(HOURS_LATER)]:
        time.sleep(wait)
        for source_id in waiting:
            with progress.step(f"fetch {source_id}") as told:
                outcomes[source_id] = fetch_source(source_id, archive, home)
                told |= _told(outcomes[source_id])
        waiting = [source_id for source_id in waiting if _states(outcomes[source_id]) & FAILED]
        if not waiting:
            break
    for source_id, found in outcomes.items():
        _announce(source_id, found)
    lost = [source_id for source_id in waiting if declared.sources[source_id].essential]
    if lost:
        raise PipelineError(f"{', '.join(lost)}: essential and could not be fetched; nothing is built without it")
    return [outcome for found in outcomes.values() for outcome in found]


def _states(outcomes: list[dict[str, Any]]) -> set[str]:
    return {str(outcome["state"]) for outcome in outcomes}


def _told(outcomes: list[dict[str, Any]]) -> dict[str, str]:
    """State and note of the step: the worst of the source's files."""
    failed = [outcome for outcome in outcomes if outcome["state"] in FAILED | {"gone", "changed shape"}]
    if not failed:
        stored = sum(outcome["state"] == "stored" for outcome in outcomes)
        return {"state": "completed", "note": f"{stored} new of {len(outcomes)}"}
    state = "stale" if all(outcome["stale"] for outcome in failed) else "failed"
    return {"state": state, "note": "; ".join(f"{o['edition']}: {o['reason'] or o['state']}" for o in failed)[:500]}


def _announce(source_id: str, outcomes: list[dict[str, Any]]) -> None:
    """One event and at most one message per source: new or changed content, or what could not be had."""
    states = _states(outcomes)
    note = _told(outcomes)
    if note["state"] in ("stale", "failed"):
        event(note["state"], f"source.{source_id}", note=note["note"])
        tell(f"stadtrang: {source_id} {note['state']}", note["note"])
    elif states & NEWS:
        event("changed", f"source.{source_id}", note=note["note"])
        tell(f"stadtrang: {source_id} has new files", note["note"])
