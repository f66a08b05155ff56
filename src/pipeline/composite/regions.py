"""Groups of places as units: the mean of their members' scores, each member weighted by its inhabitants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.composite.values import Bools, Floats, Ints
from pipeline.errors import PipelineError


@dataclass(frozen=True)
class Groups:
    """Who is in which group; a place may be in many. count: of groups; group, unit: (members,) numbers of groups, in
    ascending order, and of places."""

    count: int
    group: Ints
    unit: Ints

    def __post_init__(self) -> None:
        if (np.diff(self.group) < 0).any():
            raise PipelineError("members of a group stand after each other, groups in ascending order")

    def total(self, values: Floats | Bools) -> Floats:
        """(groups,): the sum of (units,) values over the members; 0 for a group without any."""
        return np.bincount(self.group, weights=values[self.unit].astype(float), minlength=self.count).astype(float)

    def pick(self, is_unit: Bools, is_group: Bools) -> Groups:
        """Only some places (units,) and groups (groups,); the picked groups are numbered anew."""
        number = np.cumsum(is_group) - 1
        kept = is_unit[self.unit] & is_group[self.group]
        return Groups(int(is_group.sum()), number[self.group[kept]], self.unit[kept])


def weighted_means(scores: Floats, groups: Groups, population: Floats) -> Floats:
    """(..., groups): of scores (..., units); population: (units,), above 0 for every member.

    A group without a member is an error: it has no mean.
    """
    sizes = np.bincount(groups.group, minlength=groups.count)
    if not sizes.all():
        raise PipelineError("a group without a member has no mean")
    if not groups.count:
        return np.empty((*scores.shape[:-1], 0))
    share = population[groups.unit] / groups.total(population)[groups.group]
    return np.add.reduceat(scores.take(groups.unit, axis=-1) * share, np.cumsum(sizes) - sizes, axis=-1)
