"""Publishers that are away, slow, or fail by the third: a run ends, reported, in the right state and bounded time."""

from __future__ import annotations

import json
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from box import Box, Reply
from test_refresh import FEW, steps

from pipeline import archive, catalog, fetch, operations, web

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


@pytest.fixture(scope="session")
def by_themselves(
    server: Any, addresses: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[list[str], str]]:
    """Every source that a run asks, to the places that it asks at and the state that it ends in."""
    root, box = tmp_path_factory.mktemp("by-themselves"), server.box
    chosen, found = web.Settings(root, root, "mirror", box.address, 0, (0,), 0, 1), {}
    for name in operations.askable(None):
        box.asked.clear()
        outcomes = [asdict(outcome) for outcome in fetch.fetch([CATALOG.sources[name]], chosen)]
        found[name] = ([asked.place for asked in box.asked], operations._told(outcomes)["state"])
    return found


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
    server: Any, by_themselves: dict[str, tuple[list[str], str]], tmp_path: Path
) -> None:
    asking = sorted(name for name, (places, _) in by_themselves.items() if places)
    refresh(server, tmp_path, asking, NOBODY, code=1)
    assert {name: state for name, (state, _) in steps(tmp_path).items()} == {
        f"fetch {name}": "failed" for name in asking
    }


def late(seconds: float, content: bytes) -> Callable[[str, bytes], bytes]:
    def answer(_method: str, _body: bytes) -> bytes:
        time.sleep(seconds)
        return content

    return answer


@pytest.mark.parametrize("seconds", [1, pytest.param(60, marks=pytest.mark.long)])
def test_slow_publishers_only_cost_time_and_those_of_different_hosts_cost_it_together(
    server: Any,
    by_themselves: dict[str, tuple[list[str], str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: int,
) -> None:
    """The first answer of every source comes so many seconds late."""
    box, slow = server.box, [places[0] for places, _ in by_themselves.values() if places]
    for place in slow:
        file = box.files.get(place)
        reply = Reply(obeys_conditions=True) if file else Reply(404)
        box.play(
            f"http://{place}", replace(reply, compute=late(seconds, file.content if file else b"<html>404</html>"))
        )
    at_once = watch_hosts(box, monkeypatch)
    hosts = Counter(place.split("/")[0] for place in slow)
    bound = seconds * (max(hosts.values()) + math.ceil(len(slow) / fetch.MAX_THREADS))  # one after another: len(slow)
    lost = {name for name, (_, state) in by_themselves.items() if state == "failed"}

    started = time.monotonic()
    refresh(server, tmp_path, sorted(by_themselves), box.address, code=expected(lost), bound=BOUND + bound)
    assert time.monotonic() - started >= seconds * max(hosts.values())
    assert {name: state for name, (state, _) in steps(tmp_path).items()} == {
        f"fetch {name}": state for name, (_, state) in by_themselves.items()
    }
    shown = server.ask("artifacts/filter", {"artifacts": {"key": {"any_": ["refresh-sources"]}}})
    assert max(shown, key=lambda artifact: str(artifact["created"]))["data"] == 100
    assert [replies for replies in box.queued.values() if replies] == [], "each was late"
    assert max(max(now.values()) for now in at_once) == 1, "never two requests at one host"
    assert 2 <= max(map(len, at_once)) <= fetch.MAX_THREADS


def watch_hosts(box: Box, monkeypatch: pytest.MonkeyPatch) -> list[Counter[str]]:
    """How many answers of each host are awaited, each time when one more is."""
    awaited: dict[int, str] = {}  # by the box's threads
    seen: list[Counter[str]] = []
    next_reply = box.next_reply

    def begin(place: str) -> Reply:
        with box.changed:
            awaited[threading.get_ident()] = place.split("/")[0]
            seen.append(Counter(awaited.values()))
        return next_reply(place)

    def end(_: None) -> None:
        with box.changed:
            del awaited[threading.get_ident()]

    monkeypatch.setattr(box, "next_reply", begin)
    monkeypatch.setattr(box, "began", end)
    return seen


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_a_third_that_fails_stops_no_other_and_the_run_only_if_essential(
    server: Any, by_themselves: dict[str, tuple[list[str], str]], tmp_path: Path, seed: int
) -> None:
    asking = {name: set(places) for name, (places, _) in by_themselves.items() if places}
    broken = random.Random(seed).sample(sorted(asking), len(asking) // 3)
    gone = set().union(*(asking[name] for name in broken))
    for place in gone:
        server.box.play(f"http://{place}", *[Reply(503, body=b"<html>no scripts</html>")] * 200)
    failing = {name for name, places in asking.items() if places <= gone}
    whole = {name for name, places in asking.items() if not places & gone}
    refresh(server, tmp_path, sorted(whole | failing), server.box.address, code=expected(failing), bound=2 * BOUND)
    found = {name.removeprefix("fetch "): told for name, told in steps(tmp_path).items()}
    assert {found[name][0] for name in failing} == {"failed"}
    assert all("503" in found[name][1] for name in failing)
    assert {name: found[name][0] for name in whole} == {name: by_themselves[name][1] for name in whole}
    assert not any("503" in found[name][1] for name in whole), "a source that is answered does not fail with others"


def expected(failing: set[str]) -> int:
    """The exit code of a run in which these sources cannot be had."""
    return 1 if any(CATALOG.sources[name].essential for name in failing) else 0
