"""An edition can be made again, by anyone, byte for byte, and is never changed once it stands."""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from pipeline import archive, build, catalog, figures, panel, publish, scale, verdicts
from pipeline.errors import PipelineError
from pipeline.figures import BUNDLED

CATALOG = catalog.load()
YEARS = sorted(CATALOG.editions)


def sums(out: Path, year: int) -> str:
    return (out / str(year) / CATALOG.editions[year].revision / publish.SUMS).read_text()


@pytest.mark.long
def test_one_year_alone_is_the_same_as_among_all(editions: Path, tmp_path: Path) -> None:
    build.build(CATALOG, BUNDLED, tmp_path, [2020], threads=2)
    assert sums(tmp_path, 2020) == sums(editions, 2020)
    assert (tmp_path / panel.FILE).read_bytes() == (editions / panel.FILE).read_bytes(), "it holds all years anyway"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.isdigit()) == ["2020"]


@pytest.mark.long
def test_an_edition_that_somebody_changed_on_disk_is_not_called_unchanged(editions: Path, tmp_path: Path) -> None:
    shutil.copytree(editions / "2021", tmp_path / "2021")
    path = tmp_path / "2021" / CATALOG.editions[2021].revision / "ATTRIBUTION.csv"
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    with pytest.raises(PipelineError, match=r"ATTRIBUTION.csv is not what SHA256SUMS says"):
        build.build(CATALOG, BUNDLED, tmp_path, [2021], threads=2)


def test_the_frozen_bounds_are_those_of_the_base_years(editions: Path) -> None:
    for name, found in scale.compute(CATALOG, BUNDLED).items():
        assert dict(CATALOG.bounds[name].indicators) == found
        assert CATALOG.bounds[name].version == CATALOG.methods[name].version


def test_the_bundled_figures_are_those_of_the_original_bytes(
    archive_root: Path, editions: Path, tmp_path: Path
) -> None:
    """From the publishers' files to the figures and on to the editions, with one thread and with two: not one byte
    differs."""
    made = tmp_path / "figures"
    figures.make(CATALOG, archive_root, made)
    verdicts.keep(CATALOG, made)
    names = sorted(path.name for path in made.iterdir())
    assert names == sorted(path.name for path in BUNDLED.iterdir() if path.is_file())
    match, mismatch, errors = filecmp.cmpfiles(made, BUNDLED, names, shallow=False)
    assert (mismatch, errors) == ([], [])
    assert len(match) == len(names)
    build.build(CATALOG, made, tmp_path / "out", YEARS, threads=1)
    assert [sums(tmp_path / "out", year) for year in YEARS] == [sums(editions, year) for year in YEARS]
    assert (tmp_path / "out" / panel.FILE).read_bytes() == (editions / panel.FILE).read_bytes()


def test_the_bundled_figures_hold_no_publishers_file_and_fit_in_12_mb(archive_root: Path) -> None:
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) <= 12_000_000
    originals = {r.sha256 for source in CATALOG.sources for r in archive.read_receipts(archive_root, source)}
    shipped = {hashlib.sha256(path.read_bytes()).hexdigest() for path in BUNDLED.iterdir()}
    assert not shipped & originals


def test_every_row_read_is_used_or_rejected() -> None:
    off = "count(*) filter (where rows_read <> rows_used + rows_rejected)"
    accounts = duckdb.sql(f"select count(*), {off} from '{BUNDLED}/accounts.parquet'").fetchall()
    assert accounts[0][0] >= 41
    assert accounts[0][1] == 0


def test_the_wheel_builds_an_edition_far_from_the_checkout(editions: Path, tmp_path: Path) -> None:
    """What is installed is whole: sql, expectations, flows and figures travel inside the wheel."""
    root = Path(__file__).resolve().parents[2]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")],
        cwd=root, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    installed = tmp_path / "installed"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(installed)], check=True)
    code = (
        "import sys; sys.argv[1:] = ['build', '--year', '2019', '--quiet']; "
        "import pipeline.cli as c; assert 'installed' in c.__file__; c.main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(installed), "STADTRANG_HOME": str(tmp_path / "home")}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    assert sums(tmp_path / "home" / "editions", 2019) == sums(editions, 2019)


def test_a_run_that_is_killed_leaves_nobody_who_publishes(tmp_path: Path) -> None:
    """The workers end with their parent, nothing is published, and the next run is whole."""
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "build", "--year", "2021", "--quiet"]
    environment = {**os.environ, "STADTRANG_HOME": str(tmp_path / "it's me"), "TMPDIR": str(tmp_path)}
    run = subprocess.Popen(command, env=environment, start_new_session=True)
    time.sleep(6)
    run.kill()
    run.wait()
    for _ in range(40):
        if subprocess.run(["pgrep", "-s", str(run.pid)], capture_output=True).returncode != 0:
            break
        time.sleep(0.5)
    else:
        raise AssertionError("a worker outlived the run")
    assert not list(tmp_path.glob("*/editions/2021"))
    subprocess.run(command, env=environment, check=True)
    assert [path.name for path in tmp_path.glob("*/editions/.writing-*")] == []
    assert sums(tmp_path / "it's me" / "editions", 2021)


def test_an_edition_with_other_bytes_is_refused_and_none_is_published(editions: Path, tmp_path: Path) -> None:
    """2021 stands with other bytes, so 2020, which is fine and written, is not published either."""
    (tmp_path / "2020").mkdir()
    shutil.copytree(editions / "2021", tmp_path / "2021")
    folder = tmp_path / "2021" / CATALOG.editions[2021].revision
    (folder / publish.SUMS).write_text("something else\n")
    with pytest.raises(PipelineError, match="immutable"):
        build.build(CATALOG, BUNDLED, tmp_path, [2020, 2021], threads=2)
    assert list((tmp_path / "2020").iterdir()) == []
    assert (folder / publish.SUMS).read_text() == "something else\n"
    assert not list(tmp_path.glob(".writing-*"))
