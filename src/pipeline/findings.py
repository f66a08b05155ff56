"""What the editions say about the questions of frame/findings.yml: tables to arrays, and back to tables.

Each question has its input in sql/5_findings and its estimate in composite/. A reading says no more than the estimate
carries, and "cannot be told" is one of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd

from pipeline import warehouse
from pipeline.catalog import Catalog
from pipeline.composite import size
from pipeline.composite.ranks import competition, rounded
from pipeline.composite.values import Floats

LAYER = "5_findings"
DECIMALS = 6  # of estimates: the last bits of a sum differ between processors


def inputs(catalog: Catalog) -> set[str]:
    """The tables that the models of the findings read."""
    models = warehouse.layer(catalog, LAYER)
    return set().union(*map(warehouse.references, models.values())) - models.keys()


def find(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """From the scores of all editions to the tables size__lines and size__scores."""
    models = warehouse.layer(catalog, LAYER)
    warehouse.run(connection, models, keep=models)
    _size(connection, catalog)


def _size(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """Lines through scores and size, and the scores without size, per edition year and league."""
    asked = catalog.findings["size"]
    found, freed = [], []
    for year, league, measures, places, points in _by_league(connection):
        population = places["population"].to_numpy(dtype=float)
        lines = size.lines(population, points, asked.draws, asked.seed + year, asked.minimum_places)
        found.append(
            pd.DataFrame(
                {
                    "edition_year": year,
                    "league": league,
                    "measure": measures,
                    "intercept": lines.intercept.round(DECIMALS),
                    "slope": lines.slope.round(DECIMALS),
                    "slope_p05": lines.slope_p05.round(DECIMALS),
                    "slope_p95": lines.slope_p95.round(DECIMALS),
                    "r2": lines.r2.round(DECIMALS),
                    "n": lines.n,
                }
            )
        )
        whole = measures.index("score")
        score = rounded(size.adjusted(population, points[:, whole], lines.slope[whole]))
        ranks = pd.Series(competition(score)).astype("Int32")
        freed.append(
            pd.DataFrame(
                {
                    "edition_year": year,
                    "league": league,
                    "ags_number": places["ags_number"].to_numpy(),
                    "score": score,
                    "rank": ranks.mask(ranks == 0),
                }
            )
        )
    warehouse.table(connection, "size__lines", pd.concat(found, ignore_index=True))
    warehouse.table(connection, "size__scores", pd.concat(freed, ignore_index=True))


def _by_league(
    connection: duckdb.DuckDBPyConnection,
) -> Iterator[tuple[int, str, list[str], pd.DataFrame, Floats]]:
    """Edition year, league, names of its measures, its places (population, ags_number), points (places, measures)."""
    leagues = connection.execute("select distinct edition_year, league from finding__size order by all").fetchall()
    for year, league in leagues:
        rows = warehouse.frame(
            connection,
            "select ags_number, population, measure, points from finding__size "
            f"where edition_year = {year} and league = {warehouse.literal(league)} order by ags_number, measure",
        )
        measures = sorted(rows["measure"].unique())
        points = rows["points"].to_numpy(dtype=float, na_value=np.nan).reshape(-1, len(measures))
        yield int(year), league, measures, rows.iloc[:: len(measures)], points
