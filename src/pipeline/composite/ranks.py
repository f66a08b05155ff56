"""Competition ranks: the best is 1, ties share the better rank, and no rank without a score."""

from __future__ import annotations

import numpy as np

from pipeline.composite.values import Floats, Ints

SCORE_DECIMALS = 10  # last-bit noise of a sum must not break a true tie


def rounded(scores: Floats) -> Floats:
    """Scores as they are ranked and published."""
    return np.round(scores, SCORE_DECIMALS)


def competition(scores: Floats) -> Ints:
    """(units,) ranks from 1, descending, on rounded scores; 0 where the score is NaN."""
    known = ~np.isnan(scores)
    ordered = np.sort(-rounded(scores[known]))
    ranks = np.zeros(len(scores), dtype=np.int64)
    ranks[known] = 1 + np.searchsorted(ordered, -rounded(scores[known]), side="left")
    return ranks
