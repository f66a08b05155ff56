"""What happens to runs that meet, are cancelled, or come by a schedule of the clock."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
import yaml
from box import Reply
from conftest import ROOT, process_of, until
from prefect.states import Failed
from test_killed import newest_report
from test_publishers import late
from test_refresh import steps

from pipeline import archive, catalog, operations, orchestration, publish
from pipeline.errors import PipelineError
from pipeline.run_report import CUT_OFF

CATALOG = catalog.load()
REVISION = CATALOG.editions[2021].revision
APART = ["bbsr_umstieg", "kba_fz1", "mobilitydata_gbfs"]  # each of a host of its own


def running(out: Path) -> set[str]:
    """Names of the steps that the journal says are running."""
    (journal,) = (out / "reports").glob("*.journal")
    return {step["name"] for step in json.loads(journal.read_text("utf-8"))["steps"] if step["state"] == "running"}


def test_a_second_run_is_cancelled_and_a_cancelled_run_leaves_a_whole_state(
    server: Any, built: Path, tmp_path: Path
) -> None:
    out = tmp_path / "editions"
    first = server.trigger("yearly", years=[2021], out=str(out))
    until(lambda: list((out / "reports").glob("*.journal")) and running(out), 240)
    second = server.trigger("yearly", years=[2021], out=str(out))
    assert server.wait(second) == "CANCELLED", "one writer per place"
    assert server.state(first) == "RUNNING"

    server.prefect("flow-run", "cancel", first)
    assert server.wait(first) == "CANCELLED"
    until(lambda: list((out / "reports").glob("*.json")), 60)
    assert not (out / "2021").exists(), "nothing was published"
    assert not (out / "latest").exists()

    third = server.trigger("yearly", years=[2021], out=str(out))
    assert server.wait(third) == "COMPLETED"
    assert publish.read_sums(out / "2021" / REVISION) == publish.read_sums(built / "2021" / REVISION)
    assert list(out.glob(".writing-*")) == []
    assert list((out / "reports").glob("*.journal")) == []
    assert len(list((out / "reports").glob("*.json"))) == 2, "the cancelled run has its report too"


@pytest.mark.parametrize("end", [pytest.param("cancelled", marks=pytest.mark.long), "killed"])
def test_of_a_refresh_that_is_stopped_each_source_that_was_being_asked_is_told(
    end: str, server: Any, addresses: dict[str, list[str]], tmp_path: Path
) -> None:
    out, store = tmp_path / "editions", tmp_path / "archive"
    asked = {f"fetch {name}" for name in APART}
    for name in APART:
        server.box.play(addresses[name][0], Reply(compute=late(120, b"")))
    first = server.trigger("refresh", sources=APART, archive=str(store), out=str(out))
    until(lambda: list((out / "reports").glob("*.journal")) and running(out) == asked, 240)
    server.box.queued.clear()
    if end == "cancelled":
        server.prefect("flow-run", "cancel", first)
        until(lambda: list((out / "reports").glob("*.json")), 60)  # and not only when the publishers have answered
        assert steps(out) == dict.fromkeys(asked, ("failed", "stopped with the run"))
        assert server.wait(first) == "CANCELLED"
    else:
        process = process_of(first)
        assert process is not None
        os.kill(process, signal.SIGKILL)
        assert server.wait(first) == "CRASHED"

    second = server.trigger("refresh", sources=APART, archive=str(store), out=str(out))
    assert server.wait(second) == "COMPLETED"
    assert {state for state, _ in steps(out).values()} == {"completed"}
    (killed,) = (section["rows"] for section in newest_report(out) if section["title"] == CUT_OFF)
    assert [set(row[3].split(", ")) for row in killed] == ([asked] if end == "killed" else [])
    assert archive.verify(store) == []
    assert list((out / "reports").glob("*.journal")) == []


@pytest.mark.long
def test_a_schedule_of_every_minute_really_fires(server: Any, addresses: dict[str, list[str]]) -> None:
    deployment = "refresh-sources/refresh"
    ended = ("COMPLETED", "FAILED")  # the box lacks some essential files
    before = {run["id"] for run in server.runs("refresh-sources", *ended)}
    server.prefect("deployment", "schedule", "create", deployment, "--cron", "* * * * *")
    try:
        fired = until(
            lambda: [
                run
                for run in server.runs("refresh-sources", *ended)
                if run["auto_scheduled"] and run["id"] not in before
            ],
            300,
        )
    finally:
        for schedule in schedules(server, deployment):
            if schedule["schedule"]["cron"] == "* * * * *":
                server.prefect("deployment", "schedule", "delete", deployment, schedule["id"], "--accept-yes")
    assert fired


@pytest.mark.parametrize("module", ["yearly_ranking", "refresh_sources"])
def test_serve_and_the_work_pool_have_the_same_schedule(module: str) -> None:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
    (deployment,) = (d for d in declared if d["entrypoint"] == f"flows/{module}.py:{module}")
    (schedule,) = deployment["schedules"]
    served = orchestration.load_flow(module).SCHEDULE
    assert (served.cron, served.timezone, served.slug) == (schedule["cron"], schedule["timezone"], schedule["slug"])


def schedules(server: Any, deployment: str) -> list[dict[str, Any]]:
    (found,) = server.ask("deployments/filter", {"deployments": {"name": {"any_": [deployment.split("/")[1]]}}})
    return list(found["schedules"])


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (OSError("No space left on device"), True),
        (PipelineError("a row is wrong"), False),
        (BrokenProcessPool("a worker was killed"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, again: bool) -> None:
    assert operations.is_worth_a_retry(None, None, Failed(data=error)) == again
