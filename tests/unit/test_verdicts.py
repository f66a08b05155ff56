"""Verdicts on typed tables: kept for exactly these bytes and rules, asked again for any others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from pipeline import catalog, checks, cli, verdicts, warehouse
from pipeline.errors import UsageError
from pipeline.figures import BUNDLED

CATALOG = catalog.load()
SOURCE, TABLE = "kba_fz27", "typed__kba_fz27__cars"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The figures of one small source with what is kept of them."""
    for name in (TABLE, verdicts.CHECKS, verdicts.FAILING):
        shutil.copy(BUNDLED / f"{name}.parquet", tmp_path)
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables whose suite ran."""
    tables: list[str] = []
    run = checks.run_suite

    def counting(table: str, *rest: object) -> checks.Outcome:
        tables.append(table)
        return run(table, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(checks, "run_suite", counting)
    return tables


def verdict(folder: Path) -> verdicts.Verdict:
    with warehouse.connect() as connection:
        return verdicts.of_source(connection, CATALOG, folder, SOURCE)


def test_the_bundled_figures_hold_the_verdict_on_every_table_as_it_is(asked: list[str]) -> None:
    with warehouse.connect() as connection:
        executed = sum(
            len(verdicts.of_source(connection, CATALOG, BUNDLED, source_id).checks) for source_id in CATALOG.retrieved
        )
    assert asked == []
    declared = [checks.load_suite(table)["expectations"] for s in CATALOG.retrieved.values() for table in s.tables]
    assert executed == sum(map(len, declared))


def test_what_is_kept_is_what_the_suite_says(folder: Path, asked: list[str]) -> None:
    kept = verdict(folder)
    for name in (verdicts.CHECKS, verdicts.FAILING):
        (folder / f"{name}.parquet").unlink()
    now = verdict(folder)
    assert asked == [TABLE]
    assert kept.checks.to_dict("records") == now.checks.to_dict("records")
    assert kept.failing.to_dict("records") == now.failing.to_dict("records")


def test_other_bytes_of_the_table_are_asked_about(folder: Path, asked: list[str]) -> None:
    path = folder / f"{TABLE}.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create table t as from '{path}'")
        connection.execute(f"update t set value = -1 where rowid = 0; copy t to '{path}' (format parquet)")
    assert checks.critical_failures(verdict(folder).checks)
    assert asked == [TABLE]


def test_another_suite_is_asked(folder: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    suites = folder / "suites"
    suites.mkdir()
    suite = checks.load_suite(TABLE)
    suite["expectations"] = suite["expectations"][:1]
    (suites / f"{TABLE}.json").write_text(json.dumps(suite), "utf-8")
    shipped = catalog.shipped

    def with_other_suites(name: str) -> Path:
        return suites if name == "expectations" else shipped(name)

    monkeypatch.setattr(verdicts, "shipped", with_other_suites)
    monkeypatch.setattr(checks, "shipped", with_other_suites)
    assert len(verdict(folder).checks) == 1
    assert asked == [TABLE]


def test_verdicts_that_cannot_be_read_are_asked_for_again(folder: Path, asked: list[str]) -> None:
    (folder / f"{verdicts.CHECKS}.parquet").write_bytes(b"no Parquet")
    assert len(verdict(folder).checks) == len(checks.load_suite(TABLE)["expectations"])
    assert asked == [TABLE]


def test_figures_of_a_few_sources_get_the_verdicts_on_their_tables(folder: Path, asked: list[str]) -> None:
    verdicts.keep(CATALOG, folder)
    assert asked == [TABLE]


def test_the_pages_hold_every_expectation_and_what_failed(folder: Path, tmp_path: Path) -> None:
    with warehouse.connect() as connection:
        frame = warehouse.frame(connection, f"select * from read_parquet('{folder}/{TABLE}.parquet')")
    frame.loc[0, "value"] = -1
    page = checks.data_docs([(TABLE, frame)], tmp_path / "pages")
    assert TABLE in page.read_text("utf-8")
    (result,) = (tmp_path / "pages" / "validations").rglob("*.html")
    text = result.read_text("utf-8")
    assert all(
        e["kwargs"]["column"] in text for e in checks.load_suite(TABLE)["expectations"] if "column" in e["kwargs"]
    )
    assert "Failed" in text


def test_the_command_writes_pages_to_an_empty_folder_only(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    result = CliRunner().invoke(cli.app, ["checks", "--html", str(tmp_path)])
    assert isinstance(result.exception, UsageError)
    assert "a new or empty folder is expected" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
