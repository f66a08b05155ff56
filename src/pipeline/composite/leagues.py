"""A rank is a rank in a league; whoever has none is told why."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.composite.ranks import competition
from pipeline.composite.values import Bools, Floats, Ints

RANKED, AVAILABILITY, MOSTLY_INHERITED, NO_POPULATION = (
    "ranked",
    "availability",
    "mostly_inherited",
    "no_population",
)


def standing(
    population: Floats, is_available: Bools, share_inherited: Floats, max_inherited_share: float
) -> NDArray[np.str_]:
    """(units,): ranked, or the first reason why not."""
    status = np.where(share_inherited > max_inherited_share, MOSTLY_INHERITED, RANKED)
    status = np.where(is_available, status, AVAILABILITY)
    return np.where(np.nan_to_num(population) > 0, status, NO_POPULATION)


def rank(scores: Floats, is_member: Bools, status: NDArray[np.str_]) -> Ints:
    """(units,) competition ranks among the league's ranked members; 0 for everyone else."""
    return competition(np.where(is_member & (status == RANKED), scores, np.nan))
