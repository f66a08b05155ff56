"""Did what happened to some places change them? Matched difference in differences, with its interval.

Each treated place gets up to `controls` untreated places of the same group that are alike before: in size, in the level
of the outcome and in its trend, each within a declared caliper. Nobody is a control twice, so that matched sets are
independent pairs to draw from (Austin & Small 2014, doi 10.1002/sim.6276; with replacement the bootstrap fails, Abadie
& Imbens 2008). Sets of one project are drawn together, for what happens to its members is one event.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from pipeline.composite.agreement import QUANTILES, drawn_counts
from pipeline.composite.values import Bools, Floats, Ints
from pipeline.errors import PipelineError

YEARS_BEFORE = 3


@dataclass(frozen=True)
class Sets:
    """treated: (sets,) unit numbers; controls: (sets, controls) unit numbers, -1 where a set has fewer."""

    treated: Ints
    controls: Ints


@dataclass(frozen=True)
class Effect:
    """What the treated changed more than their controls, with 5 and 95 % quantiles; n: sets; clusters: projects."""

    estimate: float
    p05: float
    p95: float
    n: int
    clusters: int


def match(is_treated: Bools, is_control: Bools, group: Ints, features: Floats, calipers: Floats, controls: int) -> Sets:
    """Greedy nearest neighbours without replacement; the treated place with the fewest candidates chooses first.

    features: (units, features), NaN for units that cannot be compared; calipers: (features,) the largest difference
    allowed; distance: the sum of squared differences in calipers. Ties go to the unit that stands first.
    """
    if not (calipers > 0).all():
        raise PipelineError(f"calipers must be above 0, found {calipers.tolist()}")
    known = ~np.isnan(features).any(axis=1)
    treated = np.flatnonzero(is_treated & known)
    pool = np.flatnonzero(is_control & known & ~is_treated)
    scaled = features / calipers
    candidates = {}
    for unit in treated.tolist():
        alike = pool[group[pool] == group[unit]]
        apart = scaled[alike] - scaled[unit]
        near = (np.abs(apart) <= 1.0).all(axis=1)
        distance = (apart[near] ** 2).sum(axis=1)
        candidates[unit] = alike[near][np.argsort(distance, kind="stable")]
    free = np.ones(len(group), dtype=bool)
    found = []
    for unit in sorted(candidates, key=lambda u: (len(candidates[u]), u)):
        chosen = candidates[unit][free[candidates[unit]]][:controls]
        if len(chosen):
            free[chosen] = False
            found.append((unit, [*chosen.tolist(), *[-1] * (controls - len(chosen))]))
    found.sort()
    return Sets(
        np.array([unit for unit, _ in found], dtype=np.int64),
        np.array([chosen for _, chosen in found], dtype=np.int64).reshape(len(found), controls),
    )


def differences(change: Floats, sets: Sets) -> Floats:
    """(sets,): the change of the treated place less the mean change of its controls."""
    there = sets.controls >= 0
    total = np.where(there, change[sets.controls], 0.0).sum(axis=1)
    return np.asarray(change[sets.treated] - total / np.maximum(there.sum(axis=1), 1))


def before_and_after(values: Floats, years: Ints, last_before: int, after: Ints) -> tuple[Floats, Floats, Floats]:
    """(units,) each: mean and yearly trend of the three years up to `last_before`, and the change from that mean to the
    mean of the years `after`; NaN for a unit that lacks one of these years.

    values: (units, years), NaN where missing.
    """
    before = values[:, (years > last_before - YEARS_BEFORE) & (years <= last_before)]
    later = values[:, np.isin(years, after)]
    if before.shape[1] < YEARS_BEFORE or not later.shape[1]:
        nothing = np.full(len(values), np.nan)
        return nothing, nothing, nothing
    level = before.mean(axis=1)
    return level, (before[:, -1] - before[:, 0]) / (YEARS_BEFORE - 1), later.mean(axis=1) - level


def effect(change: Floats, cluster: Ints, draws: int, seed: int) -> Effect:
    """The mean of the sets' `differences`, and its interval from clusters drawn with replacement.

    change, cluster: (sets,); cluster: a number for the project that the treated place belongs to. The interval is
    stretched as a t interval is against a normal one: of few clusters the plain quantiles are too narrow (Hesterberg
    2015, doi 10.1080/00031305.2015.1089789).
    """
    names, member = np.unique(cluster, return_inverse=True)
    n, clusters = len(change), len(names)
    if not n:
        return Effect(float("nan"), float("nan"), float("nan"), 0, 0)
    size, total = np.bincount(member), np.bincount(member, weights=change)
    means = [(counts @ total) / (counts @ size) for counts in drawn_counts(clusters, draws, seed)]
    value = change.mean()
    low, high = value + _stretch(clusters) * (np.quantile(np.concatenate(means), QUANTILES) - value)
    return Effect(float(value), float(low), float(high), n, clusters)


def _stretch(clusters: int) -> float:
    """How much wider a 90 % interval of a mean of few clusters is: Student's t over normal, and n over n - 1.

    The quantile of t is the Cornish-Fisher expansion, to 0.5 % from six clusters on; of one cluster nothing is known.
    """
    if clusters < 2:
        return float("nan")
    z, freedom = NormalDist().inv_cdf(QUANTILES[1]), clusters - 1
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return float(t / z * np.sqrt(clusters / freedom))
