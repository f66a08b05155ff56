"""What the flows order: tasks, task runners, retries, progress, events, messages. For flows only: it imports Prefect.

Tasks take and give paths and small JSON, so that a worker on another machine needs nothing but this package and the
same folders. They stand here and not in flows/, since such a worker can import only what is installed.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import cloudpickle
from prefect import task
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from pipeline import build, catalog, fetch, figures, intervals, notify, publish, run_report, web
from pipeline.cli import home
from pipeline.errors import PipelineError, UsageError
from pipeline.processes import two_processes
from pipeline.run_report import Section, Step

DELAYS, LATE = "STADTRANG_RETRY_DELAYS", "STADTRANG_LATE_TRIES"
RUNNER, SCHEDULER = "STADTRANG_TASK_RUNNER", "STADTRANG_DASK_SCHEDULER"
RUNNERS = ("threads", "dask")
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


_stopping = threading.Event()  # Ctrl-C, a cancellation or a termination reached a step of this process's run


def is_worth_a_retry(_task: object, _run: object, state: Any) -> bool:
    """Bad data stays bad, and so do the two processes of a run once one was killed; anything else is tried again, but
    not by a run that is being stopped."""
    error = state.result(raise_on_failure=False)
    return not (_stopping.is_set() or isinstance(error, PipelineError | BrokenProcessPool))


@cache
def catalogue() -> catalog.Catalog:
    """The catalogue, read once per process and not by every task of a run."""
    return catalog.load()


TRIES: dict[str, Any] = {  # a full disk or a busy file system may pass, bad data does not
    "retries": len(retry_delays([5, 60])),
    "retry_delay_seconds": retry_delays([5, 60]),
    "retry_condition_fn": is_worth_a_retry,
    "cache_policy": NO_CACHE,
}
# Nothing is handed over by Prefect's storage; whoever turns it on gets JSON: a pickle does what its writer wants.
STORES_NOTHING: dict[str, Any] = {"persist_result": False, "result_serializer": "json"}


def task_runner(module: str) -> TaskRunner[Any]:
    """Where the tasks of a flow's module run: STADTRANG_TASK_RUNNER is threads (of this machine, the default) or dask.

    dask: the workers of STADTRANG_DASK_SCHEDULER ("tcp://host:8786"), which have this package, PREFECT_API_URL and the
    same folders; without an address two processes here.
    """
    kind, address = os.environ.get(RUNNER) or "threads", os.environ.get(SCHEDULER)
    if kind not in RUNNERS:
        raise UsageError(f"{RUNNER}: {' or '.join(RUNNERS)} is expected, found {kind!r}")
    if kind == "threads":
        return ThreadPoolTaskRunner(max_workers=os.cpu_count() or 1)
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise UsageError(f"{RUNNER}=dask needs the extra: pip install 'stadtrang[dask]'") from error
    cloudpickle.register_pickle_by_value(sys.modules[module])  # Prefect sends the flow along, and workers lack flows/
    here = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    runner: TaskRunner[Any] = DaskTaskRunner(address=address) if address else DaskTaskRunner(cluster_kwargs=here)
    return runner


@contextmanager
def processes() -> Iterator[None]:
    """Until the end of the body what tasks in threads compute runs in two processes, as in `stadtrang build`. On a
    worker of dask, which is a process of its own and has no part in this, it runs in place."""
    _stopping.clear()
    with two_processes() as pool:
        _pools.append(pool)
        try:
            yield
        finally:
            _pools.remove(pool)


_pools: list[ProcessPoolExecutor] = []


def _compute(step: Callable[..., Any], *arguments: object) -> Any:
    return _pools[-1].submit(step, *arguments).result() if _pools else step(*arguments)


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
    """A progress artifact, the run's journal on disk, and the list of steps for the report, counted together."""

    def __init__(self, key: str, total: int, out: Path) -> None:
        """key: of the artifact, which is the flow's name; out: the folder of the report. Only whoever holds the right
        to write there makes one: the journals that lie there are of runs that were killed."""
        self.steps: list[Step] = []  # that have ended
        self._began: dict[str, float] = {}  # those that are running
        self._total = max(total, 1)
        self._is_over = False
        self._changing, self._showing = threading.Lock(), threading.Lock()
        self.journal = run_report.Journal.begin(out, key, dt.datetime.now(dt.UTC))
        created = create_progress_artifact(progress=0.0, key=key, description="steps that are done")
        self._artifact = created if isinstance(created, UUID) else None

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, str]]:
        """Time one step; the body may set `state` and `note` of the mapping that it gets. Steps of different names may
        overlap, each in its thread. When one is left by an exception the server is not asked: it may be slow, and a run
        that is stopped has half a minute for its report."""
        told = {"state": "completed", "note": ""}
        with self._changing:
            self._began[name] = time.monotonic()
            self._note()
        try:
            yield told
        except BaseException as error:
            if not isinstance(error, Exception):
                _stopping.set()
            first_line = (str(error) or type(error).__name__).splitlines()[0]
            told |= {"state": "failed", "note": first_line[:300]}
            raise
        finally:
            with self._changing:
                self._finish(name, told["state"], told["note"])
                self._note()
        self._show()

    def end(self) -> None:
        """Before the report: a step that still runs, in a thread of a run that was stopped, is told now or never."""
        with self._changing:
            for name in list(self._began):
                self._finish(name, "failed", "stopped with the run")
            self._is_over = True

    def _finish(self, name: str, state: str, note: str) -> None:
        if not self._is_over:
            self.steps.append(Step(name, state, time.monotonic() - self._began.pop(name), note))

    def _note(self) -> None:
        if not self._is_over:  # the next run takes a journal for that of a killed one
            self.journal.note([*self.steps, *(Step(name, "running", 0.0) for name in self._began)])

    def _show(self) -> None:
        if (artifact := self._artifact) is not None and not self._is_over:
            with self._showing:  # one after the other, or an earlier share would come last
                share = min(100.0, 100.0 * len(self.steps) / self._total)
                _unless_unreachable(lambda: update_progress_artifact(artifact, progress=share))


def report(
    progress: Progress, published: Sequence[publish.Published], figures_folder: Path, out: Path, key: str
) -> Path:
    """The run report beside the editions, then as Prefect artifacts if the server is there. Returns the page."""
    progress.end()
    sections = [*run_report.sections(published, figures_folder, progress.steps), *progress.journal.cut_off]
    page = run_report.write(sections, out, progress.journal.started)
    progress.journal.end()
    _unless_unreachable(lambda: _as_artifacts(sections, page, published, key))
    return page


def _as_artifacts(sections: Sequence[Section], page: Path, published: Sequence[publish.Published], key: str) -> None:
    create_markdown_artifact(run_report.markdown(sections), key=key, description="What the run read, checked and did")
    create_link_artifact(page.resolve().as_uri(), key=f"{key}-page", link_text="the report beside the editions")
    for edition in published:
        create_link_artifact(edition.folder.resolve().as_uri(), key=f"edition-{edition.year}", link_text="its files")


def _unless_unreachable(tell: Callable[[], object]) -> None:
    """What only shows something on the server: a server that is away must not hide how the run itself ended."""
    try:
        tell()
    except Exception as error:
        logging.getLogger("stadtrang").warning("not shown on the Prefect server: %s", type(error).__name__)


@task(**TRIES, **STORES_NOTHING)
def type_figures(archive: str, folder: str) -> str:
    """The archive read into typed tables."""
    _compute(figures.make, catalogue(), Path(archive), Path(folder))
    return folder


@task(task_run_name="check-{source_id}", **TRIES, **STORES_NOTHING)
def check_source(source_id: str, folder: str, work: str) -> dict[str, Any]:
    """Run the suites of one source's typed tables. To be submitted: DuckDB makes another error of a signal that reaches
    the main thread in a query, and a run that is to stop would try again."""
    checked = build.check_source(catalogue(), Path(folder), source_id, Path(work))
    return {"source_id": source_id, "executed": checked.executed, "critical": checked.critical}


@task(**TRIES, **STORES_NOTHING)
def prepare(folder: str, work: str) -> str:
    """Core and indicators of all years."""
    _compute(build.prepare, catalogue(), Path(folder), Path(work))
    return work


@task(task_run_name="score-{year}", **TRIES, **STORES_NOTHING)
def score_edition(work: str, year: int) -> None:
    """Values and scores of one edition year."""
    _compute(build.score_edition, catalogue(), Path(work), year)


@task(**TRIES, **STORES_NOTHING)
def conclude(work: str) -> None:
    """What rests on all editions: findings and panel."""
    _compute(build.conclude, catalogue(), Path(work))


@task(task_run_name="draw-{year}", **TRIES, **STORES_NOTHING)
def simulate(work: str, year: int, draws: int | None, seed: int | None) -> None:
    """The draws of one edition year."""
    _compute(intervals.simulate, catalogue(), Path(work), year, draws, seed)


@task(task_run_name="write-{year}", **TRIES, **STORES_NOTHING)
def write_edition(work: str, year: int, staged: str, out: str) -> None:
    """Check and write the files of one edition beside the editions."""
    shutil.rmtree(Path(staged) / str(year), ignore_errors=True)  # of a try before this one
    _compute(build.write_edition, catalogue(), Path(work), year, Path(staged), Path(out))


@task(cache_policy=NO_CACHE, **STORES_NOTHING)
def place(years: list[int], staged: str, out: str) -> list[dict[str, Any]]:
    """Publish all editions that were written, or none."""
    published = build.place(catalogue(), years, Path(staged), Path(out))
    return [{"year": p.year, "revision": p.revision, "folder": str(p.folder), "is_new": p.is_new} for p in published]


def askable(sources: Sequence[str] | None) -> list[str]:
    """Ids of the sources to ask: by default all that have an address or pages to watch."""
    known = catalogue().sources
    asked = [name for name, source in known.items() if source.is_asked]
    wanted = list(dict.fromkeys(asked if sources is None else sources))
    if unknown := sorted(set(wanted) - set(known)):
        raise UsageError(f"unknown source {', '.join(unknown)}; declared are {', '.join(sorted(known))}")
    return wanted


@task(task_run_name="fetch-{source_id}", cache_policy=NO_CACHE, **STORES_NOTHING)
def fetch_source(source_id: str, ask: Callable[[], list[fetch.Outcome]]) -> list[fetch.Outcome]:
    """One source's files into the archive; the retries of a request are the fetcher's own."""
    return ask()


def refresh(sources: list[str], archive: str, progress: Progress) -> list[dict[str, Any]]:
    """All sources, those of different hosts beside each other, then the failed ones again, late. An essential source
    that fails stops the run.

    They are asked in threads of this process under any task runner: it has the right to write to the archive, and knows
    who was asked when.
    """
    known = catalogue().sources
    run = copy_context()
    outcomes: dict[str, list[dict[str, Any]]] = {}

    def ask_one(source: catalog.Source, ask: Callable[[], list[fetch.Outcome]]) -> list[fetch.Outcome]:
        with progress.step(f"fetch {source.id}") as told:
            found: list[fetch.Outcome] = run.copy().run(fetch_source, source.id, ask)
            outcomes[source.id] = [asdict(outcome) for outcome in found]
            told |= _told(outcomes[source.id])
        return found

    waiting = list(sources)
    for wait in [0.0, *late_tries(HOURS_LATER)]:
        time.sleep(wait)
        settings = web.settings(Path(archive), home())
        fetch.fetch([known[source_id] for source_id in waiting], settings, around=ask_one)
        waiting = [source_id for source_id in waiting if _states(outcomes[source_id]) & FAILED]
        if not waiting:
            break
    for source_id in sources:
        _announce(source_id, outcomes[source_id])
    lost = [source_id for source_id in waiting if known[source_id].essential]
    if lost:
        raise PipelineError(f"{', '.join(lost)}: essential and could not be fetched; nothing is built without it")
    return [outcome for source_id in sources for outcome in outcomes[source_id]]


def _states(outcomes: list[dict[str, Any]]) -> set[str]:
    return {str(outcome["state"]) for outcome in outcomes}


def _told(outcomes: list[dict[str, Any]]) -> dict[str, str]:
    """State and note of the step: the worst of the source's files."""
    failed = [outcome for outcome in outcomes if outcome["state"] in FAILED | {"gone", "changed shape"}]
    if not failed:
        stored = sum(outcome["state"] == "stored" for outcome in outcomes)
        return {"state": "completed", "note": f"{stored} new of {len(outcomes)}"}
    state = "stale" if all(outcome["stale"] for outcome in failed) else "failed"
    return {"state": state, "note": "; ".join(_named(outcome) for outcome in failed)[:500]}


def _named(outcome: dict[str, Any]) -> str:
    reason = str(outcome["reason"] or outcome["state"])
    return f"{outcome['edition']}: {reason}" if outcome["edition"] else reason  # a page says its address itself


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
