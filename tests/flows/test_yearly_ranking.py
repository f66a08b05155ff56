"""The yearly flow as an operator meets it: by hand, by schedule, and as a command without a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import until

from pipeline import catalog, publish

CATALOG = catalog.load()
REVISION = CATALOG.editions[2021].revision


def sums(out: Path, year: int = 2021) -> str:
    return (out / str(year) / REVISION / publish.SUMS).read_text()


def test_a_manual_trigger_with_parameters_completes_publishes_and_reports(
    server: Any, built: Path, tmp_path: Path
) -> None:
    out = tmp_path / "editions"
    said = server.prefect(
        "deployment", "run", "yearly-ranking/yearly", "-p", "years=[2021]", "-p", f"out={out}", "--watch"
    )
    assert "ranking-2021" in said
    (run, *_) = server.runs("yearly-ranking", "COMPLETED")
    assert (run["name"], run["parameters"]["out"]) == ("ranking-2021", str(out))
    assert sums(out) == sums(built), "the flow gives the bytes of stadtrang build"
    of_run = {"flow_runs": {"id": {"any_": [run["id"]]}}}
    tasks = {str(task["name"]) for task in server.ask("task_runs/filter", dict(of_run))}
    assert {f"check-{source}" for source in CATALOG.retrieved} | {"write-2021"} <= tasks
    (report,) = server.ask("artifacts/filter", {**of_run, "artifacts": {"key": {"any_": ["run-report"]}}})
    assert "# Run report" in str(report["data"])
    assert "| city_30k | ranked |" in str(report["data"])
    assert "bnetza_breitbandatlas" in str(report["data"])


def test_the_next_yearly_run_is_scheduled(server: Any) -> None:
    """A schedule that is listed is not enough: the run itself must exist."""
    waiting = until(lambda: server.runs("yearly-ranking", "SCHEDULED"), 120)
    dates = sorted(str(run["expected_start_time"]) for run in waiting)
    assert dates[0][5:10] == "10-15"


def test_a_failing_run_is_failed_and_changes_no_edition(server: Any, built: Path) -> None:
    before = sums(built)
    server.prefect(
        "deployment", "run", "yearly-ranking/yearly", "-p", "years=[2021]", "-p", f"out={built}",
        "-p", 'figures="/nowhere"', "--watch", code=1,
    )  # fmt: skip
    (run, *_) = server.runs("yearly-ranking", "FAILED")
    assert "is missing" in str(run["state"])
    assert sums(built) == before


def test_stadtrang_run_needs_no_server_and_gives_the_same_bytes_for_all_years(editions: Path, tmp_path: Path) -> None:
    """What `make ranking` starts, with everything as it is by default."""
    environment = {
        **os.environ,
        "STADTRANG_HOME": str(tmp_path),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "NO_COLOR": "1",
    }
    environment.pop("PREFECT_API_URL", None)
    result = subprocess.run(command(), env=environment, capture_output=True, text=True, timeout=400)
    assert result.returncode == 0, result.stderr
    assert "Towns of 30,000 and more, 2021" in result.stdout
    for year in CATALOG.editions:
        assert sums(tmp_path / "editions", year) == sums(editions, year)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from pipeline.cli import main; main()", "run", *arguments]


@pytest.mark.long
def test_a_dry_run_does_everything_and_publishes_nothing(server: Any, tmp_path: Path) -> None:
    environment = {**server.environment, "STADTRANG_HOME": str(tmp_path)}
    result = subprocess.run(
        command("--year", "2021", "--dry-run"), env=environment, capture_output=True, text=True, timeout=400
    )
    assert result.returncode == 0, result.stderr
    assert "nothing was published" in result.stdout
    out = tmp_path / "editions"
    assert sorted(path.name for path in out.iterdir() if path.name != ".writer") == ["reports"]
    (report,) = (out / "reports").glob("*.json")
    steps, editions, *_ = json.loads(report.read_text("utf-8"))
    assert steps["rows"][-1][0::3] == ["publication", "dry run: nothing was published"]
    assert editions["rows"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--source", "kba_fz1"], "without --archive nobody is asked"),
        (["--year", "1999"], "1999"),
        (["--archive", "archive", "--source", "nobody"], "unknown source nobody"),
    ],
)
def test_run_refuses_what_makes_no_sense_before_it_starts_a_server(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    environment = {**os.environ, "PREFECT_SERVER_EPHEMERAL_ENABLED": "false", "STADTRANG_HOME": str(tmp_path)}
    environment.pop("PREFECT_API_URL", None)
    result = subprocess.run(command(*arguments), env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2, result.stderr
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_build_imports_neither_prefect_nor_its_server() -> None:
    code = (
        "import sys, pipeline.cli, pipeline.build, pipeline.report; "
        "assert not [m for m in sys.modules if m.startswith('prefect')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_backfill_from_the_last_year_to_the_first_is_refused_and_does_not_mean_all() -> None:
    from pipeline import orchestration
    from pipeline.errors import UsageError

    flow = orchestration.load_flow("yearly_ranking").yearly_ranking
    with pytest.raises(UsageError, match="first year is not after its last"):
        flow.fn(years=list(range(2021, 2018 + 1)))


def test_the_flow_refuses_a_method_that_the_edition_does_not_declare() -> None:
    from pipeline import orchestration
    from pipeline.errors import PipelineError

    flow = orchestration.load_flow("yearly_ranking").yearly_ranking
    with pytest.raises(PipelineError, match="declared with method 'default', not 'other'"):
        flow.fn(years=[2021], method="other")
