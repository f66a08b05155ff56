"""The draws of the uncertainty run: counter-based random numbers and what they choose.

A random number is a hash of seed, factor, name (AGS, indicator or area) and draw, never of a position. So a draw can
be made alone, a place has the same numbers among many or few others and in every year, and one or two processes give
the same bytes. Draw 0 is the published ranking: every factor at its default, nothing drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.composite.values import Floats, Ints
from pipeline.errors import PipelineError

Words = NDArray[np.uint64]
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
LEVELS = 64  # equally likely quantiles that stand for the distribution of an uncertain cell
TOGETHER = 8  # draws in a row that share normalisation and treatment: one matrix product, one hash of 64 bits
DECIMALS = 6  # of the drawn weights, so that what is published is what was used

MIN_MAX, PERCENTILE, Z_SCORE = "min_max", "percentile", "z_score"
ARITHMETIC, GEOMETRIC, COPELAND = "arithmetic", "geometric", "copeland"
DECLARED, UNTRANSFORMED = "declared", "untransformed"
CHOICES = {
    "normalisation": (MIN_MAX, PERCENTILE, Z_SCORE),
    "treatment": (DECLARED, UNTRANSFORMED),
    "aggregation": (ARITHMETIC, GEOMETRIC, COPELAND),
}
OPEN = ("area_weight", "indicator_weight", *CHOICES, "left_out", "sampling", "imputation")  # what a draw settles
TRIGGERS = 1 << 30  # different noises that a coordinate of `at` can call up


@dataclass(frozen=True)
class Factors:
    """What a draw may change. weight_noise: a weight is multiplied by 1 +- this; leave_out: share of draws without one
    area; sampling, imputation: whether counts are drawn from their posterior and gaps from places alike."""

    weight_noise: float = 0.25
    normalisation: tuple[str, ...] = (MIN_MAX, PERCENTILE, Z_SCORE)
    treatment: tuple[str, ...] = (DECLARED, UNTRANSFORMED)
    aggregation: tuple[str, ...] = (ARITHMETIC, GEOMETRIC)
    leave_out: float = 0.5
    sampling: bool = True
    imputation: bool = True

    def __post_init__(self) -> None:
        for name in ("weight_noise", "leave_out"):
            if not 0 <= getattr(self, name) <= 1:
                raise PipelineError(
                    f"uncertainty: {name} is {getattr(self, name)}; a share between 0 and 1 is expected"
                )
        for name, known in CHOICES.items():
            asked = getattr(self, name)
            if not asked or len(set(asked)) != len(asked) or not set(asked) <= set(known):
                raise PipelineError(f"uncertainty: {name} is {list(asked)}; some of {', '.join(known)} are expected")


NOTHING = Factors(0.0, (MIN_MAX,), (DECLARED,), (ARITHMETIC,), 0.0, sampling=False, imputation=False)


@dataclass(frozen=True)
class Names:
    """What random numbers are keyed by: the ids of areas and indicators, in the order of the arrays."""

    areas: tuple[str, ...]
    indicators: tuple[str, ...]


@dataclass(frozen=True)
class Draws:
    """Some draws. numbers: (draws,); area_weight, indicator_weight: (draws, areas or indicators) factors on the nominal
    weights; normalisation, treatment, aggregation: a word per draw; left_out: (draws,) area number or -1; sampling,
    imputation: (draws,) by which numbers uncertain cells are drawn, 0 for their nominal values."""

    seed: int
    factors: Factors
    names: Names
    numbers: Ints
    area_weight: Floats
    indicator_weight: Floats
    normalisation: tuple[str, ...]
    treatment: tuple[str, ...]
    aggregation: tuple[str, ...]
    left_out: Ints
    sampling: Ints
    imputation: Ints

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def scenarios(self) -> list[tuple[str, str, str]]:
        """Treatment, normalisation and aggregation of each."""
        return list(zip(self.treatment, self.normalisation, self.aggregation, strict=True))

    def by_scenario(self) -> Draws:
        """The same draws, those of one scenario after each other."""
        keys = list(zip(self.scenarios, self.numbers, strict=True))
        return self.pick(sorted(range(len(self)), key=keys.__getitem__))

    def pick(self, rows: Sequence[int] | Ints) -> Draws:
        """Some of them, by position."""
        return Draws(
            self.seed,
            self.factors,
            self.names,
            self.numbers[rows],
            self.area_weight[rows],
            self.indicator_weight[rows],
            tuple(self.normalisation[r] for r in rows),
            tuple(self.treatment[r] for r in rows),
            tuple(self.aggregation[r] for r in rows),
            self.left_out[rows],
            self.sampling[rows],
            self.imputation[rows],
        )


def make(factors: Factors, seed: int, numbers: Ints, names: Names) -> Draws:
    """The draws of these numbers (0: the nominal one). Negative numbers or seeds are an error."""
    numbers = np.asarray(numbers, dtype=np.int64)
    if seed < 0 or (numbers < 0).any():
        raise PipelineError(f"draws: seed {seed} and numbers from {numbers.min(initial=0)}: neither may be negative")
    group = np.maximum(numbers - 1, 0) // TOGETHER

    def choices(options: tuple[str, ...], default: str, turn: Ints) -> tuple[str, ...]:
        return tuple(options[t % len(options)] if n else default for n, t in zip(numbers, turn, strict=True))

    is_left_out = (numbers > 0) & (_uniform(seed, "leave_out", [""], numbers)[:, 0] < factors.leave_out)
    left_out = np.where(is_left_out, np.argmin(_uniform(seed, "left_out", names.areas, numbers), axis=1), -1)
    return Draws(
        seed=seed,
        factors=factors,
        names=names,
        numbers=numbers,
        area_weight=_weights(factors, seed, "area_weight", names.areas, numbers),
        indicator_weight=_weights(factors, seed, "indicator_weight", names.indicators, numbers),
        normalisation=choices(factors.normalisation, MIN_MAX, group),
        treatment=choices(factors.treatment, DECLARED, group // len(factors.normalisation)),
        aggregation=choices(factors.aggregation, ARITHMETIC, numbers),
        left_out=left_out,
        sampling=numbers,
        imputation=numbers,
    )


def at(factors: Factors, seed: int, cube: Floats, names: Names) -> Draws:
    """A draw, numbered from 1, for each point of the unit cube (draws, OPEN); uniform points are distributed as `make`.

    A coordinate picks one of a factor's choices. Where a factor is a noise of many numbers it picks the noise by its
    number (a trigger; Saltelli et al. 2008, Global Sensitivity Analysis), the same whatever else the point says.
    """
    if cube.ndim != 2 or cube.shape[1] != len(OPEN) or not ((cube >= 0) & (cube < 1)).all():
        raise PipelineError(f"draws: points of [0, 1) with {len(OPEN)} coordinates are expected, found {cube.shape}")
    coordinate = dict(zip(OPEN, cube.T, strict=True))
    trigger = {name: 1 + (column * TRIGGERS).astype(np.int64) for name, column in coordinate.items()}

    def choices(name: str) -> tuple[str, ...]:
        options: tuple[str, ...] = getattr(factors, name)
        return tuple(options[int(u * len(options))] for u in coordinate[name])

    left_out = np.full(len(cube), -1)
    is_left_out = coordinate["left_out"] < factors.leave_out
    share = coordinate["left_out"][is_left_out] / factors.leave_out if is_left_out.any() else np.empty(0)
    left_out[is_left_out] = (share * len(names.areas)).astype(np.int64)
    return Draws(
        seed=seed,
        factors=factors,
        names=names,
        numbers=np.arange(1, len(cube) + 1),
        area_weight=_weights(factors, seed, "area_weight", names.areas, trigger["area_weight"]),
        indicator_weight=_weights(factors, seed, "indicator_weight", names.indicators, trigger["indicator_weight"]),
        normalisation=choices("normalisation"),
        treatment=choices("treatment"),
        aggregation=choices("aggregation"),
        left_out=left_out,
        sampling=trigger["sampling"],
        imputation=trigger["imputation"],
    )


def _weights(factors: Factors, seed: int, factor: str, ids: Sequence[str], numbers: Ints) -> Floats:
    """(draws, ids): factors on the nominal weights, 1 in draw 0."""
    noise = 1.0 + factors.weight_noise * (2.0 * _uniform(seed, factor, ids, numbers) - 1.0)
    return np.where((numbers > 0)[:, None], np.round(noise, DECIMALS), 1.0)


def nominal(names: Names) -> Draws:
    """Draw 0 alone."""
    return make(NOTHING, 0, np.zeros(1, dtype=np.int64), names)


def levels(seed: int, factor: str, name: str, units: Ints, numbers: Ints) -> NDArray[np.uint8]:
    """(draws, units): which of the LEVELS quantiles a cell takes, LEVELS itself in draw 0: the nominal value.

    units: AGS numbers; name: the indicator. A hash of 64 bits serves TOGETHER draws, six bits of a byte each.
    """
    cell = _mix(_key(seed, factor, name) + units.astype(np.uint64) * GOLDEN)
    turn = np.maximum(numbers - 1, 0)
    groups, at = np.unique(turn // TOGETHER, return_inverse=True)
    words = _mix(cell + (groups.astype(np.uint64)[:, None] + np.uint64(1)) * GOLDEN)
    by_byte = words.astype("<u8", copy=False).view(np.uint8).reshape(*words.shape, TOGETHER)
    result = np.empty((len(numbers), len(units)), dtype=np.uint8)
    for row, (group, byte) in enumerate(zip(at, turn % TOGETHER, strict=True)):
        np.right_shift(by_byte[group, :, byte], 2, out=result[row])
    result[numbers == 0] = LEVELS
    return result


def _uniform(seed: int, factor: str, names: Sequence[str], numbers: Ints) -> Floats:
    """(draws, names): in [0, 1), on 53 bits."""
    keys = np.array([_key(seed, factor, name) for name in names], dtype=np.uint64)
    words = _mix(keys + (numbers.astype(np.uint64)[:, None] + np.uint64(1)) * GOLDEN)
    return (words >> np.uint64(11)).astype(float) / 2.0**53


def _key(seed: int, *words: str) -> np.uint64:
    text = "\0".join((str(seed), *words)).encode()
    return np.uint64(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little"))


def _mix(state: Words) -> Words:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit of the state moves every bit it gives."""
    z: Words = state + GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
