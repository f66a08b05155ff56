"""What a command shows: the summary of a run and the table of sources."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import warehouse
from pipeline.catalog import Catalog, Source
from pipeline.publish import Published

SHOWN = (
    "rank", "name", "land_name", "population", "score", "score_potential", "score_implementation", "rank_previous",
)  # fmt: skip
TOP_LEAGUES = {"city_30k": "Towns of 30,000 and more", "germany": "All municipalities"}


SOURCE_FIELDS = {"id", "title", "publisher", "page", "licence", "level", "release_month", "evidence", "redistribute"}


def source_table(catalog: Catalog) -> str:
    """The registry as a markdown table; the README shows it. Brackets: an edition whose evidence is another one's."""
    rows = [
        [s.id, s.licence, s.level, s.release_month or "-", ", ".join(_editions(s)), s.evidence]
        for s in catalog.sources.values()
    ]
    return markdown_table(rows, ["source", "licence", "level", "release month", "editions", "evidence"])


def _editions(source: Source) -> list[str]:
    return [f"{name} ({e.evidence})" if e.evidence else name for name, e in source.editions.items()]


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


def markdown_table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> str:
    if not rows:
        return "none"
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell).replace("|", "/").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
