"""What a run says: the summary on the screen and the report that an operator reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import warehouse
from pipeline.publish import Published

TOP_LEAGUES = {"city_30k": "Towns of 30,000 and more", "germany": "All municipalities"}


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
            ranked, unranked = connection.execute(f"select count(rank), count(*) - count(rank) from {rankings}").fetchall()[0]
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
    rank: int, name: str, land: str, population: int, score: float, potential: float, doing: float, before: int | None
) -> list[str]:
    return [
        str(rank), name, land, f"{population:,}", f"{score:.2f}", f"{potential:.1f}", f"{doing:.1f}",
        "-" if before is None else str(before),
    ]  # fmt: skip


def markdown(published: Sequence[Published], accounts: Path) -> str:
    """The run report: editions, leagues, areas left out, sources, failed checks and the account of rows."""
    newest = max(published, key=lambda edition: edition.year)
    parts = ["# Run report", "", _table([[e.year, e.revision, "new" if e.is_new else "unchanged"] for e in published], ["edition", "revision", "files"])]
    queries = {
        f"Leagues {newest.year}": ("select league, status, count(*) as places from rankings group by all order by all", "rankings"),
        f"Areas {newest.year}": ("select indicator_set, area, status, indicators, round(weight, 4) as weight, reason from areas order by all", "areas"),
        f"Checks that failed {newest.year}": (
            'select severity, suite, expectation, "column", observed, failing_rows from checks where not success order by all', "checks",
        ),
        f"Sources {newest.year}": ("select source_id, edition, count(*) as files, any_value(licence) as licence from sources group by all order by all", "sources"),
    }  # fmt: skip
    with warehouse.connect() as connection:
        for title, (sql, name) in queries.items():
            connection.execute(f"create or replace view {name} as from read_parquet('{newest.folder.as_posix()}/{name}.parquet')")
            parts += ["", f"## {title}", "", _query_table(connection, sql)]
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
