"""How good the index of one edition year is, as tables quality__*: what agrees, and what each part decides.

For the leagues of the two indicator sets. What values there are for whom is SQL (published__quality_coverage).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipeline import scores
from pipeline.catalog import Catalog
from pipeline.composite import reliability
from pipeline.composite.ranks import competition
from pipeline.composite.reliability import Parts
from pipeline.composite.scoring import SetScores
from pipeline.composite.values import Bools, Floats, Ints
from pipeline.scores import Scored

LEAGUES = ("germany", "city_30k")
TOTAL = "total"  # what stands for the total score where an area is named
DECIMALS = 6  # the last bits of a sum differ between processors
KEY = {"edition_year": "int64", "league": "str"}
TABLES = {  # columns and types
    "quality__areas": {
        **KEY, "area": "str", "items": "int64", "places": "int64", "cronbach_alpha": "float64",
        "mean_rank_correlation": "float64", "least_rank_correlation": "float64",
    },
    "quality__correlations": {
        **KEY, "scope": "str", "item": "str", "other": "str", "places": "int64", "rank_correlation": "float64",
        "rank_correlation_rest": "float64",
    },
    "quality__leave_out": {
        **KEY, "left_out_kind": "str", "left_out": "str", "weight": "float64", "places": "int64",
        "shift_mean": "float64", "shift_median": "float64", "shift_p95": "float64", "shift_max": "int64",
        "ags_number": "int64", "rank": "int64", "rank_without": "int64",
    },
}  # fmt: skip
WITHIN_AREA, WITH_AREA, WITH_TOTAL, BETWEEN_AREAS, AREA_WITH_TOTAL = (
    "within_area",
    "with_area",
    "with_total",
    "between_areas",
    "area_with_total",
)


def tables(catalog: Catalog, scored: Scored) -> dict[str, pd.DataFrame]:
    """The tables of one year; a league without a ranked place has no rows."""
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for league in LEAGUES:
        result = scored.scores.sets[catalog.leagues[league].indicator_set]
        members = scores.league_ranked(catalog, scored, league)
        if members.any():
            for name, rows in _of_league(catalog, scored, result, members).items():
                found[name].append(rows.assign(league=league))
    return {
        name: pd.concat(rows, ignore_index=True).assign(edition_year=scored.year.year)[list(TABLES[name])]
        if rows
        else pd.DataFrame(columns=list(TABLES[name]))
        for name, rows in found.items()
    }


def _of_league(catalog: Catalog, scored: Scored, result: SetScores, members: Bools) -> dict[str, pd.DataFrame]:
    columns = np.flatnonzero(result.choice.is_scored)
    scale = scored.scores.scale[np.ix_(members, columns)]
    share = result.weight[np.ix_(members, columns)]
    numbers, area = np.unique(result.choice.area[columns], return_inverse=True)
    names = [catalog.sorted_indicators[k].id for k in columns]
    areas = [list(catalog.areas)[number] for number in numbers]
    parts = Parts.of(scale, share, area)
    without, rest_of_area = parts.without_indicators()
    complete = reliability.is_complete(scale, share)
    area_score = result.area_score[np.ix_(members, numbers)][complete]
    columns_of = {
        "indicator": scale[complete],
        "area": area_score,
        "total": result.score[members][complete][:, None],
        "total_without": without[complete],
        "area_without": np.nan_to_num(rest_of_area[complete]),  # an area of one indicator: constant, so no correlation
        "total_without_area": parts.without_areas()[complete],
    }
    ranks = {name: reliability.mid_ranks(values) for name, values in columns_of.items()}
    places = int(complete.sum())
    between = reliability.correlations(ranks["indicator"], ranks["indicator"])
    between_areas = reliability.correlations(ranks["area"], ranks["area"])
    return {
        "quality__areas": _areas(scale[complete], area_score, area, areas, between, between_areas),
        "quality__correlations": pd.DataFrame(
            _correlations(ranks, area, names, areas, between, between_areas),
            columns=["scope", "item", "other", "rank_correlation", "rank_correlation_rest"],
        ).assign(places=places),
        "quality__leave_out": _leave_out(
            scored.year.ags[members], result, members, columns, numbers, names, areas, without, parts.without_areas()
        ),
    }


def _areas(
    scale: Floats, area_score: Floats, area: Ints, areas: list[str], between: Floats, between_areas: Floats
) -> pd.DataFrame:
    """One row per area, whose items are its indicators, and one for the total, whose items are the areas."""
    sides = [(name, scale[:, area == n], between[np.ix_(area == n, area == n)]) for n, name in enumerate(areas)]
    sides.append((TOTAL, area_score, between_areas))
    rows = []
    for name, items, matrix in sides:
        pairs = matrix[np.triu_indices(len(matrix), 1)]
        known = pairs[~np.isnan(pairs)]
        mean, least = (known.mean(), known.min()) if len(known) else (np.nan, np.nan)
        rows.append(
            (
                name,
                items.shape[1],
                len(items),
                _rounded(reliability.cronbach_alpha(items)),
                _rounded(mean),
                _rounded(least),
            )
        )
    return pd.DataFrame(rows, columns=[name for name in TABLES["quality__areas"] if name not in KEY])


def _correlations(
    ranks: dict[str, Floats], area: Ints, names: list[str], areas: list[str], between: Floats, between_areas: Floats
) -> Iterator[tuple[str, str, str, float, float]]:
    """Pairs inside an area and of areas; then each part with the whole it belongs to, and with the rest of that."""
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            if area[first] == area[second]:
                yield WITHIN_AREA, names[first], names[second], _rounded(between[first, second]), np.nan
    for first in range(len(areas)):
        for second in range(first + 1, len(areas)):
            yield BETWEEN_AREAS, areas[first], areas[second], _rounded(between_areas[first, second]), np.nan
    with_area = reliability.column_correlations(ranks["indicator"], ranks["area"][:, area])
    with_area_rest = reliability.column_correlations(ranks["indicator"], ranks["area_without"])
    with_total = reliability.correlations(ranks["indicator"], ranks["total"])[:, 0]
    with_total_rest = reliability.column_correlations(ranks["indicator"], ranks["total_without"])
    for k, name in enumerate(names):
        yield WITH_AREA, name, areas[area[k]], _rounded(with_area[k]), _rounded(with_area_rest[k])
        yield WITH_TOTAL, name, TOTAL, _rounded(with_total[k]), _rounded(with_total_rest[k])
    area_with_total = reliability.correlations(ranks["area"], ranks["total"])[:, 0]
    area_rest = reliability.column_correlations(ranks["area"], ranks["total_without_area"])
    for n, name in enumerate(areas):
        yield AREA_WITH_TOTAL, name, TOTAL, _rounded(area_with_total[n]), _rounded(area_rest[n])


def _leave_out(
    ags: Ints,
    result: SetScores,
    members: Bools,
    columns: Ints,
    numbers: Ints,
    names: list[str],
    areas: list[str],
    without: Floats,
    without_areas: Floats,
) -> pd.DataFrame:
    """One row per indicator and per area: how far the ranks move without it."""
    rank = competition(result.score[members])
    by_area = np.bincount(result.choice.area[columns], weights=result.nominal[columns])[numbers]
    sides = [
        *zip(["indicator"] * len(names), names, result.nominal[columns], without.T, strict=True),
        *zip(["area"] * len(areas), areas, by_area, without_areas.T, strict=True),
    ]
    rows = []
    for kind, name, weight, totals in sides:
        if np.isnan(totals).any():  # it is all there is
            continue
        found = reliability.shift(rank, totals)
        largest = abs(found.rank - int(rank[found.place]))
        rows.append(
            (kind, name, round(float(weight), 12), len(rank), _rounded(found.mean), found.median, found.p95, largest,
             int(ags[found.place]), int(rank[found.place]), found.rank)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=[name for name in TABLES["quality__leave_out"] if name not in KEY])


def _rounded(value: float) -> float:
    return round(float(value), DECIMALS)
