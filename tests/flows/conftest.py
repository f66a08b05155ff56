"""A real Prefect server on loopback with a worker, and publishers in a box, for the tests of this folder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from box import Box, opened

ROOT = Path(__file__).resolve().parents[2]
PREFECT = str(Path(sys.executable).with_name("prefect"))


@dataclass(frozen=True)
class Server:
    """Where the server listens, and the environment of everyone who talks to it."""

    api: str
    environment: dict[str, str]
    home: Path
    box: Box

    def prefect(self, *arguments: str, code: int = 0, timeout: int = 240) -> str:
        result = subprocess.run(
            [PREFECT, "--no-prompt", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip
        assert result.returncode == code, result.stdout + result.stderr
        return result.stdout

    def ask(self, path: str, body: dict[str, object] | None = None) -> list[dict[str, object]]:
        reply = requests.post(f"{self.api}/{path}", json=body or {}, timeout=30)
        reply.raise_for_status()
        return list(reply.json())

    def runs(self, flow: str, *states: str) -> list[dict[str, object]]:
        """Runs of a flow in the given states, the newest first."""
        return self.ask(
            "flow_runs/filter",
            {
                "flows": {"name": {"any_": [flow]}},
                "flow_runs": {"state": {"type": {"any_": list(states)}}},
                "sort": "START_TIME_DESC",
            },
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stop(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def publishers() -> Iterator[Box]:
    """A box that has nothing yet."""
    with opened(Box()) as box:
        yield box


@pytest.fixture(scope="session")
def server(publishers: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Started once; deployments of prefect.yaml, a process pool and a worker are there."""
    home, port = tmp_path_factory.mktemp("prefect"), free_port()
    api = f"http://127.0.0.1:{port}/api"
    environment = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_SCHEDULED_TIME": "P400D",  # by default nothing later than 100 days
        "DO_NOT_TRACK": "1",
        "STADTRANG_MIRROR": publishers.address,
        "STADTRANG_LATE_TRIES": "0",
        "STADTRANG_HOME": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    log = (home / "server.log").open("wb")
    start = {"env": environment, "cwd": ROOT, "stdout": log, "stderr": log, "start_new_session": True}
    running = [
        subprocess.Popen([PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)], **start)  # type: ignore[call-overload]
    ]
    try:
        _wait_for(api, home)
        here = Server(api, environment, home, publishers)
        here.prefect("work-pool", "create", "local", "--type", "process")
        here.prefect("deploy", "--all")
        running.append(subprocess.Popen([PREFECT, "worker", "start", "--pool", "local"], **start))  # type: ignore[call-overload]
        yield here
    finally:
        for process in reversed(running):
            stop(process)


def _wait_for(api: str, home: Path) -> None:
    for _ in range(120):
        try:
            if requests.get(f"{api}/health", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(1)
    raise AssertionError((home / "server.log").read_text("utf-8", errors="replace"))
