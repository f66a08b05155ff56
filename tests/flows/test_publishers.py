"""Publishers that are away, slow, or fail by the third: a run ends, reported, in the right state and bounded time."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from box import Reply, place_of, publish_real_files, reachable
from test_refresh import FEW, steps

from pipeline import archive, catalog

CATALOG = catalog.load()
ASKABLE = sorted(name for name, source in CATALOG.sources.items() if source.access and reachable(source))
NOBODY = "http://127.0.0.1:9"
BOUND = 240  # seconds for what takes some on an idle machine


def refresh(server: Any, folder: Path, sources: list[str], mirror: str, code: int = 0, bound: float = BOUND) -> None:
    """A run that asks `mirror`; it must end within the bound."""
    environment = json.dumps({"STADTRANG_MIRROR": mirror})
    server.prefect(
        "deployment", "run", "refresh-sources/refresh", "-p", f"archive={folder / 'archive'}", "-p", f"out={folder}",
        "-p", f"sources={json.dumps(sources)}", "--job-variable", f"env={environment}", "--watch",
        code=code, timeout=int(bound),
    )  # fmt: skip


@pytest.fixture
def addresses(server: Any, upstream: Path) -> Any:
    yield publish_real_files(server.box, CATALOG.sources.values(), upstream)
    server.box.queued.clear()


def test_offline_a_run_without_essential_sources_completes_on_what_it_has(
    server: Any, addresses: list[str], tmp_path: Path
) -> None:
    refresh(server, tmp_path, FEW[:2], server.box.address)
    before = {name: archive.read_receipts(tmp_path / "archive", name) for name in FEW[:2]}
    time.sleep(1.1)  # reports are named by the second
    refresh(server, tmp_path, FEW, NOBODY)
    found = {name: state for name, (state, _) in steps(tmp_path).items()}
    assert {found[f"fetch {name}"] for name in FEW[:2]} == {"stale"}
    assert found[f"fetch {FEW[2]}"] == "failed", "what was never had is not stale"
    assert {name: archive.read_receipts(tmp_path / "archive", name) for name in FEW[:2]} == before


@pytest.mark.long
def test_offline_an_essential_source_fails_the_run_and_every_source_is_in_the_report(
    server: Any, addresses: list[str], tmp_path: Path
) -> None:
    refresh(server, tmp_path, ASKABLE, NOBODY, code=1)
    assert {name.split()[-1] for name in steps(tmp_path)} == set(ASKABLE)
    assert {state for state, _ in steps(tmp_path).values()} <= {"failed", "completed"}


def late(seconds: float, content: bytes) -> Callable[[str, bytes], bytes]:
    def answer(_method: str, _body: bytes) -> bytes:
        time.sleep(seconds)
        return content

    return answer


@pytest.mark.parametrize("seconds", [1, pytest.param(60, marks=pytest.mark.long)])
def test_slow_publishers_only_cost_time(server: Any, addresses: list[str], tmp_path: Path, seconds: int) -> None:
    """The first answer of each source comes so many seconds late."""
    for name in FEW:
        address = next(address for address, _, _ in reachable(CATALOG.sources[name]))
        content = server.box.files[place_of(address)].content
        server.box.play(address, Reply(compute=late(seconds, content), obeys_conditions=True))
    started = time.monotonic()
    refresh(server, tmp_path, FEW, server.box.address, bound=BOUND + 3 * seconds)
    assert time.monotonic() - started >= seconds * len(FEW)
    assert {state for state, _ in steps(tmp_path).values()} == {"completed"}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_a_third_that_fails_stops_no_other_and_the_run_only_if_essential(
    server: Any, addresses: list[str], tmp_path: Path, seed: int
) -> None:
    broken = random.Random(seed).sample(ASKABLE, len(ASKABLE) // 3)
    for name in broken:
        for address, _, _ in reachable(CATALOG.sources[name]):
            server.box.play(address, *[Reply(503, body=b"<html>no scripts</html>")] * 200)
    is_stopped = any(CATALOG.sources[name].essential for name in broken)
    refresh(server, tmp_path, ASKABLE, server.box.address, code=1 if is_stopped else 0, bound=2 * BOUND)
    found = {name.removeprefix("fetch "): state for name, (state, _) in steps(tmp_path).items()}
    alone = {name for name in broken if not shares_an_address(name, broken)}
    assert {found[name] for name in alone} == {"failed"}
    assert all(found[name] == "completed" for name in ASKABLE if name not in broken and not_touched(name, broken))


def places(name: str) -> set[str]:
    return {address for address, _, _ in reachable(CATALOG.sources[name])}


def shares_an_address(name: str, others: list[str]) -> bool:
    return any(places(name) & places(other) for other in others if other != name)


def not_touched(name: str, broken: list[str]) -> bool:
    return not any(places(name) & places(other) for other in broken)
