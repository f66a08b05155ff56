"""A difference between two groups of places, with what else they differ in taken out. An association, not an effect."""

from __future__ import annotations

import numpy as np

from pipeline.composite.agreement import QUANTILES, drawn_counts
from pipeline.composite.values import Bools, Floats


def adjusted_difference(
    outcome: Floats, is_member: Bools, covariates: Floats, draws: int, seed: int
) -> tuple[float, float, float]:
    """How much higher the members' outcome is at equal covariates (least squares), with its 5 and 95 % quantiles.

    outcome, is_member: (places,); covariates: (places, covariates). Members and others are drawn apart, so that each
    draw has as many of both. NaN where members, or the covariates, cannot be told apart.
    """
    design = np.column_stack([is_member.astype(float), np.ones(len(outcome)), covariates - covariates.mean(axis=0)])
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(outcome), -1)
    products = design * (outcome - outcome.mean())[:, None]

    def coefficients(counts: Floats) -> Floats:
        left = (counts @ squares).reshape(len(counts), design.shape[1], design.shape[1])
        right = counts @ products
        is_solvable = np.linalg.cond(left) < 1e12
        found = np.full(len(counts), np.nan)
        found[is_solvable] = np.linalg.solve(left[is_solvable], right[is_solvable][:, :, None])[:, 0, 0]
        return found

    value = float(coefficients(np.ones((1, len(outcome))))[0])
    members, others = np.flatnonzero(is_member), np.flatnonzero(~is_member)
    if np.isnan(value):
        return value, value, value
    drawn = []
    for of_members, of_others in zip(
        drawn_counts(len(members), draws, seed), drawn_counts(len(others), draws, seed + 1), strict=True
    ):
        counts = np.zeros((len(of_members), len(outcome)))
        counts[:, members], counts[:, others] = of_members, of_others
        drawn.append(coefficients(counts))
    low, high = np.nanquantile(np.concatenate(drawn), QUANTILES)
    return value, float(low), float(high)
