"""Published editions as other programs see them: where they stand, what is in them, which place a name means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline import publish, warehouse
from pipeline.catalog import Catalog
from pipeline.errors import PipelineError, UsageError


@dataclass(frozen=True)
class Match:
    """What an entry of somebody's list means: one place, or none with the reason and the places it could be."""

    entry: str
    ags: str | None
    reason: str = ""
    candidates: tuple[str, ...] = ()


def folder(out: Path, year: int) -> Path:
    """The newest revision of an edition; an error that names the editions which are there."""
    found = out / str(year)
    if (found / publish.SUMS).is_file():
        return found
    years = sorted(path.name for path in out.glob("*") if path.name.isdigit() and (path / publish.SUMS).is_file())
    there = f"there are {', '.join(years)}" if years else "there is none"
    raise UsageError(f"no published edition {year} in {out}; {there}; `stadtrang build` makes them, --out says where")


def connect(edition: Path, *files: str) -> duckdb.DuckDBPyConnection:
    """A database with some files of an edition as views."""
    connection = warehouse.connect()
    for name in files:
        path = edition / f"{name}.parquet"
        if not path.is_file():
            raise PipelineError(f"{path} is not there; the edition is not whole, build it again into another folder")
        try:
            connection.read_parquet(str(path)).create_view(name)
        except duckdb.Error as error:
            raise PipelineError(f"{path} is not readable as Parquet: {error}") from error
    return connection


def require_league(connection: duckdb.DuckDBPyConnection, league: str) -> None:
    """An error unless the league is one of the edition's."""
    leagues = [row[0] for row in connection.execute("select distinct league from rankings order by all").fetchall()]
    if league not in leagues:
        raise UsageError(f"unknown league {league!r}; the edition has {', '.join(leagues)}")


def require_places(
    connection: duckdb.DuckDBPyConnection, league: str, entries: Sequence[str], catalog: Catalog
) -> list[str]:
    """The keys of places that somebody asks for; an error for what is not exactly one ranked place of the league."""
    found = []
    for entry in match(connection, league, entries, catalog):
        ags = known(entry)
        (row,) = connection.execute(
            "select status, coalesce(reason, ''), name from rankings where league = $1 and ags = $2", [league, ags]
        ).fetchall()
        if row[0] != "ranked":
            raise UsageError(f"{row[2]} ({ags}) has no rank in {league}: {row[1] or row[0]}")
        found.append(ags)
    return found


def known(entry: Match) -> str:
    """The key of the place that an entry means; an error with the reason and the candidates where it means none."""
    if entry.ags is None:
        candidates = f"; did you mean {', '.join(entry.candidates)}" if entry.candidates else ""
        raise UsageError(f"{entry.entry!r}: {entry.reason}{candidates}")
    return entry.ags


def match(connection: duckdb.DuckDBPyConnection, league: str, entries: Sequence[str], catalog: Catalog) -> list[Match]:
    """Keys or names to places of a league, one result per entry, in their order.

    A key has eight digits. A name is the official one, with or without its title ("Soest, Stadt") or its addition in
    brackets or after a slash, and must mean exactly one place of the league; aliases of no single list go before it.
    Nothing is guessed: what is unknown or ambiguous comes back with its candidates.
    """
    connection.execute("create or replace temp table asked (number integer, entry varchar)")
    connection.execute(
        "insert into asked select unnest(range(len($1))), unnest($1::varchar[])", [[entry.strip() for entry in entries]]
    )
    connection.execute("create or replace temp table known_aliases (name varchar, ags varchar)")
    general = [alias for alias in catalog.aliases if alias.source is None]
    names, keys = [alias.name for alias in general], [alias.ags for alias in general]
    connection.execute("insert into known_aliases select unnest($1::varchar[]), unnest($2::varchar[])", [names, keys])
    rows = connection.execute(
        f"""
        with places as (select ags, name from rankings where league = {warehouse.literal(league)}),
        written as (
          select ags, name, plain_name(name) as plain from places
          union
          select ags, name, plain_name(regexp_replace(name, '\\s*[(/].*$', '')) from places
        ),
        by_key as (select asked.number, places.ags from asked join places on places.ags = asked.entry),
        by_alias as (
          select asked.number, places.ags
          from asked
          join known_aliases as aliases on plain_name(aliases.name) = plain_name(asked.entry)
          join places on places.ags = aliases.ags
        ),
        by_name as (
          select asked.number, min(written.ags) as ags, count(distinct written.ags) as places,
            list_sort(list(distinct written.name || ' (' || written.ags || ')')) as candidates
          from asked
          join written on written.plain = plain_name(asked.entry)
          group by asked.number
        ),
        begins as (
          select asked.number, list_sort(list(distinct written.name || ' (' || written.ags || ')')) as candidates
          from asked
          join written on starts_with(written.plain, plain_name(asked.entry)) and plain_name(asked.entry) <> ''
          group by asked.number
        )
        select
          asked.entry,
          coalesce(by_key.ags, by_alias.ags, case when by_name.places = 1 then by_name.ags end),
          regexp_full_match(asked.entry, '\\d+'), coalesce(by_name.places, 0),
          coalesce(by_name.candidates, begins.candidates, [])
        from asked
        left join by_key using (number)
        left join by_alias using (number)
        left join by_name using (number)
        left join begins using (number)
        order by asked.number
        """
    ).fetchall()
    return [_match(league, *row) for row in rows]


def _match(league: str, entry: str, ags: str | None, is_number: bool, places: int, candidates: list[str]) -> Match:
    if ags is not None:
        return Match(entry, ags)
    if is_number and len(entry) != 8:
        return Match(entry, None, f"a key has eight digits, this one {len(entry)}; a leading zero may be lost")
    if is_number:
        return Match(entry, None, f"no place of {league} has this key")
    if places > 1:
        return Match(entry, None, f"{places} places of {league} have this name", tuple(candidates))
    return Match(entry, None, f"no place of {league} has exactly this name", tuple(candidates[:5]))
