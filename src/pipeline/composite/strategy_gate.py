"""The variant in which a strategy is the precondition: without one, what a place has done counts up to a limit."""

from __future__ import annotations

import numpy as np

from pipeline.composite.ranks import rounded
from pipeline.composite.scoring import SetScores
from pipeline.composite.values import Bools, Floats


def gated(result: SetScores, is_implementation: Bools, has_strategy: Bools, limit: float) -> Floats:
    """(units,): the total with the implementation score of a place without a documented strategy at most `limit`.

    is_implementation: (indicators,); has_strategy: (units,) documented, so never imputed; limit on 0 to 100.
    """
    total = result.weight.sum(axis=1)
    doing = (result.weight * is_implementation).sum(axis=1)
    share = np.divide(doing, total, out=np.zeros_like(total), where=total > 0)
    above = np.maximum(np.nan_to_num(result.implementation) - limit, 0.0)
    return rounded(result.score - np.where(has_strategy, 0.0, share * above))
