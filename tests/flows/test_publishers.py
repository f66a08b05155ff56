"""Publishers that are away, slow, or fail by the third: a run ends, reported, in the right state and bounded time."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from box import Reply, place_of
from test_refresh import FEW, steps

from pipeline import archive, catalog

CATALOG = catalog.load()
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


@pytest.fixture(autouse=True)
def _as_before(server: Any) -> Iterator[None]:
    yield
    server.box.queued.clear()


def test_offline_a_run_without_essential_sources_completes_on_what_it_has(
    server: Any, addresses: dict[str, list[str]], tmp_path: Path
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
    server: Any, addresses: dict[str, list[str]], tmp_path: Path
) -> None:
    refresh(server, tmp_path, sorted(addresses), NOBODY, code=1)
    assert {name: state for name, (state, _) in steps(tmp_path).items()} == {
        f"fetch {name}": "failed" for name in addresses
    }


def late(seconds: float, content: bytes) -> Callable[[str, bytes], bytes]:
    def answer(_method: str, _body: bytes) -> bytes:
        time.sleep(seconds)
        return content

    return answer


@pytest.mark.parametrize("seconds", [1, pytest.param(60, marks=pytest.mark.long)])
def test_slow_publishers_only_cost_time(
    server: Any, addresses: dict[str, list[str]], tmp_path: Path, seconds: int
) -> None:
    """The first answer of each source comes so many seconds late."""
    for name in FEW:
        address = addresses[name][0]
        content = server.box.files[place_of(address)].content
        server.box.play(address, Reply(compute=late(seconds, content), obeys_conditions=True))
    started = time.monotonic()
    refresh(server, tmp_path, FEW, server.box.address, bound=BOUND + 3 * seconds)
    assert time.monotonic() - started >= seconds * len(FEW)
    assert {state for state, _ in steps(tmp_path).values()} == {"completed"}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_a_third_that_fails_stops_no_other_and_the_run_only_if_essential(
    server: Any, addresses: dict[str, list[str]], tmp_path: Path, seed: int
) -> None:
    broken = random.Random(seed).sample(sorted(addresses), len(addresses) // 3)
    gone = {address for name in broken for address in addresses[name]}
    for address in gone:
        server.box.play(address, *[Reply(503, body=b"<html>no scripts</html>")] * 200)
    whole = {name for name in addresses if not gone & set(addresses[name])}
    failing = {name for name in addresses if set(addresses[name]) <= gone}
    refresh(server, tmp_path, sorted(whole | failing), server.box.address, code=expected(failing), bound=2 * BOUND)
    found = {name.removeprefix("fetch "): (state, note) for name, (state, note) in steps(tmp_path).items()}
    assert {name for name, (state, _) in found.items() if state == "failed"} >= failing
    alike = {name for name in whole if found[name][0] == "failed" and "503" in found[name][1]}
    assert alike == set(), "a source whose publisher answers does not fail with the others"


def expected(failing: set[str]) -> int:
    """The exit code of a run in which these sources cannot be had."""
    return 1 if any(CATALOG.sources[name].essential for name in failing) else 0
