"""What happens to runs that meet, are cancelled, or come by a schedule of the clock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, until

from pipeline import catalog, orchestration, publish

CATALOG = catalog.load()
REVISION = CATALOG.editions[2021].revision


def running_step(out: Path) -> str:
    """Name of the step that the journal says is running; empty before the first."""
    for journal in (out / "reports").glob("*.journal"):
        steps = json.loads(journal.read_text("utf-8"))["steps"]
        return str(steps[-1]["name"]) if steps else ""
    return ""


def test_a_second_run_is_cancelled_and_a_cancelled_run_leaves_a_whole_state(
    server: Any, built: Path, tmp_path: Path
) -> None:
    out = tmp_path / "editions"
    first = server.trigger("yearly", years=[2021], out=str(out))
    until(lambda: running_step(out), 240)
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
