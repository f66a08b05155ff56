"""Time and memory of Sobol indices for every unit and of Copeland, each beside the least NumPy must do for it.

    python bench/sensitivity.py [--units N] [--areas N] [--factors N] [--base N]

The fastest of three runs counts; the memory is the most that NumPy held beyond the data, from a run of its own.
The bound of the indices is the variance, one product and one square per output of a run, and for intervals two means
per factor and resample, sorted; that of Copeland is to compare every pair of units once in every area, in as many
threads, without ties or weights.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from pipeline.composite import aggregation, sensitivity

ROW = 256  # units compared at a time by the bound


def indices(ranks: np.ndarray, factors: int, resamples: int) -> None:
    sensitivity.indices(ranks, factors, resamples)


def bound_of_indices(ranks: np.ndarray, factors: int, resamples: int) -> None:
    y = ranks.reshape(factors + 2, -1, ranks.shape[1])
    chosen = np.ones((y.shape[1], resamples), dtype=np.float32)
    for start in range(0, ranks.shape[1], ROW):
        a, b, *mixed = y[:, :, start : start + ROW].astype(float)
        variance = np.concatenate([a, b]).var(axis=0)
        for sample in mixed:
            np.einsum("ru,ru->u", b, sample - a) / variance
            np.square(a - sample).sum(axis=0) / variance
            for _ in range(2 if resamples else 0):
                np.sort((sample - a).astype(np.float32).T @ chosen, axis=1)


def copeland(scores: np.ndarray) -> None:
    aggregation.copeland(scores, np.ones(scores.shape[1]))


def bound_of_copeland(scores: np.ndarray) -> None:
    ranks = scores.argsort(axis=0).astype(np.uint16).T.copy()

    def compare(first: int) -> None:
        for area in ranks:
            np.greater(area[first : first + ROW, None], area[first:])

    with ThreadPoolExecutor(aggregation.THREADS) as threads:
        list(threads.map(compare, range(0, len(scores), ROW)))


def seconds(stage: Callable[..., None], *arguments: Any) -> float:
    runs = []
    for _ in range(3):
        started = time.perf_counter()
        stage(*arguments)
        runs.append(time.perf_counter() - started)
    return min(runs)


def megabytes(stage: Callable[..., None], *arguments: Any) -> float:
    tracemalloc.start()
    stage(*arguments)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=10_750)
    parser.add_argument("--areas", type=int, default=10)
    parser.add_argument("--factors", type=int, default=8)
    parser.add_argument("--base", type=int, default=128)
    asked = parser.parse_args()
    rng = np.random.default_rng(1)
    runs = asked.base * (asked.factors + 2)
    ranks = np.argsort(rng.random((runs, asked.units), dtype=np.float32), axis=1).astype(np.uint16) + 1
    scores = rng.random((asked.units, asked.areas)) * 100
    rows = [
        (f"Sobol, {runs} runs, {asked.factors} factors", indices, bound_of_indices, (ranks, asked.factors, 0)),
        ("  and intervals of 200 resamples", indices, bound_of_indices, (ranks, asked.factors, 200)),
        (f"Copeland, {asked.areas} areas", copeland, bound_of_copeland, (scores,)),
    ]
    print(f"{asked.units} units\n{'':40} {'seconds':>8} {'bound':>8} {'ratio':>6} {'MB':>6}")
    for name, ours, bound, arguments in rows:
        mine, least = seconds(ours, *arguments), seconds(bound, *arguments)
        print(f"{name:40} {mine:8.3f} {least:8.3f} {mine / least:6.2f} {megabytes(ours, *arguments):6.0f}")


if __name__ == "__main__":
    main()
