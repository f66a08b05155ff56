"""What all tests share: the publishers' files where they are, an archive of them, and no network."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

for name, value in {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
}.items():
    os.environ.setdefault(name, value)

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("STADTRANG_SHARED") or ROOT.parent / "shared")
MISSING = f"the publishers' files are not in {SHARED.name}/upstream beside the checkout (or $STADTRANG_SHARED/upstream)"
not_run: list[str] = []
lacking: list[str] = []
damaged: Counter[str] = Counter()  # what the cases of tests/damage ended in


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with upstream/ and facts/; tests that need it do not run without it, and say so."""
    if not (SHARED / "upstream").is_dir():
        pytest.skip(MISSING)
    return SHARED


@pytest.fixture(scope="session")
def upstream(shared: Path) -> Path:
    return shared / "upstream"


def once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first process which needs it makes for all. Who wants to change something takes a copy."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = shared / f"{name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(folder)
    return folder


@pytest.fixture(scope="session")
def archive_root(upstream: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with every declared file of every source."""
    from pipeline import archive, catalog

    def fill(root: Path) -> None:
        _, missing = archive.fetch_from(root, upstream, catalog.load().retrieved.values())
        assert missing == []

    return once(tmp_path_factory, "archive", fill)


@pytest.fixture(scope="session")
def editions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All declared editions, built once from the bundled figures with two threads."""
    from pipeline import build, catalog, figures

    declared = catalog.load()

    def fill(out: Path) -> None:
        build.build(declared, figures.BUNDLED, out, sorted(declared.editions), threads=2)

    return once(tmp_path_factory, "editions", fill)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only this machine can be reached; a test that asks for more, even for a name's address, is a bug."""
    look_up = socket.getaddrinfo

    def local(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
        def to(self: socket.socket, address: Any) -> Any:
            if self.family != socket.AF_UNIX:
                refuse_others(address[0])
            return connect(self, address)

        return to

    def local_look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        refuse_others(host)
        return look_up(host, *arguments, **options)

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, local(getattr(socket.socket, name)))
    monkeypatch.setattr(socket, "getaddrinfo", local_look_up)
    yield


def refuse_others(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host)
    here = host is None or name in {"", "::1", "0.0.0.0", "localhost", socket.gethostname()} or name.startswith("127.")
    if not here:
        raise AssertionError(f"a test wants the network: {name}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":  # in the process that collects, also where tests run in several
        damaged.update(str(what) for name, what in report.user_properties if name == "damage")
    if report.skipped and "publishers' files" in str(report.longrepr):
        not_run.append(report.nodeid)
    elif report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        lacking.append(f"{report.nodeid}: {reason}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if damaged:
        silent, limits = damaged.pop("silent", 0), damaged.pop("known limits", 0)
        told = ", ".join(f"{what} {count}" for what, count in sorted(damaged.items()))
        terminalreporter.section("damaged files")
        terminalreporter.line(f"silent wrong results {silent}; known limits {limits}; {told}")
    if lacking:
        terminalreporter.section("NOT TESTED", sep="!", red=True)
        for test in lacking:
            terminalreporter.line(f"  {test}")
    if not_run:
        terminalreporter.section("NOT TESTED", sep="!", red=True)
        count = f"{len(not_run)} TESTS DID NOT RUN BECAUSE THE PUBLISHERS' FILES ARE NOT HERE"
        terminalreporter.line(f"{count}: {MISSING}")
        for test in not_run:
            terminalreporter.line(f"  {test}")
