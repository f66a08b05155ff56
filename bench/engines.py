"""What grows with places, and from where on a cluster would pay; how the SQL grows with years is in growth.py.

    python bench/engines.py [--spark] [--dask tcp://HOST:PORT]

First the scores by the number of places (made-up values of the real shape: a tenth of them missing). Then, where asked
for, all models of all editions on local Spark beside DuckDB, and batches of scores on the workers of a Dask scheduler
beside threads. Each measurement has a process of its own, so that its peak memory is its own; Spark's is that of its
Java process, and the Python beside it is told apart.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from stages import measure

from pipeline import catalog, engines, figures, scores, warehouse
from pipeline.composite.scoring import IndicatorSet, score_year
from pipeline.composite.values import Matrix

PLACES = (10_848, 21_696, 43_392, 98_000)
BATCHES = 8
DRAWS = 20  # few, since they are NumPy here and there
HEAP = "2g"


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


def duckdb() -> None:
    declared = catalog.load()
    later = engines.later(declared)
    with tempfile.TemporaryDirectory() as work, warehouse.connect(2, "2GB") as connection:
        warehouse.declare(connection, declared)
        figures.load(connection, declared, figures.BUNDLED)
        before = {name: sql for name, sql in engines.models(declared).items() if name not in later}
        warehouse.run(connection, before)
        engines.compute(connection, declared, Path(work), DRAWS)
        warehouse.run(connection, later)


def spark() -> None:
    """What `duckdb` does; prints the peak of the Java process, whose seconds and Python are told by the caller."""
    with tempfile.TemporaryDirectory() as work:
        session = engines.session(**{"spark.sql.shuffle.partitions": "2", "spark.driver.memory": HEAP})
        engines.run(session, catalog.load(), figures.BUNDLED, Path(work), DRAWS)
        status = Path(f"/proc/{session.sparkContext._gateway.proc.pid}/status").read_text("ascii")
        (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
        print(f"{f'Spark, local: its Java, heap of {HEAP}':40} {'':8} {int(peak) / 1024:8.0f}", flush=True)
        session.stop()


def dask(address: str) -> None:
    """Batches of scores on the scheduler's workers, at first and with imports done, beside threads of this process."""
    from distributed import Client

    with Client(address) as client:
        for places in PLACES[:1] + PLACES[-1:]:
            taken = []
            for _ in range(2):
                started = time.perf_counter()
                there = client.gather([client.submit(score, places, seed, pure=False) for seed in range(BATCHES)])
                taken.append(time.perf_counter() - started)
            started = time.perf_counter()
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                here = list(pool.map(lambda seed, size=places: score(size, seed), range(BATCHES)))
            local = time.perf_counter() - started
            same = "equal" if there == here else "DIFFERENT"
            print(
                f"{BATCHES} years of {places} places: Dask {taken[0]:.1f} s at first, then {taken[1]:.1f} s, "
                f"threads {local:.1f} s, scores {same}"
            )


def line(name: str, found: tuple[float, float]) -> None:
    print(f"{name:40} {found[0]:8.1f} {found[1]:8.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spark", action="store_true")
    parser.add_argument("--dask", metavar="ADDRESS")
    arguments: Any = parser.parse_args()
    print(f"{'':40} {'seconds':>8} {'peak MB':>8}")
    for places in PLACES:
        without = measure(nothing, places)
        whole = measure(score, places)
        line(f"scores of a year, {places} places", (whole[0] - without[0], whole[1]))
    line("DuckDB: all models, 4 editions", measure(duckdb))
    if arguments.spark:
        line("Spark, local: the same; its Python", measure(spark))
    if arguments.dask:
        dask(arguments.dask)


if __name__ == "__main__":
    main()
