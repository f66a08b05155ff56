"""Which choice of the method moves a rank: shares of the variance over all choices (Sobol indices).

The first-order index of a factor is the share of an output's variance that goes if that factor alone were settled
(Saltelli et al. 2010, doi 10.1016/j.cpc.2009.09.018, on the centred output); the total index is the share that stays
while only that factor is open, interactions included (Jansen 1999). A model is any function from a sample (runs,
factors) of the unit cube to outputs (runs, outputs): ranks of places, or one figure such as `rank_shift`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from pipeline.composite.values import Floats, Ints
from pipeline.errors import PipelineError

Outputs = NDArray[np.generic]
QUANTILES = (0.05, 0.95)
CLEAR = 0.95  # share of resamples in which one factor must lead before it is named
LEAST_VARIANCE = 1e-5  # of the mean square: below it a resample is constant but for rounding
BLOCK = 1 << 22  # bytes of outputs worked on at a time: they stay in the cache, and memory stays flat


@dataclass(frozen=True)
class Indices:
    """Shares of variance. An output that never changes has none: NaN.

    first, total: (factors, outputs); first_interval, total_interval: (2, factors, outputs), the 5 and 95 % quantiles
    of the paired bootstrap; leads: (factors, outputs), the share of resamples in which the factor's total is the
    largest. Without resamples the last three are NaN.
    """

    first: Floats
    total: Floats
    first_interval: Floats
    total_interval: Floats
    leads: Floats


@dataclass(frozen=True)
class Driver:
    """The choice with the largest total index, and whether it leads in 95 % of resamples; "" where nothing moves."""

    factor: str
    first: float
    total: float
    is_clear: bool


def design(factors: int, base: int, seed: int) -> Floats:
    """(base x (factors + 2), factors) in [0, 1): two samples A and B, then A with one column of B for each factor.

    A scrambled Sobol sequence; base must be a power of 2, for which the sequence is balanced.
    """
    if factors < 1 or base < 2 or base & (base - 1):
        raise PipelineError(
            f"a sensitivity run needs one factor or more and a power of 2 as its base sample, found {factors} factors "
            f"and a base of {base}"
        )
    sample = qmc.Sobol(2 * factors, scramble=True, rng=seed).random(base)
    a, b = sample[:, :factors], sample[:, factors:]
    mixed = np.repeat(a[None], factors, axis=0)
    for number in range(factors):
        mixed[number, :, number] = b[:, number]
    return np.concatenate([a, b, mixed.reshape(-1, factors)])


def sobol(
    model: Callable[[Floats], Outputs], factors: int, base: int, seed: int, resamples: int = 200
) -> tuple[Indices, Outputs]:
    """Indices of every output of a model, and the outputs themselves (runs, outputs), in the order of `design`."""
    outputs = model(design(factors, base, seed))
    return indices(outputs, factors, resamples, seed), outputs


def indices(outputs: Outputs, factors: int, resamples: int = 200, seed: int = 0) -> Indices:
    """First-order and total indices from the outputs of a `design` (base x (factors + 2), outputs).

    The bootstrap is paired: a resample takes the same runs of A, B and all mixed samples, for all factors and outputs,
    so that factors can be compared within it. NaN or inf in the outputs is an error.
    """
    runs, count = outputs.shape
    if factors < 1 or runs % (factors + 2) or not runs:
        raise PipelineError(f"{runs} runs are not a design of {factors} factors: that has base x {factors + 2} runs")
    base = runs // (factors + 2)
    stacked = outputs.reshape(factors + 2, base, count)
    chosen = (
        np.random.default_rng(seed).multinomial(base, np.full(base, 1.0 / base), size=resamples).astype(np.float32)
        / base
    )
    width = max(BLOCK // (8 * runs), 1)
    blocks = [_of_block(stacked[:, :, start : start + width], chosen) for start in range(0, count, width)]
    return Indices(*(np.concatenate(parts, axis=-1) for parts in zip(*blocks, strict=True)))


def rank_shift(ranks: NDArray[np.integer], nominal: Ints) -> Floats:
    """(runs,): the mean absolute distance of ranks (runs, units) to the nominal ones (units,), over ranked units."""
    is_ranked = nominal > 0
    if not is_ranked.any():
        raise PipelineError("no unit has a rank, so no rank can shift")
    return np.array([np.abs(run[is_ranked].astype(np.int64) - nominal[is_ranked]).mean() for run in ranks])


def driver(found: Indices, names: Sequence[str], output: int) -> Driver:
    """Which factor drives an output; names (factors,)."""
    if len(names) != len(found.total):
        raise PipelineError(f"{len(names)} names for {len(found.total)} factors")
    total = found.total[:, output]
    if np.isnan(total).all():
        return Driver("", float("nan"), float("nan"), False)
    most = int(np.argmax(total))
    is_clear = bool(found.leads[most, output] >= CLEAR)
    return Driver(names[most], float(found.first[most, output]), float(total[most]), is_clear)


def _of_block(stacked: Outputs, chosen: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """The fields of `Indices` for outputs (factors + 2, base, outputs); chosen: (resamples, base) weights of runs, in
    float32, which is enough for intervals."""
    y = stacked.transpose(1, 0, 2).astype(np.float64, order="C")
    if not np.isfinite(y).all():
        raise PipelineError("an output of the sensitivity run is NaN or infinite: leave places without a rank out")
    y -= y.mean(axis=(0, 1))  # without this a constant added to the output changes the first order
    largest = np.abs(y).max(axis=(0, 1))
    y /= np.where(largest > 0, largest, 1.0)  # indices have no unit, and float32 has limits
    a, b, change = y[:, 0], y[:, 1], y[:, 2:] - y[:, :1]
    base, factors, outputs = change.shape
    level, square = (a + b) / 2, (a * a + b * b) / 2
    effect, jump = (b[:, None] * change).reshape(base, -1), (change * change / 2).reshape(base, -1)

    def of(weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """First and total (factors, outputs, resamples) in the weights' precision; NaN where there is no variance."""

        def mean(term: Floats) -> NDArray[Any]:
            return np.asarray(term.astype(weights.dtype).T @ weights.T)

        size = mean(square)
        variance = size - mean(level) ** 2
        has_any = variance > LEAST_VARIANCE * size
        scale = np.divide(1.0, variance, out=np.full_like(variance, np.nan), where=has_any)
        shape = (factors, outputs, len(weights))
        return mean(effect).reshape(shape) * scale, mean(jump).reshape(shape) * scale

    first, total = (index[:, :, 0] for index in of(np.full((1, base), 1.0 / base)))
    unknown = np.full((2, factors, outputs), np.nan)
    if not len(chosen):
        return first, total, unknown, unknown, unknown[0]
    firsts, totals = of(chosen)
    is_most = totals == totals.max(axis=0)
    is_alone = is_most & (is_most.sum(axis=0) == 1)
    leads = np.where(np.isnan(total), np.nan, is_alone.mean(axis=2))
    return first, total, _interval(firsts), _interval(totals), leads


def _interval(resampled: NDArray[Any]) -> Floats:
    """(2, factors, outputs): type-7 quantiles over the last axis, NaN where any is NaN. Sorted along contiguous memory,
    which np.quantile does not do and takes ten times as long for."""
    ordered = np.sort(resampled, axis=2)
    last = ordered.shape[2] - 1
    result = []
    for quantile in QUANTILES:
        below, rest = divmod(quantile * last, 1.0)
        low, high = ordered[:, :, int(below)], ordered[:, :, min(int(below) + 1, last)]
        result.append(np.where(np.isnan(ordered[:, :, -1]), np.nan, low + rest * (high - low)))
    return np.stack(result).astype(np.float64)
