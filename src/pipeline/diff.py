"""What changed between two published editions, or between two revisions of one: files, rows, columns, ranks.

Rows are compared by the key of their file. The edition year and the revision are what tells the two apart, so they are
no difference in themselves.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb

from pipeline import publish, published, warehouse
from pipeline.errors import PipelineError, UsageError

NAMES_OF_THE_EDITION = ("edition_year", "revision")


def folder(out: Path, which: str) -> Path:
    """The folder of an edition, `2021` (its newest revision) or `2021@1.0.0`."""
    parts = re.fullmatch(r"(\d{4})(?:@(\d+(?:\.\d+)*))?", which)
    if not parts:
        raise UsageError(f"{which!r} is no edition; expected a year, or year@revision as in 2021@1.0.0")
    newest = published.folder(out, int(parts[1]))
    if parts[2] is None:
        return newest
    found = newest / parts[2]
    if not (found / publish.SUMS).is_file():
        there = sorted(path.name for path in newest.iterdir() if (path / publish.SUMS).is_file())
        raise UsageError(f"edition {parts[1]} has no revision {parts[2]} in {newest}; there are {', '.join(there)}")
    return found


def document(before: Path, after: Path, names: tuple[str, str], top: int) -> dict[str, Any]:
    """Per file its rows that are only in one of the two or changed, and per league the `top` largest moves."""
    files = []
    with warehouse.connect() as connection:
        for name in publish.FILES:
            there = [side for side in (before, after) if (side / f"{name}.parquet").is_file()]
            if len(there) == 2:
                files.append({"file": name, **_rows(connection, name, before, after)})
            elif there:
                files.append({"file": name, "only_in": names[0] if there == [before] else names[1]})
        leagues = _moves(connection, before, after, top)
    return {
        "before": names[0],
        "after": names[1],
        "is_equal": not any(_differs(file) for file in files),
        "files": files,
        "leagues": leagues,
    }


def _differs(file: dict[str, Any]) -> bool:
    return any(file.get(what) for what in ("only_in", "only_before", "only_after", "changed", "columns_only_in_one"))


def _read(connection: duckdb.DuckDBPyConnection, path: Path, view: str) -> list[str]:
    try:
        connection.read_parquet(str(path)).create_view(view, replace=True)
    except duckdb.Error as error:
        raise PipelineError(f"{path} is not readable as Parquet: {error}") from error
    return warehouse.columns(connection, view)


def _rows(connection: duckdb.DuckDBPyConnection, name: str, before: Path, after: Path) -> dict[str, Any]:
    """Rows of one file by its key: how many stand in one edition only, how many changed, and in which columns."""
    columns = [_read(connection, side / f"{name}.parquet", view) for side, view in ((before, "was"), (after, "is_now"))]
    key = [column.strip().strip('"') for column in publish.FILES[name].split(",")]
    shared = [column for column in columns[0] if column in columns[1] and column not in (*key, *NAMES_OF_THE_EDITION)]
    same_key = " and ".join(f'was."{column}" is not distinct from is_now."{column}"' for column in key)
    counts = [f'count(*) filter (where was."{c}" is distinct from is_now."{c}") as "{c}"' for c in shared]
    changed = " or ".join(f'was."{c}" is distinct from is_now."{c}"' for c in shared) or "false"
    both = f"from was join is_now on {same_key}"
    figures = ", ".join(["count(*)", f"count(*) filter (where {changed})", *counts])
    ((common, different, *by_column),) = connection.execute(f"select {figures} {both}").fetchall()
    ((in_before, in_after),) = connection.execute(
        "select (select count(*) from was), (select count(*) from is_now)"
    ).fetchall()
    return {
        "rows_before": in_before,
        "rows_after": in_after,
        "only_before": in_before - common,
        "only_after": in_after - common,
        "changed": different,
        "columns_changed": {c: n for c, n in zip(shared, by_column, strict=True) if n},
        "columns_only_in_one": sorted(set(columns[0]) ^ set(columns[1])),
    }


def _moves(connection: duckdb.DuckDBPyConnection, before: Path, after: Path, top: int) -> list[dict[str, Any]]:
    """Per league: who came, who left, how many ranks changed, and the largest changes (above 0: to the front)."""
    for side, view in ((before, "was"), (after, "is_now")):
        _read(connection, side / "rankings.parquet", view)
    connection.execute(
        "create or replace temp table moves as select league, ags, coalesce(is_now.name, was.name) as name, "
        "was.rank as rank_before, is_now.rank as rank_after, was.rank - is_now.rank as change "
        "from was full join is_now using (league, ags)"
    )
    counts = connection.execute(
        "select league, count(*) filter (where rank_before is null and rank_after is not null), "
        "count(*) filter (where rank_before is not null and rank_after is null), count(*) filter (where change <> 0) "
        "from moves group by league order by league"
    ).fetchall()
    found = []
    for league, came, left, moved in counts:
        rows = connection.execute(
            "select ags, name, rank_before, rank_after, change from moves where league = $1 and change <> 0 "
            "order by abs(change) desc, ags limit $2",
            [league, top],
        ).fetchall()
        columns = ("ags", "name", "rank_before", "rank_after", "change")
        found.append(
            {
                "league": league,
                "newly_ranked": came,
                "no_longer_ranked": left,
                "moved": moved,
                "largest_moves": [dict(zip(columns, row, strict=True)) for row in rows],
            }
        )
    return found
