"""Names and keys to places: the account of every join, and candidates for the names that found none.

A name is matched by rule (sql/2_core/core__named_places.sql): a declared alias, then the exact name, narrowed by the
Land or by what the entry calls the place. Whatever else looks alike is a candidate for a person, never a match.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pandas as pd

from pipeline import figures, warehouse
from pipeline.catalog import Catalog
from pipeline.checks import CHECK_COLUMNS, critical_failures
from pipeline.errors import CheckError

JOINS = "account__joins"
EXACT = {
    "name": "the only municipality of exactly this name",
    "name_and_land": "the only municipality of exactly this name in the Land that the entry gives",
    "name_and_title": "the only municipality of exactly this name with the title that the entry gives",
}
CANDIDATES, LEAST_SCORE = 3, 0.85  # of Jaro-Winkler similarity, 1 for the same name


def account(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> pd.DataFrame:
    """One data check (CHECK_COLUMNS) per source, edition and level: matched, unmatched on either side, and whether that
    is as many as the source declares."""
    rows = []
    for source_id, edition, level, year, entries, matched, unmatched, without in connection.execute(
        f"select source_id, edition, level, list_year, entries, matched, unmatched, places_without from {JOINS} "
        "order by all"
    ).fetchall():
        least = catalog.sources[source_id].match.get(level, 0.0)
        asked = {"source_id": source_id, "edition": edition, "year": year, "min_value": least}
        observed = f"{matched} of {entries} matched, {unmatched} without a place; {without} places without an entry"
        row = ("joins", "expect_match_rate", source_id, level, json.dumps(asked, sort_keys=True))
        rows.append((*row, matched >= least * entries, observed, unmatched, "critical"))
    return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))


def require(found: pd.DataFrame) -> None:
    """Raise CheckError where a source finds fewer places than it declares."""
    if critical := critical_failures(found):
        raise CheckError("joins: fewer entries than declared found their place\n" + "\n".join(critical))


def matches(catalog: Catalog, folder: Path) -> pd.DataFrame:
    """One row per entry of a list that names a place: source_id, edition, row_number, place_name, list_year, ags, name,
    land_name, method, score (1 for a match, else NULL), evidence, reason."""
    with warehouse.connect() as connection:
        return _matches(connection, catalog, folder)


def candidates(catalog: Catalog, folder: Path) -> pd.DataFrame:
    """For each name that found no place the municipalities whose names are most like it: source_id, place_name, ags,
    name, score. For a person who may declare an alias; nothing here is ever used."""
    with warehouse.connect() as connection:
        unmatched = _matches(connection, catalog, folder).query("ags.isna()")
        warehouse.table(connection, "unmatched", unmatched)
        return warehouse.frame(
            connection,
            f"""
            with names as (
              select distinct source_id, place_name, list_year, plain_name(place_name) as plain from unmatched
            ), likely as (
              select
                names.source_id, names.place_name, places.ags, places.name,
                max(jaro_winkler_similarity(names.plain, plain_name(places.name))) as score
              from names
              join core__municipalities as places using (list_year)
              where left(plain_name(places.name), 1) = left(names.plain, 1)
              group by all
            )
            select source_id, place_name, ags, name, round(score, 3) as score
            from likely
            where score >= {LEAST_SCORE}
            qualify row_number() over (partition by source_id, place_name order by score desc, ags) <= {CANDIDATES}
            order by source_id, place_name, score desc, ags
            """,
        )


def core(connection: duckdb.DuckDBPyConnection, catalog: Catalog, folder: Path, wanted: set[str]) -> None:
    """Some models of sql/2_core, with those that they read, from a folder of figures."""
    warehouse.declare(connection, catalog)
    figures.load(connection, catalog, folder)
    models = warehouse.layer(catalog, "2_core")
    while more := set[str]().union(*(warehouse.references(models[n]) & models.keys() for n in wanted)) - wanted:
        wanted = wanted | more
    warehouse.run(connection, {name: models[name] for name in wanted})


def _matches(connection: duckdb.DuckDBPyConnection, catalog: Catalog, folder: Path) -> pd.DataFrame:
    core(connection, catalog, folder, {"core__named_places", "core__municipalities"})
    found = warehouse.frame(
        connection,
        """
        select
          named.source_id, named.edition, named.row_number, named.place_name, named.list_year, named.ags,
          places.name, places.land_name, named.method, case when named.ags is not null then 1.0 end as score,
          named.reason
        from core__named_places as named
        left join core__municipalities as places using (list_year, ags)
        order by named.source_id, named.edition, named.row_number
        """,
    )
    keyed = found[["method", "source_id", "ags"]].to_numpy().tolist()
    found["evidence"] = pd.Series([_evidence(catalog, *row) for row in keyed], dtype="object", index=found.index)
    return found


def _evidence(catalog: Catalog, method: str, source: str, ags: str) -> str | None:
    """Why a name is that place; NULL where it is none."""
    if method != "alias":
        return EXACT.get(method)
    fitting = [alias for alias in catalog.aliases if alias.ags == ags and alias.source in (None, source)]
    return "; ".join(f"aliases.yml, {alias.name}: {alias.evidence}" for alias in fitting)


def lines(found: pd.DataFrame, likely: pd.DataFrame) -> list[str]:
    """Match rate and methods per list, then each name without a place with its candidates."""
    text = []
    for (source, edition), entries in found.groupby(["source_id", "edition"]):
        counts = entries["method"].dropna().value_counts().sort_index()
        ways = ", ".join(f"{method} {count}" for method, count in zip(counts.index, counts, strict=True))
        text.append(f"{source} {edition}: {len(entries)} names, {entries['ags'].notna().sum()} matched ({ways})")
    like: dict[tuple[str, str], list[str]] = {}
    for source, place, ags, name, score in likely.to_numpy().tolist():
        like.setdefault((source, place), []).append(f"{name} ({ags}) {score}")
    unmatched = found.loc[found["ags"].isna(), ["source_id", "place_name"]].drop_duplicates()
    for source, place in unmatched.sort_values(["source_id", "place_name"]).to_numpy().tolist():
        text.append(f"{source}: {place!r} is no place; like {'; '.join(like.get((source, place), [])) or 'none'}")
    return text
