"""Ranks under other weights, without an area, or by another variant of the method, from a published edition's files.

The answer is no published ranking and says so wherever it is shown. It starts from what is published: each place's
indicator values on the scale and the weights of the edition. Who has no published rank has none here either, and
indicators that did not pass the screening stay out. With nothing changed it gives the published ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

from pipeline import published, warehouse
from pipeline.composite import aggregation, normalisation, weights
from pipeline.composite.ranks import competition, rounded
from pipeline.composite.values import Bools, Floats, Ints
from pipeline.errors import PipelineError, UsageError

NOTICE = "NOT THE PUBLISHED RANKING: an answer to a what-if question"
FILES = ("rankings", "indicators", "weights", "areas", "dictionary")
PUBLISHED_NORMALISATION, PUBLISHED_AGGREGATION = "min_max", "arithmetic"
NORMALISATIONS: Mapping[str, Callable[[Floats, Bools, Bools], Floats]] = {
    "range": normalisation.range_of_places,
    "rank": normalisation.rank,
    "percentile": normalisation.percentile,
    "z_score": normalisation.z_score,
    "distance_to_leader": normalisation.distance_to_leader,
}
MOST_WEIGHT = 1_000_000
AGGREGATIONS = (PUBLISHED_AGGREGATION, "geometric", "copeland")


@dataclass(frozen=True)
class Question:
    """factors: area to what its published weight is multiplied by; weights are shares, so only their ratio counts."""

    league: str
    factors: Mapping[str, float]
    without: Sequence[str] = ()
    normalisation: str = PUBLISHED_NORMALISATION
    aggregation: str = PUBLISHED_AGGREGATION

    @property
    def is_unchanged(self) -> bool:
        is_published = (self.normalisation, self.aggregation) == (PUBLISHED_NORMALISATION, PUBLISHED_AGGREGATION)
        return is_published and not self.without and len(set(self.factors.values()) - {1.0}) == 0


@dataclass(frozen=True)
class League:
    """A league of an edition: its ranked places, sorted by AGS, and scored indicators, sorted by id.

    ags, name, land_name: (places,) text; score: (places,); rank: (places,); normalised, values: (places, indicators),
    NaN where missing; weight: (indicators,) published shares; area: (indicators,) numbers of `areas`;
    area_reasons: areas that are not scored, with the reason.
    """

    year: int
    revision: str
    ags: list[str]
    name: list[str]
    land_name: list[str]
    score: Floats
    rank: Ints
    normalised: Floats
    values: Floats
    weight: Floats
    area: Ints
    areas: list[str]
    area_reasons: Mapping[str, str]
    indicators: list[str]
    is_higher_better: Bools
    is_log1p: Bools


@dataclass(frozen=True)
class Answer:
    """score: (places,), NaN for none; rank: (places,), 0 for none; area_weight: (areas,) shares; left_out: indicators
    that are equal in all places, which the asked normalisation cannot use."""

    score: Floats
    rank: Ints
    area_weight: Floats
    left_out: list[str]


def parse_weights(text: str) -> dict[str, float]:
    """`area=2,other=0.5` to numbers."""
    factors: dict[str, float] = {}
    for part in text.split(","):
        area, sign, number = (piece.strip() for piece in part.partition("="))
        try:
            factor = float(number)
        except ValueError:
            factor = float("nan")
        if not area or not sign or np.isnan(factor):
            raise UsageError(
                f"--weights: {part.strip()!r} is not area=number; expected for example mobility=2,health=0.5"
            )
        if not 0 <= factor <= MOST_WEIGHT:
            raise UsageError(f"--weights: {area}={number}: a weight is a number from 0 to {MOST_WEIGHT:,}")
        if area in factors:
            raise UsageError(f"--weights: {area} stands twice")
        factors[area] = factor
    return factors


def read(connection: duckdb.DuckDBPyConnection, league: str, indicator_set: str) -> League:
    """A league of an edition from its FILES (`published.connect`)."""
    published.require_league(connection, league)
    ranked = f"rankings where league = {warehouse.literal(league)} and status = 'ranked'"
    places = connection.execute(
        f"select edition_year, revision, ags, name, land_name, score, rank from {ranked} order by ags"
    ).fetchall()
    if not places:
        raise PipelineError(f"league {league}: no place has a rank in this edition")
    scored = connection.execute(
        "select weights.indicator_id, weights.area, weights.weight, dictionary.direction = 'higher', "
        "dictionary.treatment <> 'none' from weights join dictionary on dictionary.name = weights.indicator_id "
        f"and dictionary.kind = 'indicator' where indicator_set = '{indicator_set}' and status = 'scored' order by 1"
    ).fetchall()
    cells = connection.execute(
        f"select normalised, value from indicators semi join (select ags from {ranked}) using (ags) "
        f"semi join (select indicator_id from weights where indicator_set = '{indicator_set}' and status = 'scored') "
        "using (indicator_id) order by ags, indicator_id"
    ).fetchnumpy()
    shape = (len(places), len(scored))
    if len(cells["normalised"]) != shape[0] * shape[1]:
        raise PipelineError(
            f"indicators.parquet: {len(cells['normalised'])} values for {shape[0]} places x {shape[1]} indicators"
        )
    year, revision, ags, name, land_name, score, rank = zip(*places, strict=True)
    indicators, area, weight, is_higher_better, is_log1p = zip(*scored, strict=True)
    areas = sorted(set(area))
    reasons = connection.execute(
        f"select area, reason from areas where indicator_set = '{indicator_set}' and status <> 'scored'"
    ).fetchall()
    return League(
        year=int(year[0]),
        revision=revision[0],
        ags=list(ags),
        name=list(name),
        land_name=list(land_name),
        score=np.array(score, dtype=float),
        rank=np.array(rank, dtype=np.int64),
        normalised=_grid(cells["normalised"], shape),
        values=_grid(cells["value"], shape),
        weight=np.array(weight, dtype=float),
        area=np.array([areas.index(a) for a in area], dtype=np.int64),
        areas=areas,
        area_reasons=dict(reasons),
        indicators=list(indicators),
        is_higher_better=np.array(is_higher_better, dtype=bool),
        is_log1p=np.array(is_log1p, dtype=bool),
    )


def _grid(column: Any, shape: tuple[int, int]) -> Floats:
    return np.asarray(np.ma.filled(column, np.nan), dtype=float).reshape(shape)


def answer(league: League, question: Question) -> Answer:
    """Scores and ranks of the league's ranked places under the question's choices."""
    factor = _factors(league, question)
    nominal = league.weight * factor[league.area]
    scale, left_out = _scale(league, question.normalisation, nominal > 0)
    kept = nominal * ~np.isnan(scale).all(axis=0)
    by_area = np.bincount(league.area, weights=kept, minlength=len(league.areas)).astype(float)
    share = weights.checked(by_area, len(league.areas), "areas")
    weight = aggregation.unit_weights(~np.isnan(scale), kept, league.area)
    if question.aggregation == PUBLISHED_AGGREGATION:
        score = aggregation.weighted_mean(scale, weight)
    else:
        areas = rounded(aggregation.area_scores(scale, weight, league.area, len(league.areas)))
        areas = np.where(share > 0, areas, np.nan)
        if question.aggregation == "geometric":
            score = aggregation.geometric(aggregation.above_zero(areas), share)
        else:
            score = aggregation.copeland(areas, share)
    score = rounded(score)
    return Answer(score, competition(score), share, left_out)


def _factors(league: League, question: Question) -> Floats:
    """(areas,): what each area's published weight is multiplied by; unknown names and nothing left are errors."""
    for option, names in (("--weights", question.factors), ("--without", question.without)):
        for name in names:
            if name in league.area_reasons:
                reason = league.area_reasons[name]
                raise UsageError(f"{option}: area {name} is not scored in {question.league} {league.year}: {reason}")
            if name not in league.areas:
                raise UsageError(f"{option}: unknown area {name!r}; scored are {', '.join(league.areas)}")
    both = sorted(set(question.without) & set(question.factors))
    if both:
        raise UsageError(f"{', '.join(both)}: either in --weights or in --without, not in both")
    for option, name, names in (
        ("--normalisation", question.normalisation, (PUBLISHED_NORMALISATION, *NORMALISATIONS)),
        ("--aggregation", question.aggregation, AGGREGATIONS),
    ):
        if name not in names:
            raise UsageError(f"{option}: unknown {name!r}; there are {', '.join(names)}")
    factor = np.array([0.0 if area in question.without else question.factors.get(area, 1.0) for area in league.areas])
    if not (np.isfinite(factor) & (factor >= 0)).all():
        raise UsageError("--weights: a weight is a finite number of 0 or more")
    if not factor.any():
        raise UsageError("no area is left that has a weight")
    return factor


def _scale(league: League, kind: str, is_used: Bools) -> tuple[Floats, list[str]]:
    """(places, indicators) on 0 to 100, and the used indicators that the kind cannot use: equal in all places."""
    if kind == PUBLISHED_NORMALISATION:
        return league.normalised, []
    is_place = np.ones(len(league.ags), dtype=bool)
    treated = normalisation.treat(league.values, league.is_log1p)
    is_constant = rounded(np.nanmax(treated, axis=0)) == rounded(np.nanmin(treated, axis=0))
    if not (is_used & ~is_constant).any():
        raise PipelineError(
            f"every indicator is equal in all {len(league.ags)} places: --normalisation {kind} has no scale"
        )
    if kind == "distance_to_leader":
        treated = league.values  # a share of the leader's value needs the value itself
    scale = NORMALISATIONS[kind](np.where(is_constant, np.nan, treated), is_place, league.is_higher_better)
    return scale, [name for name, out in zip(league.indicators, is_constant & is_used, strict=True) if out]


def document(league: League, question: Question, found: Answer, top: int, asked: Sequence[str]) -> dict[str, Any]:
    """What is shown: the notice, the weights, the first `top` places and the asked ones (AGS), each beside its
    published rank."""
    order = sorted(range(len(league.ags)), key=lambda unit: (found.rank[unit] or len(league.ags) + 1, league.ags[unit]))
    number = {ags: unit for unit, ags in enumerate(league.ags)}
    published_share = np.bincount(league.area, weights=league.weight, minlength=len(league.areas))

    def row(unit: int) -> dict[str, Any]:
        rank, before = int(found.rank[unit]), int(league.rank[unit])
        return {
            "rank": rank or None,
            "rank_published": before,
            "change": before - rank if rank else None,
            "ags": league.ags[unit],
            "name": league.name[unit],
            "land_name": league.land_name[unit],
            "score": float(found.score[unit]) if rank else None,
            "score_published": float(league.score[unit]),
        }

    return {
        "is_published_ranking": False,
        "notice": NOTICE,
        "edition_year": league.year,
        "revision": league.revision,
        "league": question.league,
        "normalisation": question.normalisation,
        "aggregation": question.aggregation,
        "is_unchanged": question.is_unchanged,
        "weights": [
            {"area": area, "published": round(float(before), 6), "here": round(float(share), 6)}
            for area, before, share in zip(league.areas, published_share, found.area_weight, strict=True)
        ],
        "left_out_indicators": found.left_out,
        "ranked": int((found.rank > 0).sum()),
        "top": [row(unit) for unit in order[:top] if found.rank[unit]],
        "asked": [row(number[ags]) for ags in asked],
    }
