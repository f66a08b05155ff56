"""Between two editions: why a place's rank changed, and the interval of the change.

`keep` leaves what a year's scores rest on as arrays beside its draws; `compare` takes two neighbouring years, whose
draws are the same, to the rows of score__changes and draw__changes.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from pipeline import intervals, scores, workfolder
from pipeline.catalog import Catalog
from pipeline.composite import change, uncertainty
from pipeline.errors import PipelineError
from pipeline.scores import Scored

TABLE = "score__changes"
COLUMNS = ("rank_previous", "rank", *change.FACTORS, "evidence")


def keep(catalog: Catalog, work: Path, scored: Scored) -> None:
    """Each set of a year as the explanation of a change needs it."""
    for name, side in _sides(catalog, scored).items():
        file = _side_path(work, scored.year.year, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            file, ags=side.ags, scale=side.scale, is_known=side.is_known, weight=side.weight, area=side.area,
            leagues=np.array(list(side.ranked)), ranked=np.array(list(side.ranked.values())),
        )  # fmt: skip


def _side_path(work: Path, year: int, name: str) -> Path:
    return work / intervals.FOLDER / f"side-{year}-{name}.npz"


def _side(work: Path, year: int, name: str) -> change.Side | None:
    """What `keep` left; None where the year is no edition."""
    file = _side_path(work, year, name)
    if not file.exists():
        return None
    with np.load(file) as kept:
        return change.Side(
            ags=kept["ags"], scale=kept["scale"], is_known=kept["is_known"], weight=kept["weight"], area=kept["area"],
            ranked=dict(zip(map(str, kept["leagues"]), kept["ranked"], strict=True)),
        )  # fmt: skip


def _sides(catalog: Catalog, scored: Scored) -> dict[str, change.Side]:
    values = scored.year.matrix.values
    return {
        name: change.Side(
            ags=scored.year.ags,
            scale=scored.scores.scale,
            is_known=~np.isnan(values),
            weight=result.nominal,
            area=result.choice.area,
            ranked={
                league.id: scores.league_ranked(catalog, scored, league.id)
                for league in catalog.leagues.values()
                if league.indicator_set == name
            },
        )
        for name, result in scored.scores.sets.items()
    }


def compare(connection: duckdb.DuckDBPyConnection, catalog: Catalog, work: Path, year: int) -> None:
    """The explained changes against the year before, and their intervals; no rows where there is none."""
    workfolder.keep_frame(connection, work, TABLE, _explained(work, year), year)
    intervals.write(connection, work, year, {"draw__changes": _drawn(catalog, work, year)})


def _explained(work: Path, year: int) -> pd.DataFrame:
    empty = {"league": pd.Series(dtype="str"), "ags_number": pd.Series(dtype="int64")}
    frames = [pd.DataFrame({**empty, **{column: pd.Series(dtype="float64") for column in COLUMNS}})]
    for name in scores.SETS:
        before, after = _side(work, year - 1, name), _side(work, year, name)
        for league, found in (change.explain(before, after) if before and after else {}).items():
            ranks = {"rank_previous": found.rank_previous, "rank": found.rank}
            parts = {**found.parts, "evidence": found.evidence}
            frames.append(pd.DataFrame({"league": league, "ags_number": found.ags, **ranks, **parts}))
    return pd.concat(frames, ignore_index=True).assign(edition_year=year)


def _drawn(catalog: Catalog, work: Path, year: int) -> list[pd.DataFrame]:
    """The interval of every place's change of rank, from the draws that both years share."""
    frames = []
    for league in catalog.leagues:
        before, after = (intervals.array_path(work, of, league, "ranks") for of in (year - 1, year))
        if not (before.exists() and after.exists()):
            continue
        if intervals.used(work, year - 1) != intervals.used(work, year):
            raise PipelineError(f"editions {year - 1} and {year} have other draws; a change needs the same in both")
        ags, first, last = np.intersect1d(
            np.load(intervals.array_path(work, year - 1, league, "ags")),
            np.load(intervals.array_path(work, year, league, "ags")),
            assume_unique=True,
            return_indices=True,
        )
        risen = np.load(before)[:, first].astype(np.int32) - np.load(after)[:, last]
        low, high = uncertainty.quantiles(risen, (0.05, 0.95)).T
        frames.append(
            pd.DataFrame({"league": league, "ags_number": ags, "rank_change_p05": low, "rank_change_p95": high})
        )
    return frames
