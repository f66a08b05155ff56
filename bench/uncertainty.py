"""The draws beside a plain NumPy lower bound, in one run; how they grow; what all editions take.

    python bench/uncertainty.py [--threads 2] [--figures DIR]

A bound does the least that gives the same kind of result: sums as matrix products over all draws at once, one sort of
packed keys per draw and target, ranks with exact ties, quantiles. It knows no scenarios, no areas of different sizes
and no leagues, and makes its random numbers with NumPy's own generator. Each measurement runs in its own process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from stages import measure

from pipeline import catalog, figures
from pipeline.composite import draws, noise, ranks, uncertainty
from pipeline.composite.draws import Factors, Names
from pipeline.composite.noise import Noise
from pipeline.composite.uncertainty import Problem

AREAS, INDICATORS, BLOCK = 10, 50, 32
WEIGHTS_ONLY = Factors(0.25, (draws.MIN_MAX,), (draws.DECLARED,), (draws.ARITHMETIC,), 0.0, False, False)
EVERYTHING = Factors()


def made_up(units: int, indicators: int, missing: float, with_noise: bool) -> Problem:
    """Random places in ten areas; with_noise: every cell has its own quantiles."""
    rng = np.random.default_rng(1)
    scores = rng.uniform(0, 100, (units, indicators))
    area = np.arange(indicators) % AREAS
    there = rng.random(scores.shape) >= missing
    there[:, :AREAS] |= np.stack([~there[:, area == a].any(axis=1) for a in range(AREAS)], axis=1)
    parts = []
    if with_noise:
        spread = noise.NORMAL.astype(np.float32) * np.float32(5.0)
        for k in range(indicators):
            cells = np.flatnonzero(there[:, k])
            values = np.clip(scores[cells, k, None].astype(np.float32) + spread, 0, 100)
            parts.append(Noise(noise.SAMPLING, k, cells, np.arange(len(cells)), values))
    given = np.where(there, scores, np.nan)
    return Problem(
        ags=np.arange(units),
        indicators=np.arange(indicators),
        area=area,
        weight=np.full(indicators, 1.0 / indicators),
        there=there,
        scores=lambda *_: given,
        noise=parts,
        drawn_scores=lambda part, *_: part.values,
    )


def ours(problem: Problem, count: int, factors: Factors, threads: int) -> None:
    units = len(problem.ags)
    names = Names(
        tuple(f"area {a}" for a in range(AREAS)), tuple(f"indicator {k}" for k in range(len(problem.indicators)))
    )
    made = draws.make(factors, 1, np.arange(1, count + 1), names).by_scenario()
    league = ranks.grouping([np.ones(units, dtype=bool)], units)
    for _, _, (found,) in uncertainty.simulate(problem, made, [league], threads):
        uncertainty.quantiles(found)


def bound(problem: Problem, count: int, threads: int, with_noise: bool = False) -> None:
    """The same sums, ranks and quantiles in plain NumPy."""
    rng = np.random.default_rng(2)
    units, indicators = problem.there.shape
    values = np.nan_to_num(problem.scores("", "")).T.astype(np.float32)
    mask = problem.there.T.astype(np.float32)
    weight = rng.uniform(0.75, 1.25, (count, indicators)).astype(np.float32)
    outside = rng.uniform(0.75, 1.25, (count, AREAS)).astype(np.float32)
    total = np.zeros((count, units), dtype=np.float32)
    found = np.empty((count, units), dtype=np.uint16 if units < 2**16 else np.uint32)
    blocks = [slice(first, min(first + BLOCK, count)) for first in range(0, count, BLOCK)]
    position = np.arange(units, dtype=np.uint64)

    def rank(rows: slice, scores: np.ndarray) -> None:
        keys = (np.uint32(0xFFFFFFFF) - scores.view(np.uint32)).astype(np.uint64)
        keys = keys << np.uint64(32) | position
        keys.sort(axis=1)
        places = np.empty(keys.shape, dtype=found.dtype)
        places[:] = np.arange(1, units + 1)
        places[:, 1:][keys[:, 1:] >> np.uint64(32) == keys[:, :-1] >> np.uint64(32)] = 0
        np.maximum.accumulate(places, axis=1, out=places)
        at = (keys & np.uint64(0xFFFFFFFF)).astype(np.intp)
        for row in range(len(at)):
            found[rows.start + row, at[row]] = places[row]

    def quantiles() -> None:
        at = (count - 1) * np.array([0.05, 0.5, 0.95])
        low = at.astype(int)
        for first in range(0, units, 512):
            some = np.ascontiguousarray(found[:, first : first + 512].T)
            some.sort(axis=1)
            some[:, low] + (at - low) * (some[:, np.minimum(low + 1, count - 1)].astype(float) - some[:, low])

    with ThreadPoolExecutor(threads) as pool:
        for number in range(AREAS):
            columns = np.flatnonzero(problem.area == number)
            generators = rng.spawn(len(blocks))

            def block(
                job: tuple[slice, np.random.Generator], columns: np.ndarray = columns, number: int = number
            ) -> None:
                rows, generator = job
                inside = weight[rows, columns]
                scores = inside @ values[columns]
                if with_noise:
                    for k, column in enumerate(columns):
                        drawn = generator.standard_normal((len(inside), units), dtype=np.float32)
                        scores += inside[:, k, None] * np.clip(values[column] + 5 * drawn, 0, 100) * mask[column]
                scores /= inside @ mask[columns]
                rank(rows, scores)
                total[rows] += outside[rows, number, None] * scores

            list(pool.map(block, zip(blocks, generators, strict=True)))
            quantiles()
        list(pool.map(lambda rows: rank(rows, total[rows]), blocks))
        quantiles()


def inside(sender: Any, whose: str, units: int, count: int, factors: Factors, with_noise: bool, threads: int) -> None:
    """In a process of its own: seconds and peak MB of the work, the made-up places not counted in the seconds."""
    problem = made_up(units, INDICATORS, 0.1, with_noise and whose == "ours")
    started = time.perf_counter()
    if whose == "ours":
        ours(problem, count, factors, threads)
    else:
        bound(problem, count, threads, with_noise)
    sender.send((time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def run(whose: str, units: int, count: int, factors: Factors, with_noise: bool, threads: int) -> tuple[float, float]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=inside, args=(sender, whose, units, count, factors, with_noise, threads))
    process.start()
    sender.close()
    found: tuple[float, float] = receiver.recv()
    process.join()
    return found


def best(times: int, *arguments: Any) -> tuple[float, float]:
    """The fastest of some runs, and its peak."""
    return min(run(*arguments) for _ in range(times))


def all_draws(work: Path, wanted: list[int], threads: int) -> None:
    """What a build does in its workers, here one year after another: all leagues, areas and changes."""
    from pipeline import changes, intervals, warehouse

    declared = catalog.load()
    for year in wanted:
        intervals.simulate(declared, work, year, threads=threads)
    with warehouse.connect() as connection:
        for year in wanted:
            changes.compare(connection, declared, work, year)


def prepare(folder: Path, work: Path) -> None:
    from pipeline import build

    build.compute(catalog.load(), folder, work, 2)


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """The slope of the line through the points on two logarithmic scales."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--figures", type=Path, default=figures.BUNDLED)
    parser.add_argument("--times", type=int, default=3, help="runs of each, of which the fastest counts")
    arguments = parser.parse_args()
    threads, times = arguments.threads, arguments.times
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # of the bound: its threads are those of its pool
    shape = f"10,750 places x {INDICATORS} indicators, {AREAS} areas and the total"
    print(f"{shape}, 10 % missing, 1,000 draws, {threads} threads")
    noisy = Factors(**{**vars(WEIGHTS_ONLY), "sampling": True})
    lines = (
        ("weights, aggregation", WEIGHTS_ONLY, False),
        (
            "weights, normalisation, aggregation, area left out",
            Factors(**{**vars(EVERYTHING), "sampling": False}),
            False,
        ),
        ("the same and noise in every cell", EVERYTHING, True),
        ("weights, aggregation and noise in every cell", noisy, True),
    )
    print(f"{'':52} {'seconds':>8} {'bound':>8} {'ratio':>6} {'MB':>6}")
    for name, factors, with_noise in lines:
        least, _ = best(times, "bound", 10_750, 1000, factors, with_noise, threads)
        seconds, peak = best(times, "ours", 10_750, 1000, factors, with_noise, threads)
        print(f"{name:52} {seconds:8.2f} {least:8.2f} {seconds / least:6.2f} {peak:6.0f}", flush=True)

    grown = {"draws": [250, 500, 1000, 2000, 4000], "places": [2_500, 5_000, 10_000, 20_000, 40_000]}
    for what, sizes in grown.items():
        seconds = [
            best(1, "ours", *((10_750, n) if what == "draws" else (n, 500)), WEIGHTS_ONLY, False, threads)[0]
            for n in sizes
        ]
        shown = ", ".join(f"{n:,}: {s:.2f} s" for n, s in zip(sizes, seconds, strict=True))
        print(f"growth with {what}: {shown}; exponent {exponent(sizes, seconds):.2f}", flush=True)
    seconds, peak = run("ours", 100_000, 1000, WEIGHTS_ONLY, False, threads)
    print(f"100,000 places x {INDICATORS}, 1,000 draws: {seconds:.1f} s, {peak:,.0f} MB", flush=True)

    declared = catalog.load()
    wanted = sorted(declared.editions)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        before, _ = measure(prepare, arguments.figures, work)
        took = [measure(all_draws, work, wanted[:n], threads) for n in range(1, len(wanted) + 1)]
        count = declared.methods[declared.editions[wanted[-1]].method].uncertainty.draws
        shown = ", ".join(f"{n}: {s:.1f} s" for n, (s, _) in enumerate(took, 1))
        seconds, peak = took[-1]
        print(f"editions with all leagues, areas and changes, {count} draws: {shown}, {peak:,.0f} MB; ", end="")
        slope = exponent(list(range(1, len(wanted) + 1)), [s for s, _ in took])
        print(f"exponent {slope:.2f}; before them {before:.1f} s")


if __name__ == "__main__":
    main()
