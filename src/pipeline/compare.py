"""Somebody else's ranking against ours: how far the orders agree, where they differ most, and which areas explain it.

Only places that stand in both lists are compared, re-ranked among themselves. A rank there is not the published one.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from pipeline import published
from pipeline.catalog import Catalog
from pipeline.composite import agreement
from pipeline.composite.ranks import competition
from pipeline.composite.values import Floats, Ints
from pipeline.errors import PipelineError, ReadError, UsageError

FILES = ("rankings", "area_scores", "areas")
KEYS = ("ags",)
NAMES = ("name", "municipality", "gemeinde", "stadt", "ort")
RANKS = ("rank", "rang", "platz")
DRAWS, SEED = 1000, 20210101
MINIMUM_PLACES = 5  # of which a rank correlation can be said anything at all


@dataclass(frozen=True)
class Entry:
    """One row of their list; row counts from 1, the header included; entry: AGS or name."""

    row: int
    entry: str
    rank: int


@dataclass(frozen=True)
class Lists:
    """The places of both lists, sorted by AGS. name: text; given, ours: (places,) ranks in their file and published by
    us; area_score: (places, areas) of scored areas; area_weight: (areas,) shares."""

    ags: list[str]
    name: list[str]
    given: Ints
    ours: Ints
    areas: list[str]
    area_score: Floats
    area_weight: Floats


def read_ranks(path: Path) -> list[Entry]:
    """A CSV with a header: a column `ags` or `name`, and a column `rank`; comma, semicolon or tab. UTF-8."""
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadError(f"{path}: not UTF-8 (byte {error.start}); save it as CSV UTF-8") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    if unprintable := next((c for c in text if not c.isprintable() and c not in "\r\n\t"), None):
        raise ReadError(f"{path}: printable text is expected, found {unprintable!r}")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ReadError(f"{path}: not a CSV: {error}") from error
    header = [name.strip().lower() for name in rows[0]] if rows else []
    entry_column = _column(path, header, (*KEYS, *NAMES), "a place: ags or name")
    rank_column = _column(path, header, RANKS, "the rank: rank")
    found = []
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise ReadError(f"{path}, row {number}: {len(row)} cells, the header has {len(header)}")
        entry, rank = row[entry_column].strip(), row[rank_column].strip()
        if not entry:
            raise ReadError(f"{path}, row {number}: column {header[entry_column]!r} is empty")
        if "\n" in entry or "\r" in entry:
            raise ReadError(
                f"{path}, row {number}: column {header[entry_column]!r}: one line is expected, found {entry!r}"
            )
        if not re.fullmatch(r"0*[1-9][0-9]{0,6}", rank):
            raise ReadError(
                f"{path}, row {number}: column {header[rank_column]!r}: expected a whole number from 1 to 9999999, "
                f"found {rank[:30]!r}"
            )
        found.append(Entry(number, entry, int(rank)))
    if not found:
        raise ReadError(f"{path}: no row below the header")
    return found


def _column(path: Path, header: list[str], names: Sequence[str], what: str) -> int:
    there = [name for name in names if name in header]
    if not there:
        raise ReadError(f"{path}: no column for {what}; expected one of {', '.join(names)}, found {', '.join(header)}")
    if header.count(there[0]) > 1:
        raise ReadError(f"{path}: column {there[0]!r} stands twice")
    return header.index(there[0])


def place(
    edition: duckdb.DuckDBPyConnection, league: str, entries: Sequence[Entry], catalog: Catalog, path: Path
) -> tuple[Lists, list[dict[str, Any]]]:
    """Their entries as places of our league, and those that are none: unknown, ambiguous or without a rank of ours."""
    published.require_league(edition, league)
    matches = published.match(edition, league, [entry.entry for entry in entries], catalog)
    ours = {
        ags: (name, rank, reason)
        for ags, name, rank, reason in edition.execute(
            "select ags, name, rank, coalesce(nullif(reason, ''), status) from rankings where league = $1", [league]
        ).fetchall()
    }
    known: dict[str, Entry] = {}
    left_out = []
    for entry, match in zip(entries, matches, strict=True):
        if match.ags in known:
            raise ReadError(
                f"{path}: rows {known[match.ags].row} ({known[match.ags].entry}) and {entry.row} ({entry.entry}) are "
                f"the same place, {match.ags}; each place may stand once"
            )
        if match.ags is not None:
            known[match.ags] = entry
        reason = match.reason
        if match.ags is not None and ours[match.ags][1] is None:
            reason = f"no rank in {league}: {ours[match.ags][2]}"
        if reason:
            left_out.append(
                {"row": entry.row, "entry": entry.entry, "reason": reason, "candidates": list(match.candidates)}
            )
    keys = sorted(ags for ags in known if ours[ags][1] is not None)
    if len(keys) < MINIMUM_PLACES:
        why = "; ".join(f"row {row['row']} {row['entry']}: {row['reason']}" for row in left_out[:3])
        raise PipelineError(
            f"{path}: {len(keys)} of {len(entries)} rows are ranked places of {league}; at least {MINIMUM_PLACES} are "
            f"needed to compare. {why}"
        )
    areas, scores, weights = _areas(edition, league, catalog.leagues[league].indicator_set, keys)
    lists = Lists(
        ags=keys,
        name=[ours[ags][0] for ags in keys],
        given=np.array([known[ags].rank for ags in keys], dtype=np.int64),
        ours=np.array([ours[ags][1] for ags in keys], dtype=np.int64),
        areas=areas,
        area_score=scores,
        area_weight=weights,
    )
    return lists, left_out


def _areas(
    edition: duckdb.DuckDBPyConnection, league: str, indicator_set: str, keys: list[str]
) -> tuple[list[str], Floats, Floats]:
    rows = edition.execute(
        "select area, weight from areas where indicator_set = $1 and status = 'scored' order by area", [indicator_set]
    ).fetchall()
    scores = edition.execute(
        "select score from area_scores where league = $1 and ags in (select unnest($2::varchar[])) order by ags, area",
        [league, keys],
    ).fetchnumpy()["score"]
    areas = [area for area, _ in rows]
    if len(scores) != len(keys) * len(areas):
        raise PipelineError(f"area_scores.parquet: {len(scores)} rows for {len(keys)} places x {len(areas)} areas")
    weights = np.array([weight for _, weight in rows], dtype=float)
    return areas, np.asarray(np.ma.filled(scores, np.nan), dtype=float).reshape(len(keys), -1), weights / weights.sum()


def document(lists: Lists, league: str, year: int, left_out: list[dict[str, Any]], top: int) -> dict[str, Any]:
    """Agreement, the `top` biggest disagreements with the areas behind them, and the areas that explain the rest."""
    theirs, ours = competition(-lists.given.astype(float)), competition(-lists.ours.astype(float))
    x, y, places = theirs.astype(float), ours.astype(float), len(lists.ags)
    if len(set(theirs.tolist())) == 1:
        raise PipelineError("their list gives all compared places the same rank: there is no order to compare")
    gap = theirs - ours  # above 0: we put the place further to the front
    points = (lists.area_score - lists.area_score.mean(axis=0)) * lists.area_weight
    order = sorted(range(places), key=lambda unit: (-abs(int(gap[unit])), lists.ags[unit]))
    explained = [
        {"area": area, **_estimate(agreement.spearman(gap.astype(float), lists.area_score[:, number]), places)}
        for number, area in enumerate(lists.areas)
    ]
    return {
        "edition_year": year,
        "league": league,
        "places": places,
        "spearman": _estimate(agreement.spearman(x, y), places),
        "kendall_tau_b": _estimate(agreement.kendall(x, y), places),
        "draws": DRAWS,
        "seed": SEED,
        "median_gap": float(np.median(np.abs(gap))),
        "disagreements": [
            {
                "ags": lists.ags[unit],
                "name": lists.name[unit],
                "rank_here": int(ours[unit]),
                "rank_there": int(theirs[unit]),
                "gap": int(gap[unit]),
                "rank_published": int(lists.ours[unit]),
                "rank_given": int(lists.given[unit]),
                "areas": _behind(lists.areas, points[unit], int(gap[unit])),
            }
            for unit in order[:top]
            if gap[unit]
        ],
        "areas": sorted(explained, key=lambda row: -abs(row["estimate"] or 0.0)),
        "left_out": left_out,
    }


def _estimate(statistic: agreement.Statistic, places: int) -> dict[str, float | None]:
    value, low, high = agreement.interval(statistic, places, DRAWS, SEED)
    named = {"estimate": value, "p05": low, "p95": high}
    return {name: None if np.isnan(number) else round(number, 6) for name, number in named.items()}


def _behind(areas: list[str], points: Floats, gap: int) -> list[dict[str, Any]]:
    """Up to three areas that put a place where it stands with us: points of the total above (below) the mean of the
    compared places, the largest first."""
    shown = points.round(2)
    order = np.argsort(-shown if gap > 0 else shown, kind="stable")[:3]
    return [{"area": areas[k], "points": float(shown[k])} for k in order if shown[k] * gap > 0]
