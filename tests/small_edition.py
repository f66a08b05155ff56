"""A published edition of a dozen places, small enough to be computed by hand: files as `stadtrang build` names them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from places import TWELVE

YEAR = 2021
INDICATORS = {  # id: area, direction, treatment
    "broadband_50": ("infrastructure", "higher", "none"),
    "fibre_1000": ("infrastructure", "higher", "none"),
    "charging_points": ("mobility", "higher", "log(1 + x)"),
    "unemployed": ("society_economy", "lower", "none"),
}
WEIGHT = {"broadband_50": 1 / 6, "fibre_1000": 1 / 6, "charging_points": 1 / 3, "unemployed": 1 / 3}
AREAS = sorted({area for area, _, _ in INDICATORS.values()})


def normalised(seed: int = 1) -> np.ndarray:
    """(places, indicators) on 0 to 100, places sorted by AGS, indicators by id; no two scores are equal."""
    return np.random.default_rng(seed).uniform(0, 100, (len(TWELVE), len(INDICATORS))).round(10)


def write(out: Path, points: np.ndarray | None = None) -> Path:
    """<out>/2021/ with one league, city_30k, in which the last place has no rank. Returns `out`."""
    points = normalised() if points is None else points
    places = sorted(TWELVE, key=lambda place: place.ags)
    names = sorted(INDICATORS)
    weights = np.array([WEIGHT[name] for name in names])
    score = (points @ weights).round(10)
    is_ranked = np.arange(len(places)) < len(places) - 1
    rank = [1 + int((score[is_ranked] > mine).sum()) for mine in score[is_ranked]] + [None]
    rankings = pd.DataFrame(
        {
            "edition_year": YEAR,
            "revision": "1.0.0",
            "league": "city_30k",
            "ags": [place.ags for place in places],
            "name": [place.name for place in places],
            "land_name": "Land",
            "population": [place.population for place in places],
            "score": np.where(is_ranked, score, np.nan),
            "rank": pd.array(rank, dtype="Int32"),
            "status": np.where(is_ranked, "ranked", "availability"),
            "reason": np.where(is_ranked, "", "values for 50 % of the indicators, 80 % are needed"),
        }
    )
    indicators = pd.DataFrame(
        {
            "edition_year": YEAR,
            "ags": np.repeat(rankings["ags"], len(names)).to_numpy(),
            "indicator_id": names * len(places),
            "normalised": points.ravel(),
            "value": np.where([INDICATORS[name][1] == "lower" for name in names], 100 - points, points).ravel(),
        }
    )
    rows = [
        {
            "ags": ags,
            "league": "city_30k",
            "area": area,
            "score": np.average(points[unit, members], weights=weights[members]),
        }
        for unit, ags in enumerate(rankings["ags"])
        if is_ranked[unit]
        for area in AREAS
        for members in [[k for k, name in enumerate(names) if INDICATORS[name][0] == area]]
    ]
    tables = {
        "rankings": rankings,
        "indicators": indicators,
        "area_scores": pd.DataFrame(rows),
        "weights": pd.DataFrame(
            {
                "indicator_set": "city",
                "indicator_id": names,
                "area": [INDICATORS[name][0] for name in names],
                "status": "scored",
                "weight": weights.round(12),
            }
        ),
        "areas": pd.DataFrame(
            {
                "indicator_set": "city",
                "area": [*AREAS, "administration"],
                "status": ["scored"] * len(AREAS) + ["left_out"],
                "reason": [""] * len(AREAS) + ["too few indicators"],
                "weight": [1 / 3] * len(AREAS) + [0.0],
            }
        ),
        "dictionary": pd.DataFrame(
            {
                "kind": "indicator",
                "name": names,
                "direction": [INDICATORS[name][1] for name in names],
                "treatment": [INDICATORS[name][2] for name in names],
            }
        ),
    }
    folder = out / str(YEAR)
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.register("incoming", table)
            connection.execute(f"copy (from incoming) to '{folder / name}.parquet' (format parquet)")
    (folder / "SHA256SUMS").write_text("")
    return out
