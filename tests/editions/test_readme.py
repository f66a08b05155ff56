"""The README says what is so: its tables and its output are those of the program."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from pipeline import catalog, explain, published, report

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


SIX = ("05974040", "05774032", "08436064", "02000000", "05315000", "09162000")


def six_towns(db: duckdb.DuckDBPyConnection) -> str:
    """Rank, interval and change of six towns in `city_30k`, with what each change is made of."""
    rows = db.execute(
        """
        select
          split_part(r.name, ',', 1), r.edition_year, format('{} ({:.0f} to {:.0f})', r.rank, rank_p05, rank_p95),
          format('{:+d} ({:+.0f} to {:+.0f})', r.rank_change, r.rank_change_p05, r.rank_change_p95),
          format('{:+.0f}', own_data), format('{:+.0f}', others_data), format('{:+.0f}', method),
          format('{:+.0f}', territory), format('{:+.0f}', evidence), rank_without_facts::varchar
        from rankings as r
        left join changes using (edition_year, league, ags)
        where league = 'city_30k' and list_contains(?, ags)
        order by list_position(?, ags), r.edition_year
        """,
        [list(SIX), list(SIX)],
    ).fetchall()
    header = ["town", "year", "rank (5 to 95 %)", "change (5 to 95 %)", "own data", "others' data", "method",
              "territory", "only evidence", "rank without facts"]  # fmt: skip
    return report.markdown_table([["" if cell is None else cell for cell in row] for row in rows], header)


def test_the_six_towns_are_shown_as_they_are(db: duckdb.DuckDBPyConnection) -> None:
    assert block("six towns") == six_towns(db)


def test_the_explanation_shown_is_that_of_the_edition(editions: Path) -> None:
    declared = catalog.load()
    folder = published.folder(editions, 2020)
    with published.connect(folder, *explain.FILES) as edition:
        found = explain.document(declared, edition, folder, "05974040", only=["charging_points"])
    assert block("stadtrang explain") == "\n".join(["```text", *report.explain_lines(found, 1), "```"])


def test_the_coverage_shown_is_that_of_the_editions(db: duckdb.DuckDBPyConnection) -> None:
    """Own and inherited values by area, year and size class, and the emptiest indicator of each area."""
    assert block("coverage") == report.coverage_table(db, catalog.load())


def test_the_agreement_shown_is_that_of_the_newest_edition(db: duckdb.DuckDBPyConnection) -> None:
    """Alpha, the pair that agrees least, and ranks without the area, for every area of both sets."""
    assert block("agreement") == report.agreement_table(db, catalog.load())
