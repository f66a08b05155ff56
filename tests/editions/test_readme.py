"""The README says what is so: its tables and its output are those of the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline import catalog, report

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", README, re.S)
    assert found, f"README has no block {name}"
    return found[1]


def test_the_table_of_sources_is_the_registry() -> None:
    assert block("stadtrang sources") == report.source_table(catalog.load())


@pytest.mark.parametrize("command", ["make ranking", "make test"])
def test_the_two_commands_are_there(command: str) -> None:
    assert re.search(rf"^{command}\b", README, re.M)


def test_the_numbers_of_indicators_and_years_are_right() -> None:
    declared = catalog.load()
    assert f"turns them into {len(declared.sorted_indicators)} indicators" in README
    assert f"every year from {min(declared.editions)} to {max(declared.editions)}" in README


def test_the_output_shown_is_that_of_the_newest_edition(editions: Path) -> None:
    """Every line of a ranked place in the README is the place's line in the edition."""
    from pipeline.publish import Published

    newest = max(catalog.load().editions.values(), key=lambda edition: edition.year)
    published = Published(newest.year, newest.revision, editions / str(newest.year) / newest.revision, False)
    shown = [re.split(r"\s{2,}", line.strip()) for line in block("make ranking").splitlines()]
    for league in report.summary([published], editions)["top"]:
        for row in league["rows"]:
            assert report.row_texts(row) in shown
