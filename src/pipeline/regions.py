"""Districts, Länder and co-operations as units: what the scores of their members in `germany` say about them.

Who belongs to a region is SQL (region__members). Its score is its members' mean, weighted by inhabitants; members
without a score are left out, and where these are too many the region has no rank and is told why. The draws are the
places' own.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline import scores
from pipeline.catalog import Catalog
from pipeline.composite import draws, uncertainty
from pipeline.composite.draws import Draws
from pipeline.composite.ranks import competition, competition_rows, grouping, rounded
from pipeline.composite.regions import Groups, weighted_means
from pipeline.composite.uncertainty import BLOCK, Floats32
from pipeline.composite.values import Bools, Ints
from pipeline.scores import Scored

LEAGUE = "germany"
RANKED, PARTLY_SCORED = "ranked", "partly_scored"
TABLE = "region__scores"
MEMBERS = "region__members"
QUANTILES = [f"{what}_{quantile}" for what in ("rank", "score") for quantile in ("p05", "p50", "p95")]
COLUMNS = {  # and types
    "edition_year": "int64", "region_kind": "str", "region_key": "str", "members": "int64", "members_scored": "int64",
    "population": "int64", "share_scored": "float64", "score": "float64", "score_potential": "float64",
    "score_implementation": "float64", "rank": "Int64", **dict.fromkeys(QUANTILES, "float64"), "status": "str",
    "reason": "str",
}  # fmt: skip
DECIMALS = 6  # of drawn scores, in single precision; the last bits of an exponential differ between processors


@dataclass(frozen=True)
class Regions:
    """The regions of one year that have a member, sorted by kind and key. kind, key: (regions,); groups: whose members
    are, by positions of the year's places; is_scored: (units,) who has a score; is_ranked: (regions,); share_scored:
    (regions,) of the inhabitants, in members with a score."""

    kind: NDArray[np.object_]
    key: NDArray[np.object_]
    groups: Groups
    is_scored: Bools
    is_ranked: Bools
    share_scored: NDArray[np.float64]


def read(connection: duckdb.DuckDBPyConnection, catalog: Catalog, scored: Scored) -> Regions:
    """From region__members, of which every municipality is one of the year's places."""
    rows = connection.execute(
        f"select region_kind, region_key, cast(ags as integer) as ags_number from {MEMBERS} "
        f"where edition_year = {scored.year.year} order by region_kind, region_key, ags"
    ).fetchnumpy()
    kind, key = (np.asarray(rows[name], dtype=object) for name in ("region_kind", "region_key"))
    is_first = np.append(True, (kind[1:] != kind[:-1]) | (key[1:] != key[:-1]))[: len(kind)]
    unit = np.searchsorted(scored.year.ags, np.asarray(rows["ags_number"], dtype=np.int64))
    groups = Groups(int(is_first.sum()), np.cumsum(is_first) - 1, unit)
    population = np.nan_to_num(scored.year.matrix.population)
    is_scored = scores.league_ranked(catalog, scored, LEAGUE)
    inhabitants = groups.total(population)
    known = groups.total(population * is_scored)
    share = np.divide(known, inhabitants, out=np.zeros(groups.count), where=inhabitants > 0)
    is_ranked = (share >= scored.spec.region_minimum_share) & (known > 0)
    return Regions(kind[is_first], key[is_first], groups, is_scored, is_ranked, share)


def table(scored: Scored, regions: Regions, intervals: pd.DataFrame | None) -> pd.DataFrame:
    """Rows of region__scores. intervals: QUANTILES of the ranked regions in their order; None: nothing was drawn."""
    population = np.nan_to_num(scored.year.matrix.population)
    result = scored.scores.sets["every_place"]
    frame = pd.DataFrame(
        {
            "edition_year": scored.year.year,
            "region_kind": regions.kind,
            "region_key": regions.key,
            "members": regions.groups.total(np.ones(len(population))),
            "members_scored": regions.groups.total(regions.is_scored),
            "population": regions.groups.total(population),
            "share_scored": np.round(regions.share_scored, 12),
        }
    )
    ranked = regions.groups.pick(regions.is_scored, regions.is_ranked)
    for name, of_places in (
        ("score", result.score),
        ("score_potential", result.potential),
        ("score_implementation", result.implementation),
    ):
        frame[name] = np.nan
        frame.loc[regions.is_ranked, name] = rounded(weighted_means(of_places, ranked, population))
    frame["rank"] = 0
    for kind in np.unique(regions.kind):
        of_kind = regions.kind == kind
        frame.loc[of_kind, "rank"] = competition(frame.loc[of_kind, "score"].to_numpy())
    frame["rank"] = frame["rank"].astype("Int64").mask(frame["rank"] == 0)
    frame[QUANTILES] = np.nan
    if intervals is not None:
        frame.loc[regions.is_ranked, QUANTILES] = intervals[QUANTILES].to_numpy()
    frame["status"] = np.where(regions.is_ranked, RANKED, PARTLY_SCORED)
    needed = f"of its inhabitants live in members with a score, {scored.spec.region_minimum_share:.0%} are needed"
    frame["reason"] = [
        "" if is_ranked else f"{share:.1%} {needed}"
        for is_ranked, share in zip(regions.is_ranked, regions.share_scored, strict=True)
    ]
    return frame.astype({name: kind for name, kind in COLUMNS.items() if name in frame})[list(COLUMNS)]


def intervals(scored: Scored, regions: Regions, units: Ints, total: Floats32, made: Draws) -> pd.DataFrame:
    """QUANTILES of the ranked regions over draws.

    units: (places,) positions of the drawn places in the year; total: (draws, places) as `uncertainty.simulate` fills
    it. Drawn scores stand on the scale of their draw; Copeland's are no scores, so they count for ranks only.
    """
    ranked = regions.groups.pick(regions.is_scored, regions.is_ranked)
    drawn = Groups(ranked.count, ranked.group, np.searchsorted(units, ranked.unit))
    population = np.nan_to_num(scored.year.matrix.population)[units]
    kind = regions.kind[regions.is_ranked]
    kinds = grouping([kind == name for name in np.unique(kind)], ranked.count)
    means = np.empty((len(made), ranked.count), dtype=np.float32)
    ranks = np.empty(means.shape, dtype=np.uint16)
    for first in range(0, len(made), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(made)))
        of_places = uncertainty.as_scores(total[rows], made.pick(rows)).astype(float)
        means[rows] = np.round(weighted_means(of_places, drawn, population), DECIMALS)
        least = len(units) * (np.array(made.aggregation)[rows] == draws.COPELAND)
        competition_rows(means[rows] + least[:, None].astype(np.float32), [kinds], [ranks[first : first + BLOCK]])
    is_score = np.array(made.aggregation) != draws.COPELAND
    of_ranks = uncertainty.quantiles(ranks)
    of_scores = np.full(of_ranks.shape, np.nan)
    if is_score.any():
        of_scores = np.round(uncertainty.quantiles(means[is_score]), DECIMALS)
    return pd.DataFrame(np.hstack([of_ranks, of_scores]), columns=QUANTILES)
