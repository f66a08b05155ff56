"""What grows with places and years, and from where on a cluster would pay.

    python bench/engines.py [--spark] [--dask tcp://HOST:PORT]

First the growth on one machine: the SQL by the number of editions, the scores by the number of places (made-up
values of the real shape: a tenth of them missing). Then, where asked for, the same SQL on local Spark and
the same batches of scores on the workers of a Dask scheduler, beside one process. Each measurement has a process of its
own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from stages import measure

from pipeline import build, catalog, engines, figures, scores, warehouse
from pipeline.composite.scoring import IndicatorSet, score_year
from pipeline.composite.values import Matrix

PLACES = (10_848, 21_696, 43_392, 98_000)
BATCHES = 8


def sql(editions: int) -> None:
    """Core, indicators and values of that many editions."""
    declared = catalog.load()
    kept = dict(sorted(declared.editions.items())[-editions:])
    with warehouse.connect(2, "8GB") as connection:
        build.derive(connection, replace(declared, editions=kept), figures.BUNDLED)


def made_up(places: int, seed: int = 1) -> Matrix:
    """Values of the shape of a year, (places, indicators)."""
    rng = np.random.default_rng(seed)
    shape = (places, len(catalog.load().sorted_indicators))
    values = rng.gamma(2.0, 5.0, shape)
    values[rng.random(shape) < 0.1] = np.nan
    nothing = np.zeros(shape, dtype=bool)
    return Matrix(
        values=values, numerators=np.full(shape, np.nan), denominators=np.full(shape, np.nan),
        is_inherited=nothing, is_carried=nothing, population=rng.integers(100, 50_000, places).astype(float),
        land=rng.integers(1, 17, places), district=rng.integers(1, 401, places), size_class=rng.integers(1, 7, places),
    )  # fmt: skip


def score(places: int, seed: int = 1) -> float:
    """One year, both sets; the sum of the scores, so that nothing is left out."""
    declared = catalog.load()
    spec = next(iter(declared.methods.values()))
    matrix = made_up(places, seed)
    asked = {
        name: IndicatorSet(np.array([name in i.sets for i in declared.sorted_indicators]), matrix.population >= 0)
        for name in scores.SETS
    }
    indicators = scores.indicator_arrays(declared, spec)
    found = score_year(matrix, indicators, asked, scores._method(declared, spec))
    return float(sum(np.nansum(result.score) for result in found.sets.values()))


def nothing(places: int) -> None:
    """What `score` does before it scores."""
    catalog.load()
    made_up(places)


def spark() -> None:
    with tempfile.TemporaryDirectory() as work:
        session = engines.session(**{"spark.sql.shuffle.partitions": "2", "spark.driver.memory": "2g"})
        started = time.perf_counter()
        engines.run(session, catalog.load(), figures.BUNDLED, Path(work))
        print(f"{'Spark, local: all models, 4 years':40} {time.perf_counter() - started:8.1f}")
        session.stop()


def duckdb() -> None:
    with tempfile.TemporaryDirectory() as work:
        build.compute(catalog.load(), figures.BUNDLED, Path(work), 2)


def dask(address: str) -> None:
    """Batches of scores on the scheduler's workers, the second time (imports done), beside threads of this process."""
    from distributed import Client

    with Client(address) as client:
        for places in PLACES[:1] + PLACES[-1:]:
            for _ in range(2):
                started = time.perf_counter()
                there = client.gather([client.submit(score, places, seed, pure=False) for seed in range(BATCHES)])
                seconds = time.perf_counter() - started
            started = time.perf_counter()
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                here = list(pool.map(lambda seed, size=places: score(size, seed), range(BATCHES)))
            local = time.perf_counter() - started
            same = "equal" if there == here else "DIFFERENT"
            print(f"{BATCHES} years of {places} places: Dask {seconds:.1f} s, threads {local:.1f} s, scores {same}")


def line(name: str, found: tuple[float, float]) -> None:
    print(f"{name:40} {found[0]:8.1f} {found[1]:8.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spark", action="store_true")
    parser.add_argument("--dask", metavar="ADDRESS")
    arguments: Any = parser.parse_args()
    print(f"{'':40} {'seconds':>8} {'peak MB':>8}")
    for editions in (1, 2, 4):
        line(f"SQL, {editions} editions", measure(sql, editions))
    for places in PLACES:
        without = measure(nothing, places)
        whole = measure(score, places)
        line(f"scores of a year, {places} places", (whole[0] - without[0], whole[1]))
    line("DuckDB: SQL and scores, 4 editions", measure(duckdb))
    if arguments.spark:
        spark()
    if arguments.dask:
        dask(arguments.dask)


if __name__ == "__main__":
    main()
