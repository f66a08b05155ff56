"""What a run says: the summary on the screen and the report that an operator reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import warehouse
from pipeline.catalog import Catalog
from pipeline.publish import Published

SHOWN = (
    "rank", "name", "land_name", "population", "score", "score_potential", "score_implementation", "rank_previous",
)  # fmt: skip
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
            rankings = (
                f"read_parquet({warehouse.literal(str(newest.folder / 'rankings.parquet'))}) where league = '{league}'"
            )
            rows = connection.execute(f"select {', '.join(SHOWN)} from {rankings} and rank <= 10 order by rank, ags")
            top.append(
                {
                    "league": league,
                    "label": label,
                    "year": newest.year,
                    "rows": [dict(zip(SHOWN, row, strict=True)) for row in rows.fetchall()],
                }
            )
            counts = connection.execute(f"select count(rank), count(*) - count(rank) from {rankings}").fetchall()[0]
            top[-1] |= {"ranked": counts[0], "unranked": counts[1]}
    editions = [
        {"year": e.year, "revision": e.revision, "is_new": e.is_new, "folder": str(e.folder)} for e in published
    ]
    return {"top": top, "editions": editions, "latest": str(out / "latest")}


def row_texts(row: dict[str, Any]) -> list[str]:
    """A row of the top ten as it is shown."""
    before = row["rank_previous"]
    return [
        str(row["rank"]), row["name"], row["land_name"], f"{row['population']:,}", f"{row['score']:.2f}",
        f"{row['score_potential']:.1f}", f"{row['score_implementation']:.1f}", "-" if before is None else str(before),
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
        "Names and keys that found their place": (
            "checks",
            'select "table" as source, json_extract_string(kwargs, \'$.edition\') as edition, "column" as level, '
            "observed, json_extract_string(kwargs, '$.min_value') as least_share",
        ),
        "Names that found none": (
            "rejected",
            "select source_id, edition, count(*) as names, string_agg(distinct raw, '; ' order by raw) as which",
        ),
        "Checks that failed": ("checks", 'select severity, suite, expectation, "column", observed, failing_rows'),
    }
    conditions = {
        "Checks that failed": "where not success",
        "Names and keys that found their place": "where suite = 'joins'",
        "Names that found none": "where rule = 'unmatched_name'",
    }
    with warehouse.connect() as connection:
        for title, (name, select) in queries.items():
            table = f"read_parquet({warehouse.literal(str(newest.folder / f'{name}.parquet'))})"
            some = conditions.get(title, "")
            sql = f"{select} from {table} {some} group by all order by all"
            parts += ["", f"## {title} {newest.year}", "", _query_table(connection, sql)]
        account = f"select * from read_parquet({warehouse.literal(str(accounts))}) order by all"
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
