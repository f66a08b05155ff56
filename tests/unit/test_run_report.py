"""The run report holds the same rows in all its forms, and what comes from a publisher cannot break out of a cell."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline import run_report
from pipeline.run_report import Journal, Section, Step

HOSTILE = Section("Sources", ["name", "note"], [["<script>alert(1)</script>", "a|b\nc"], [None, 3.5]])


def test_a_cell_stays_a_cell_in_markdown() -> None:
    lines = run_report.markdown([HOSTILE]).splitlines()
    assert lines[-2:] == ["| <script>alert(1)</script> | a/b c |", "|  | 3.5 |"]


def test_a_page_shows_a_script_and_never_runs_it() -> None:
    page = run_report.page([HOSTILE], "run <1>")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<title>run &lt;1&gt;</title>" in page


def test_an_empty_section_says_so() -> None:
    empty = Section("Checks that failed", ["suite"], [])
    assert run_report.markdown([empty]).endswith("## Checks that failed\n\nnone\n")
    assert "<p>none</p>" in run_report.page([empty], "t")


def test_a_run_that_published_nothing_still_has_its_steps(tmp_path: Path) -> None:
    found = run_report.sections([], tmp_path, [Step("fetch", "failed", 1.26, "no address")])
    assert found[0].rows == [["fetch", "failed", 1.3, "no address"]]
    assert found[1].rows == []


def test_page_and_json_are_named_by_the_start_in_utc(tmp_path: Path) -> None:
    berlin = dt.timezone(dt.timedelta(hours=2))
    page = run_report.write([HOSTILE], tmp_path, dt.datetime(2026, 10, 15, 3, 0, 5, tzinfo=berlin))
    assert page == tmp_path / "reports" / "2026-10-15T010005Z.html"
    assert json.loads(page.with_suffix(".json").read_text("utf-8"))[0]["rows"][0][1] == "a|b\nc"


def test_of_a_killed_run_every_step_that_was_running_is_told(tmp_path: Path) -> None:
    began = dt.datetime(2026, 10, 15, 1, tzinfo=dt.UTC)
    journal = Journal.begin(tmp_path, "refresh", began)
    journal.note([Step("a", "completed", 1.5), Step("b", "running", 0.0), Step("c", "running", 0.0)])
    other, next_one = (
        Journal.begin(tmp_path, flow, began + dt.timedelta(seconds=n))
        for n, flow in enumerate(["yearly", "refresh"], 1)
    )
    assert other.cut_off[0].rows == []
    assert next_one.cut_off[0].rows == [["refresh", began.isoformat(), 1, "b, c", "running"]]
    assert not journal.path.exists()


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2)))
def test_every_row_is_one_line_of_markdown(rows: list[list[str]]) -> None:
    text = run_report.markdown([Section("t", ["a", "b"], [list(row) for row in rows])])
    assert len(text.splitlines()) == 4 + (2 + len(rows) if rows else 1)
