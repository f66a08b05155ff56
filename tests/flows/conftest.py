"""A real Prefect server on loopback with a worker, and publishers in a box, for the tests of this folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from box import Box, addresses_of, opened, publish_real_files, with_real_files
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from pipeline import catalog

ROOT = Path(__file__).resolve().parents[2]
PREFECT = str(Path(sys.executable).with_name("prefect"))
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
T = TypeVar("T")


@dataclass
class Server:
    """Where the server listens, the environment of everyone who talks to it, and the processes, to be killed."""

    home: Path
    box: Box
    database: str | None = None
    port: int = 0
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port = free_port()
        self.api = f"http://127.0.0.1:{self.port}/api"
        self.environment = {
            **os.environ,
            "PREFECT_HOME": str(self.home / "prefect"),
            "PREFECT_API_URL": self.api,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_SCHEDULED_TIME": "P400D",  # by default nothing later than 100 days
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            "DO_NOT_TRACK": "1",
            "STADTRANG_MIRROR": self.box.address,
            "STADTRANG_LATE_TRIES": "0",
            "STADTRANG_HOME": str(self.home),
            "STADTRANG_CHECKOUT": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        self.client = requests.Session()  # a busy SQLite answers 503, and Prefect's own client asks again too
        again = Retry(8, backoff_factor=0.5, status_forcelist=[503], allowed_methods=None)
        self.client.mount("http://", HTTPAdapter(max_retries=again))
        if self.database:
            self.environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = self.database

    def start(self, name: str) -> None:
        """The server or the worker; the server is awaited."""
        command = {
            "server": [PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(self.port)],
            "worker": [PREFECT, "worker", "start", "--pool", "local"],
        }[name]
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, env=self.environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        if name == "server":
            until(self.is_healthy, 240, lambda: (self.home / "server.log").read_text("utf-8", errors="replace"))

    def is_healthy(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.api}/health", timeout=5).ok
        return False

    def kill(self, name: str) -> None:
        """kill -9 of a process and all that it started."""
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes.pop(name).wait()

    def prefect(self, *arguments: str, code: int = 0, timeout: int = 400) -> str:
        result = subprocess.run(
            [PREFECT, "--no-prompt", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip
        assert result.returncode == code, result.stdout + result.stderr
        return result.stdout

    def ask(self, path: str, body: dict[str, object] | None = None) -> list[dict[str, Any]]:
        reply = self.client.post(f"{self.api}/{path}", json=body or {}, timeout=60)
        reply.raise_for_status()
        return list(reply.json())

    def runs(self, flow: str, *states: str) -> list[dict[str, Any]]:
        """Runs of a flow in the given states, the newest first."""
        return self.ask(
            "flow_runs/filter",
            {
                "flows": {"name": {"any_": [flow]}},
                "flow_runs": {"state": {"type": {"any_": list(states)}}},
                "sort": "START_TIME_DESC",
            },
        )

    def trigger(self, deployment: str, **parameters: object) -> str:
        """Ask for a run; its id."""
        (found,) = self.ask("deployments/filter", {"deployments": {"name": {"any_": [deployment]}}})
        reply = self.client.post(
            f"{self.api}/deployments/{found['id']}/create_flow_run", json={"parameters": parameters}, timeout=60
        )
        reply.raise_for_status()
        return str(reply.json()["id"])

    def state(self, run: str) -> str:
        reply = self.client.get(f"{self.api}/flow_runs/{run}", timeout=60)
        reply.raise_for_status()
        return str(reply.json()["state_type"])

    def wait(self, run: str, *states: str, timeout: float = 400) -> str:
        """Until a run is in one of the states, by default at its end."""

        def reached() -> str | None:
            state = self.state(run)
            return state if state in (states or ENDED) else None

        return until(reached, timeout, lambda: (self.home / "worker.log").read_text("utf-8", errors="replace"))


def until(found: Callable[[], T | None], timeout: float, why: Callable[[], str] = lambda: "") -> T:
    """What the function gives once it gives something."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.2)
    raise AssertionError(f"not within {timeout} s: {why()}")


def process_of(run: str) -> int | None:
    """The process that carries out a flow run, told by its environment."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"PREFECT__FLOW_RUN_ID={run}".encode() in path.read_bytes():
                return int(path.parent.name)
    return None


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
    """On SQLite. Started once; deployments of prefect.yaml, a process pool and a worker are there."""
    with deployed(Server(tmp_path_factory.mktemp("home"), publishers)) as here:
        yield here


@pytest.fixture(scope="session")
def addresses(publishers: Box, upstream: Path) -> dict[str, list[str]]:
    """Source to the addresses under which the box has its real files."""
    sources = with_real_files(catalog.load().sources.values(), upstream)
    publish_real_files(publishers, sources, upstream)
    return {source.id: [address for address, _ in addresses_of(source)] for source in sources}


@contextlib.contextmanager
def deployed(here: Server) -> Iterator[Server]:
    try:
        here.start("server")
        here.prefect("work-pool", "create", "local", "--type", "process")
        here.prefect("deploy", "--all")
        here.start("worker")
        yield here
    finally:
        for process in reversed(list(here.processes.values())):
            stop(process)


@dataclass
class Postgres:
    """A cluster of Debian's packages in a folder of its own, on loopback, without a password."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Also after a kill: PostgreSQL does not start before the last session of the killed one is gone."""
        until(self._is_ready, 120, lambda: (self.folder / "log").read_text(errors="replace"))

    def _is_ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            settings = [f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories="]
            options = [option for setting in settings for option in ("-c", setting)]
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    [program("postgres"), "-D", str(self.folder / "data"), *options],
                    stdout=log, stderr=log, start_new_session=True, cwd=self.folder, **as_postgres(),
                )  # fmt: skip
        ask = [program("pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-q"]
        return subprocess.run(ask).returncode == 0

    def kill(self) -> None:
        """kill -9 of the database; its sessions end when they see that it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


def program(name: str) -> str:
    """A program of the newest PostgreSQL of Debian's packages, or of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        pytest.skip(f"PostgreSQL is not installed ({name}); on Debian: apt-get install postgresql")
    return path


def as_postgres() -> dict[str, Any]:
    """PostgreSQL refuses to run as root, so it runs as Debian's user for it."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    initdb = program("initdb")
    folder = Path(tempfile.mkdtemp(prefix="stadtrang-postgres-"))  # pytest's own folders are closed to other users
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        subprocess.run(
            [initdb, "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "--no-sync"],
            check=True, capture_output=True, cwd=folder, **as_postgres(),
        )  # fmt: skip
        cluster = Postgres(folder, free_port())
        cluster.start()
        yield cluster
        if cluster.process:
            stop(cluster.process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server_on_postgres(
    postgres: Postgres, publishers: Box, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with deployed(Server(tmp_path_factory.mktemp("home"), publishers, postgres.url)) as here:
        yield here


@pytest.fixture(scope="session")
def built(editions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The edition of 2021 as a build without Prefect makes it, in a place of its own."""
    out = tmp_path_factory.mktemp("built") / "editions"
    shutil.copytree(editions / "2021", out / "2021")
    return out
