"""What a person sees when something is wrong: the exit code, the message, and the last edition untouched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipeline.figures import BUNDLED

ROOT = Path(__file__).resolve().parents[2]


def stadtrang(*arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "STADTRANG_HOME": str(home), "NO_COLOR": "1"}
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)


def files(folder: Path) -> dict[str, bytes]:
    """All files of the editions in a folder; the findings of a refused run are no edition."""
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and "refused" not in p.parts}


@pytest.fixture(scope="module")
def home(editions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with good editions."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(editions, folder / "editions")
    return folder


@pytest.fixture
def untouched(home: Path) -> object:
    before = files(home)
    yield home
    assert files(home) == before, "the last good edition stands"


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A copy of the bundled figures that a test may damage."""
    return Path(shutil.copytree(BUNDLED, tmp_path / "figures"))


def test_an_unknown_edition_year_is_a_usage_error(untouched: Path) -> None:
    result = stadtrang("build", "--year", 1999, home=untouched)
    assert result.returncode == 2
    assert "no edition 1999" in result.stderr
    assert "2018, 2019, 2020, 2021" in result.stderr


def test_an_unwritable_output_folder_says_so_before_any_work(untouched: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    result = stadtrang("build", "--out", blocked / "editions", home=untouched)
    assert result.returncode == 1
    assert "cannot be written" in result.stderr
    assert "--out" in result.stderr


def test_an_empty_archive_says_how_to_fill_it(untouched: Path, tmp_path: Path) -> None:
    result = stadtrang("figures", "--archive", tmp_path / "empty", "--out", tmp_path / "figures", home=untouched)
    assert result.returncode == 1
    assert "is empty" in result.stderr
    assert "stadtrang fetch --from" in result.stderr
    assert not (tmp_path / "figures").exists()


def test_a_missing_table_of_the_figures_is_named(untouched: Path, damaged: Path) -> None:
    (damaged / "typed__kba_fz1__cars.parquet").unlink()
    result = stadtrang("build", "--figures", damaged, home=untouched)
    assert result.returncode == 1
    assert "typed__kba_fz1__cars.parquet is missing" in result.stderr


def test_a_truncated_table_of_the_figures_is_named(untouched: Path, damaged: Path) -> None:
    path = damaged / "typed__kba_fz1__cars.parquet"
    path.write_bytes(path.read_bytes()[:-200])
    result = stadtrang("build", "--figures", damaged, home=untouched)
    assert result.returncode == 1
    assert "typed__kba_fz1__cars.parquet is not readable" in result.stderr


def test_a_failed_critical_check_publishes_nothing_and_shows_the_rows(untouched: Path, damaged: Path) -> None:
    path = damaged / "typed__bnetza_breitbandatlas__households.parquet"
    connection = duckdb.connect()
    connection.execute(f"create table t as from read_parquet('{path}')")
    connection.execute("update t set value = value * 1000 where unit_key = '05974040' and value > 1")
    connection.execute(f"copy t to '{path}' (format parquet)")
    result = stadtrang("build", "--figures", damaged, home=untouched)
    assert result.returncode == 3
    assert "typed__bnetza_breitbandatlas__households" in result.stderr
    assert "nothing was published" in result.stderr
    refused = untouched / "editions" / "refused" / "sources"
    failed = (
        duckdb.connect()
        .execute(
            f"select count(*) from read_parquet('{refused}/checks.parquet') where not success and severity = 'critical'"
        )
        .fetchall()
    )
    assert failed[0][0] >= 1
    rows = (
        duckdb.connect()
        .execute(
            f"select distinct source_id, rule from read_parquet('{refused}/rejected.parquet') "
            "where rule = 'check_critical'"
        )
        .fetchall()
    )
    assert rows == [("bnetza_breitbandatlas", "check_critical")]


def test_an_unknown_source_is_a_usage_error(untouched: Path, tmp_path: Path) -> None:
    result = stadtrang("fetch", "destatis_gw", "--from", tmp_path, home=untouched)
    assert result.returncode == 2
    assert "unknown source destatis_gw" in result.stderr


def test_a_folder_without_the_declared_files_is_an_error(untouched: Path, tmp_path: Path) -> None:
    result = stadtrang("fetch", "--from", tmp_path, "--archive", tmp_path / "archive", home=untouched)
    assert result.returncode == 1
    assert "none of the declared files is there" in result.stderr


def test_an_archive_without_a_source_does_not_delete_its_figures(
    untouched: Path, damaged: Path, upstream: Path, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "upstream").symlink_to(upstream)
    archive = tmp_path / "archive"
    result = stadtrang("fetch", "--from", tmp_path / "folder" / "upstream", "--archive", archive, home=untouched)
    assert result.returncode == 1
    assert "3 declared files are not there, the first is facts_funding" in result.stderr
    few = tmp_path / "few"
    assert stadtrang("fetch", "kba_fz1", "--from", upstream, "--archive", few, home=untouched).returncode == 0
    before = files(damaged)
    result = stadtrang("figures", "--archive", few, "--out", damaged, home=untouched)
    assert result.returncode == 1
    assert "typed__facts_funding__members" in result.stderr
    assert files(damaged) == before


def test_two_runs_cannot_write_to_one_place_at_once(untouched: Path) -> None:
    from pipeline import publish

    with publish.writer(untouched / "editions"):
        result = stadtrang("build", "--year", 2021, home=untouched)
    assert result.returncode == 1
    assert "another run is writing" in result.stderr


def test_verify_finds_a_changed_byte_and_nothing_else(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "editions", tmp_path / "editions")
    path = tmp_path / "editions" / "2021" / "1.0.0" / "rankings.parquet"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(bytes(content))
    result = stadtrang("verify", "--year", 2021, "--json", home=tmp_path)
    assert result.returncode == 5
    assert '"differing": ["rankings.parquet"]' in result.stdout


def test_building_again_changes_nothing_and_json_is_one_document(home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    result = stadtrang("build", "--year", 2021, "--json", home=home)
    document = json.loads(result.stdout)
    assert document["top"][0]["league"] == "city_30k"
    assert [edition["is_new"] for edition in document["editions"]] == [False]
    after = {path: path.stat().st_mtime_ns for path in before}
    assert {path.name for path in before if before[path] != after[path]} <= {"latest.json"}
