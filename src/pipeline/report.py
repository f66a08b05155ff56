"""What a run says: the summary on the screen and the report that an operator reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import warehouse
from pipeline.catalog import Catalog
from pipeline.publish import Published

TOP_LEAGUES = {"city_30k": "Towns of 30,000 and more", "germany": "All municipalities"}


SOURCE_FIELDS = {"id", "title", "publisher", "page", "licence", "level", "release_month", "evidence", "redistribute"}


def source_table(catalog: Catalog) -> str:
    """The registry as a markdown table; the README shows it."""
    rows = [
        [s.id, s.licence, s.level, s.release_month or "-", ", ".join(s.editions), s.evidence]
        for s in catalog.sources.values()
    ]
    return _table(rows, ["source", "licence", "level", "release month", "editions", "evidence"])


def summary(published: Sequence[Published], out: Path) -> dict[str, Any]:
    """The newest edition's top ten in the two main leagues, and what this run wrote."""
    newest = max(published, key=lambda edition: edition.year)
    with warehouse.connect() as connection:
        top = []
        for league, label in TOP_LEAGUES.items():
            rankings = f"read_parquet('{newest.folder.as_posix()}/rankings.parquet') where league = '{league}'"
            rows = connection.execute(
                "select rank, name, land_name, population, score, score_potential, score_implementation, rank_previous "
                f"from {rankings} and rank <= 10 order by rank, ags"
            ).fetchall()
            ranked, unranked = connection.execute(
                f"select count(rank), count(*) - count(rank) from {rankings}"
            ).fetchall()[0]
            top.append(
                {
                    "league": league, "label": label, "year": newest.year, "ranked": ranked, "unranked": unranked,
                    "rows": [_row(*row) for row in rows],
                }
            )  # fmt: skip
    lines = [
        f"{edition.year} {edition.revision}: {'published' if edition.is_new else 'unchanged'}, {edition.folder}"
        for edition in published
    ]
    return {"top": top, "lines": [*lines, f"newest files: {out / 'latest'}"]}


def _row(
    rank: int,
    name: str,
    land: str,
    population: int,
    score: float,
    potential: float,
    doing: float,
    before: int | None,
) -> list[str]:
    return [
        str(rank), name, land, f"{population:,}", f"{score:.2f}", f"{potential:.1f}", f"{doing:.1f}",
        "-" if before is None else str(before),
    ]  # fmt: skip


def markdown(published: Sequence[Published], accounts: Path) -> str:
    """The run report: editions, leagues, areas left out, sources, failed checks and the account of rows."""
    newest = max(published, key=lambda edition: edition.year)
    parts = [
        "# Run report",
        "",
        _table(
            [[e.year, e.revision, "new" if e.is_new else "unchanged"] for e in published],
            ["edition", "revision", "files"],
        ),
    ]
    queries = {
        "Leagues": ("rankings", "select league, status, count(*) as places"),
        "Areas": ("areas", "select indicator_set, area, status, indicators, round(weight, 4) as weight, reason"),
        "Sources": ("sources", "select source_id, edition, any_value(licence) as licence, count(*) as files"),
        "Checks that failed": ("checks", 'select severity, suite, expectation, "column", observed, failing_rows'),
    }
    with warehouse.connect() as connection:
        for title, (name, select) in queries.items():
            table = f"read_parquet('{newest.folder.as_posix()}/{name}.parquet')"
            some = "where not success" if name == "checks" else ""
            sql = f"{select} from {table} {some} group by all order by all"
            parts += ["", f"## {title} {newest.year}", "", _query_table(connection, sql)]
        account = f"select * from read_parquet('{accounts.as_posix()}') order by all"
        parts += ["", "## Account of rows", "", _query_table(connection, account)]
    return "\n".join(parts) + "\n"


def _query_table(connection: Any, sql: str) -> str:
    result = connection.execute(sql)
    header = [column[0] for column in result.description]
    return _table(result.fetchall(), header)


def _table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> str:
    if not rows:
        return "none"
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell).replace("|", "/").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
