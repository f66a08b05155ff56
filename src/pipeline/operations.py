"""What the flows share: retries, progress, events, messages to the operator. For flows only: it imports Prefect."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.events import emit_event
from prefect.logging import get_run_logger

from pipeline import notify
from pipeline.errors import PipelineError
from pipeline.run_report import Step

DELAYS = "STADTRANG_RETRY_DELAYS"


def retry_delays(usual: Sequence[float]) -> list[float]:
    """Seconds before each new try; STADTRANG_RETRY_DELAYS ("1,2") overrides them all, for rehearsals and tests."""
    given = os.environ.get(DELAYS)
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
