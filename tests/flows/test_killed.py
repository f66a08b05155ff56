"""kill -9 of the worker, the server or the database at any moment, on PostgreSQL: nothing is torn, nothing is fetched
twice, the next run completes, and a report says what happened."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from box import Reply, place_of
from conftest import ENDED, process_of, until
from test_refresh import FEW

from pipeline import archive, catalog, publish
from pipeline.run_report import CUT_OFF

CATALOG = catalog.load()
REVISION = CATALOG.editions[2021].revision
VICTIMS = ("database", "worker", "server")
USUAL = 2  # of twenty moments


@pytest.mark.parametrize("seed", [pytest.param(n, marks=[pytest.mark.long] if n >= USUAL else []) for n in range(20)])
def test_after_a_kill_the_next_run_completes_and_a_report_tells(
    seed: int, server_on_postgres: Any, postgres: Any, addresses: dict[str, list[str]], built: Path, tmp_path: Path
) -> None:
    server, chance = server_on_postgres, random.Random(seed)
    victim, is_refresh = VICTIMS[seed % 3], seed % 2 == 0
    store, out = tmp_path / "archive", tmp_path / "editions"
    if is_refresh:
        for address in {address for name in FEW for address in addresses[name]}:
            server.box.play(address, Reply(delay=0.02, piece=1 << 14, obeys_conditions=True))
        deployment, parameters = "refresh", {"sources": FEW, "archive": str(store), "out": str(out)}
    else:
        deployment, parameters = "yearly", {"years": [2021], "out": str(out)}

    first = server.trigger(deployment, **parameters)
    until(lambda: list((out / "reports").glob("*.journal")), 240)  # it works
    time.sleep(chance.uniform(0, 8 if is_refresh else 20))
    kill(server, postgres, victim, first)
    was_cut_off = bool(list((out / "reports").glob("*.journal")))
    restart(server, postgres, victim)
    give_back(server, first)

    kept = {
        place_of(str(receipt.address)) for name in FEW for receipt in archive.read_receipts(store, name) if is_refresh
    }
    server.box.queued.clear()
    server.box.asked.clear()
    second = server.trigger(deployment, **parameters)
    assert server.wait(second) == "COMPLETED"

    assert kept & set(server.box.downloaded()) == set(), "what was whole is not fetched twice"
    if is_refresh:
        for name in FEW:
            stored = {place_of(str(receipt.address)) for receipt in archive.read_receipts(store, name)}
            assert stored == {place_of(address) for address in addresses[name]}
        assert archive.verify(store) == []
    else:
        assert publish.read_sums(out / "2021" / REVISION) == publish.read_sums(built / "2021" / REVISION)
        assert publish.actual_sums(out / "2021" / REVISION, publish.read_sums(built / "2021" / REVISION)) == (
            publish.read_sums(built / "2021" / REVISION)
        )
        assert list(out.glob(".writing-*")) == []
    assert told(out) == 2, "each of the two runs is in a report, its own or the next one's"
    if victim == "worker":
        assert cut_off(newest_report(out)) == was_cut_off, "unless its own report was written before the kill"


def kill(server: Any, postgres: Any, victim: str, run: str) -> None:
    """With the worker goes the run that it carries out."""
    if victim == "database":
        postgres.kill()
        return
    process = process_of(run)
    server.kill(victim)
    if victim == "worker" and process is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def restart(server: Any, postgres: Any, victim: str) -> None:
    """What systemd does by itself: whoever is gone, or gave up meanwhile, is started again."""
    if victim == "database":
        postgres.start()
    for name in ("server", "worker"):
        process = server.processes.get(name)
        if process is None or process.poll() is not None:
            server.start(name)
    until(server.is_healthy, 240)


def give_back(server: Any, run: str) -> None:
    """What an operator does: wait until the killed run's process is gone, and tell Prefect, which does not know."""
    until(lambda: process_of(run) is None, 240)
    if server.state(run) not in ENDED:
        server.prefect("flow-run", "delete", run)


def newest_report(out: Path) -> list[dict[str, Any]]:
    newest = max((out / "reports").glob("*.json"), key=lambda path: path.stat().st_mtime)
    return list(json.loads(newest.read_text("utf-8")))


def cut_off(report: list[dict[str, Any]]) -> int:
    return sum(len(section["rows"]) for section in report if section["title"] == CUT_OFF)


def told(out: Path) -> int:
    reports = [json.loads(path.read_text("utf-8")) for path in (out / "reports").glob("*.json")]
    return len(reports) + sum(map(cut_off, reports))


def test_all_flows_complete_on_postgresql(
    server_on_postgres: Any, addresses: dict[str, list[str]], built: Path, tmp_path: Path
) -> None:
    server, out = server_on_postgres, tmp_path / "editions"
    refreshed = server.trigger("refresh", sources=FEW, archive=str(tmp_path / "archive"), out=str(out))
    ranked = server.trigger("backfill", first=2021, last=2021, out=str(out))  # runs yearly-ranking as its part
    assert [server.wait(refreshed), server.wait(ranked)] == ["COMPLETED", "COMPLETED"]
    assert publish.read_sums(out / "2021" / REVISION) == publish.read_sums(built / "2021" / REVISION)
    assert {run["state_type"] for run in server.runs("yearly-ranking", "COMPLETED")} == {"COMPLETED"}
    until(lambda: server.runs("refresh-sources", "SCHEDULED"), 120)
    until(lambda: server.runs("yearly-ranking", "SCHEDULED"), 120)
