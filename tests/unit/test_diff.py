"""What changed between two editions: nothing where nothing did, and each change by file, row and column."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import duckdb
import pytest
import small_edition

from pipeline import cli, diff
from pipeline.errors import UsageError


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Edition 2021 in two revisions with equal bytes; 2021/ itself is the newest."""
    root = small_edition.write(tmp_path / "editions")
    files = list((root / "2021").iterdir())
    for revision in ("1.0.0", "1.1.0"):
        (root / "2021" / revision).mkdir()
        for path in files:
            shutil.copy(path, root / "2021" / revision / path.name)
    return root


def change(out: Path, file: str, sql: str) -> None:
    """Replace a file of revision 1.1.0 by what a query makes of it (`old`)."""
    path = out / "2021" / "1.1.0" / f"{file}.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create table old as from '{path}'")
        connection.execute(f"copy ({sql}) to '{path}' (format parquet)")


def compared(out: Path) -> dict[str, object]:
    folders = diff.folder(out, "2021@1.0.0"), diff.folder(out, "2021@1.1.0")
    return diff.document(*folders, ("2021@1.0.0", "2021@1.1.0"), 5)


def of(document: dict[str, object], file: str) -> dict[str, object]:
    (found,) = [entry for entry in document["files"] if entry["file"] == file]  # type: ignore[attr-defined]
    return found


def test_equal_files_are_no_difference_and_another_revision_is_none_in_itself(out: Path) -> None:
    change(out, "rankings", "select * replace ('1.1.0' as revision) from old")
    found = compared(out)
    assert found["is_equal"]
    assert of(found, "rankings")["rows_before"] == 12


def test_a_changed_cell_is_counted_in_its_row_and_column(out: Path) -> None:
    soest = "ags = '05974040' and indicator_id = 'fibre_1000'"
    change(out, "indicators", f"select * replace (case when {soest} then value + 1 else value end as value) from old")
    found = compared(out)
    assert not found["is_equal"]
    assert of(found, "indicators")["changed"] == 1
    assert of(found, "indicators")["columns_changed"] == {"value": 1}
    assert of(found, "rankings")["changed"] == 0


def test_a_value_that_becomes_missing_is_a_change_and_one_that_stays_missing_is_none(out: Path) -> None:
    change(out, "rankings", "select * replace (case when rank = 1 then null else score end as score) from old")
    assert of(compared(out), "rankings")["columns_changed"] == {"score": 1}


def test_rows_and_columns_in_one_edition_only_are_told(out: Path) -> None:
    change(out, "areas", "select *, 1 as fresh from old where area <> 'mobility'")
    found = of(compared(out), "areas")
    assert (found["only_before"], found["only_after"], found["changed"]) == (1, 0, 0)
    assert found["columns_only_in_one"] == ["fresh"]


def test_a_file_in_one_edition_only_is_told(out: Path) -> None:
    (out / "2021" / "1.1.0" / "weights.parquet").unlink()
    found = compared(out)
    assert of(found, "weights") == {"file": "weights", "only_in": "2021@1.0.0"}
    assert not found["is_equal"]


def test_moves_are_told_per_league_with_who_came_and_who_left(out: Path) -> None:
    swapped = "case rank when 1 then 9 when 9 then 1 when 2 then null else coalesce(rank, 12) end"
    change(out, "rankings", f"select * replace (cast({swapped} as integer) as rank) from old")
    (league,) = compared(out)["leagues"]  # type: ignore[misc]
    assert (league["newly_ranked"], league["no_longer_ranked"], league["moved"]) == (1, 1, 2)
    assert sorted(row["change"] for row in league["largest_moves"]) == [-8, 8]


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("twenty", "'twenty' is no edition; expected a year"),
        ("2021@", "is no edition"),
        ("2021@9.0.0", r"no revision 9\.0\.0 in .*; there are 1\.0\.0, 1\.1\.0"),
        ("2030", "no published edition 2030"),
    ],
)
def test_an_edition_that_is_not_there_is_a_usage_error(out: Path, which: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        diff.folder(out, which)


@pytest.mark.parametrize(("is_changed", "code"), [(False, 0), (True, 5)])
def test_the_command_exits_with_5_where_editions_differ(
    out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, is_changed: bool, code: int
) -> None:
    if is_changed:
        change(out, "areas", "select * replace (weight + 1 as weight) from old")
    for options in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", ["stadtrang", "diff", "2021@1.0.0", "2021@1.1.0", "--out", str(out), *options])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        assert int(stopped.value.code or 0) == code
        text = capsys.readouterr().out
        assert (
            json.loads(text)["is_equal"] is not is_changed if options else ("no difference" in text) is not is_changed
        )
