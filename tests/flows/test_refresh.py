"""Asking the publishers as an operator meets it: a first run, one with nothing new, and publishers that fail."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from box import Reply

from pipeline import archive, operations

FEW = ["kba_fz1", "mobilitydata_gbfs", "oparl_endpoints"]


def run(server: Any, archive_folder: Path, out: Path, sources: list[str], code: int = 0) -> None:
    server.prefect(
        "deployment", "run", "refresh-sources/refresh", "-p", f"archive={archive_folder}", "-p", f"out={out}",
        "-p", f"sources={json.dumps(sources)}", "--watch", code=code,
    )  # fmt: skip


def steps(out: Path) -> dict[str, tuple[str, str]]:
    """Name of each step of the newest report to its state and note."""
    newest = max((out / "reports").glob("*.json"))
    (section,) = (s for s in json.loads(newest.read_text("utf-8")) if s["title"] == "Steps")
    return {row[0]: (row[1], row[3]) for row in section["rows"]}


def test_a_run_fetches_the_next_one_fetches_nothing_and_a_failing_source_stops_no_other(
    server: Any, addresses: dict[str, list[str]], tmp_path: Path
) -> None:
    folder, out = tmp_path / "archive", tmp_path / "editions"
    run(server, folder, out, FEW)
    assert {name: state for name, (state, _) in steps(out).items()} == {f"fetch {name}": "completed" for name in FEW}
    stored = {name: archive.read_receipts(folder, name) for name in FEW}
    assert all(stored.values())

    server.box.asked.clear()
    run(server, folder, out, FEW)
    assert server.box.downloaded() == []

    server.box.asked.clear()
    for address in addresses["kba_fz1"]:
        server.box.play(address, *[Reply(503, body=b"<html>no scripts</html>")] * 60)
    run(server, folder, out, FEW)
    server.box.queued.clear()
    found = steps(out)
    assert found["fetch kba_fz1"][0] == "stale"
    assert found["fetch mobilitydata_gbfs"][0] == "completed"
    assert {name: archive.read_receipts(folder, name) for name in FEW} == stored, "the last good files stand"
    reports = server.ask("artifacts/filter", {"artifacts": {"key": {"any_": ["refresh-report"]}}})
    newest = max(reports, key=lambda report: str(report["created"]))
    assert "| fetch kba_fz1 | stale |" in str(newest["data"])


def test_an_essential_source_that_fails_fails_the_run(
    server: Any, addresses: dict[str, list[str]], tmp_path: Path
) -> None:
    for address in addresses["destatis_gv"]:
        server.box.play(address, *[Reply(403, body=b"<html>forbidden</html>")] * 60)
    run(server, tmp_path / "archive", tmp_path / "editions", ["destatis_gv", "mobilitydata_gbfs"], code=1)
    server.box.queued.clear()
    (failed, *_) = server.runs("refresh-sources", "FAILED")
    assert "destatis_gv: essential and could not be fetched" in str(failed["state"])
    assert steps(tmp_path / "editions")["fetch mobilitydata_gbfs"][0] == "completed"


def test_the_weekly_run_is_scheduled(server: Any) -> None:
    for _ in range(90):
        if waiting := server.runs("refresh-sources", "SCHEDULED"):
            break
        time.sleep(1)
    assert waiting


def test_steps_may_overlap_and_one_that_outlives_its_run_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[float] = []
    monkeypatch.setattr(operations, "_as_artifacts", lambda *_: None)
    monkeypatch.setattr(operations, "create_progress_artifact", lambda **_: uuid.uuid4())
    monkeypatch.setattr(operations, "update_progress_artifact", lambda _, progress: shown.append(progress))
    progress = operations.Progress("refresh", total=4, out=tmp_path)

    def noted() -> list[tuple[str, str]]:
        found = json.loads(progress.journal.path.read_text("utf-8"))["steps"]
        return [(step["name"], step["state"]) for step in found]

    with progress.step("a"):
        with progress.step("b"):
            assert noted() == [("a", "running"), ("b", "running")]
        assert noted() == [("b", "completed"), ("a", "running")]
    assert shown == [25, 50]
    with progress.step("c"):
        operations.report(progress, [], tmp_path, tmp_path, "refresh-report")
    assert steps(tmp_path)["c"] == ("failed", "stopped with the run")
    assert [step.name for step in progress.steps] == ["b", "a", "c"]
    assert not progress.journal.path.exists(), "the next run would take it for that of a killed one"
    assert shown == [25, 50]


def test_a_step_that_the_run_is_stopped_in_asks_no_server_before_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that answers late would use up the half minute after which Prefect kills a cancelled run."""

    def asked(*_: object, **__: object) -> None:
        pytest.fail("the server was asked")

    monkeypatch.setattr(operations, "_as_artifacts", lambda *_: None)
    monkeypatch.setattr(operations, "create_progress_artifact", lambda **_: uuid.uuid4())
    monkeypatch.setattr(operations, "update_progress_artifact", asked)
    progress = operations.Progress("yearly-ranking", total=4, out=tmp_path)
    with pytest.raises(KeyboardInterrupt), progress.step("draws"):
        raise KeyboardInterrupt
    operations.report(progress, [], tmp_path, tmp_path, "run-report")
    assert steps(tmp_path) == {"draws": ("failed", "KeyboardInterrupt")}


def test_a_run_asks_for_the_pages_behind_lists_kept_by_hand_too() -> None:
    wanted = operations.askable(None)
    assert {"facts_funding", "facts_strategies", "kba_fz1"} <= set(wanted)
    assert not {"db_stations", "regionalstatistik"} & set(wanted), "who has neither address nor page is not asked"
