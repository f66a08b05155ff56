"""Who can reach the server, what is stored, and what the files of deploy/ ask for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import orchestration

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
LISTENING = "0A"
FLOWS = {"yearly_ranking": ["yearly_ranking", "backfill"], "refresh_sources": ["refresh_sources"]}


def settings(name: str) -> dict[str, str]:
    lines = [line for line in (DEPLOY / name).read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_the_server_listens_on_loopback_and_nowhere_else(server: Any) -> None:
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            address, port = line.split()[1].split(":")
            if int(port, 16) == server.port and line.split()[3] == LISTENING:
                found.append(address)
    assert found == ["0100007F"]


def test_the_files_of_deploy_keep_server_and_database_on_loopback() -> None:
    server = settings("server.env")
    assert server["PREFECT_SERVER_API_HOST"] == "127.0.0.1"
    assert server["PREFECT_API_URL"].startswith("http://127.0.0.1:")
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    assert set(services) == {"database", "server", "worker"}
    assert services["server"]["ports"] == ["127.0.0.1:4200:4200"]
    assert not any("ports" in services[name] for name in ("database", "worker"))


def test_compose_names_what_the_program_reads_and_holds_no_secret() -> None:
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    services = document["services"]
    for name in ("server", "worker"):
        environment = services[name]["environment"]
        assert environment["PREFECT_API_AUTH_STRING"].startswith("${PREFECT_AUTH:?")
        known = {**settings("stadtrang.env"), **settings("server.env")}
        assert {key for key in known if key.startswith("STADTRANG_")} <= environment.keys()
        (volume,) = services[name]["volumes"]
        assert volume.split(":") == ["home", environment["STADTRANG_HOME"]]
    server = services["server"]["environment"]
    assert server["PREFECT_SERVER_API_AUTH_STRING"] == server["PREFECT_API_AUTH_STRING"]
    assert server["PREFECT_SERVER_DATABASE_CONNECTION_URL"].startswith(
        "postgresql+asyncpg://prefect:${POSTGRES_PASSWORD}"
    )
    assert services["database"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    assert set(document["volumes"]) == {"home", "database"}
    copied = [line.split()[1] for line in (DEPLOY / "Dockerfile").read_text("utf-8").splitlines() if "COPY" in line]
    assert all((ROOT / path).exists() for path in copied)


def test_the_units_start_programs_of_the_package_as_a_user_of_their_own() -> None:
    units = sorted(DEPLOY.glob("*.service"))
    assert [unit.stem for unit in units] == ["stadtrang-server", "stadtrang-worker", "stadtrang-yearly"]
    for unit in units:
        lines = dict(line.split("=", 1) for line in unit.read_text("utf-8").splitlines() if "=" in line)
        assert lines["User"] == "stadtrang"
        assert lines["ProtectSystem"] == "strict"
        program = lines["ExecStart"].split()[0]
        assert program.startswith(settings("stadtrang.env")["STADTRANG_CHECKOUT"] + "/.venv/bin/")
        assert Path(sys.executable).with_name(Path(program).name).exists()


def test_a_server_with_basic_auth_answers_nobody_without_it(server: Any) -> None:
    """Of the settings that docs/operations.md names; the app itself is asked, without a second server."""
    code = (
        "from fastapi.testclient import TestClient; from prefect.server.api.server import create_app\n"
        "client, who = TestClient(create_app(ephemeral=True)), (None, ('operator', 'no'), ('operator', 'yes'))\n"
        "print([client.get('/api/admin/version', auth=one).status_code for one in who])"
    )
    environment = {
        **os.environ,
        "PREFECT_SERVER_API_AUTH_STRING": "operator:yes",
        "PREFECT_HOME": str(server.home / "auth"),
    }
    environment.pop("PREFECT_API_URL", None)
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=240)
    assert result.stdout.split("[")[-1].startswith("401, 401, 200]"), result.stdout + result.stderr


@pytest.mark.parametrize("module", FLOWS)
def test_no_flow_and_no_task_stores_results_and_none_would_pickle_them(module: str) -> None:
    from prefect import Task

    loaded = orchestration.load_flow(module)
    for name in FLOWS[module]:
        flow = getattr(loaded, name)
        assert flow.persist_result is False
        assert flow.result_serializer == "json"
    from pipeline import operations

    tasks = [value for value in vars(operations).values() if isinstance(value, Task)]
    assert len(tasks) >= 6
    for task in tasks:
        assert task.persist_result is False
        assert task.result_serializer == "json"


def test_what_a_failed_run_stores_is_json_and_no_pickle(server: Any, tmp_path: Path) -> None:
    """Prefect stores the error of a run that fails, whatever is said about results."""
    run = server.trigger("yearly", years=[2021], figures="/nowhere", out=str(tmp_path / "editions"))
    assert server.wait(run) == "FAILED"
    stored = [path for path in (server.home / "prefect" / "storage").rglob("*") if path.is_file()]
    assert stored
    for path in stored:
        assert json.loads(path.read_text("utf-8"))["__exc_type__"].startswith("pipeline.errors.")
