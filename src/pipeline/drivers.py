"""Which choice of the method moves the ranks of a league: the draws of `intervals`, at the points of a Sobol design.

An edition's files do not hold what its counts and gaps leave open, so the draws are made from the figures; the edition
says what a place's name means, and its ranks have to be those that the figures give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from pipeline import build, intervals, scores, warehouse
from pipeline.catalog import Catalog
from pipeline.composite import draws, sensitivity, uncertainty
from pipeline.composite.draws import Draws, Factors, Names
from pipeline.composite.ranks import competition, grouping
from pipeline.composite.sensitivity import Indices
from pipeline.composite.uncertainty import Problem
from pipeline.composite.values import Floats, Ints
from pipeline.errors import PipelineError, UsageError

FILES = ("rankings",)
SHIFT = "rank_shift"  # the output before the places: the mean absolute distance to the published ranks
RUNS = 1024  # at a time: the memory does not grow with the base sample


@dataclass(frozen=True)
class Ranked:
    """A league ready to be drawn. nominal: (units,) published ranks of the problem's units, 0 outside the league."""

    problem: Problem
    nominal: Ints

    def unit(self, ags: int) -> int:
        """The position of a place in the arrays."""
        return int(np.flatnonzero(self.problem.ags == ags)[0])


def read(catalog: Catalog, figures: Path, year: int, league: str) -> Ranked:
    """A league from the figures; it must have a ranked place."""
    with warehouse.connect() as connection:
        build.derive(connection, catalog, figures)
        scored = scores.score(catalog, scores.read_year(connection, catalog, year))
    for found in intervals.fields(catalog, scored):
        if league in found.ranked:
            nominal = np.zeros(len(found.units), dtype=np.int64)
            members = found.ranked[league]
            nominal[members] = competition(found.result.score[found.units[members]])
            return Ranked(found.problem, nominal)
    raise PipelineError(f"{year}: no place has a rank in {league}")


def require_published(ranked: Ranked, edition: duckdb.DuckDBPyConnection, league: str) -> None:
    """An error unless the figures give exactly the edition's ranks."""
    rows = edition.execute("select ags, rank from rankings where league = $1 and rank is not null", [league]).fetchall()
    there = dict(rows)
    here = {f"{ranked.problem.ags[unit]:08d}": int(ranked.nominal[unit]) for unit in np.flatnonzero(ranked.nominal)}
    differing = sorted(ags for ags in there.keys() | here.keys() if there.get(ags) != here.get(ags))
    if differing:
        first = differing[0]
        raise PipelineError(
            f"{league}: {len(differing)} ranks of the edition are not those of the figures, the first is {first}: "
            f"{there.get(first, 'none')} published, {here.get(first, 'none')} from the figures; name the edition's own "
            "figures with --figures, or build it again"
        )


def named(edition: duckdb.DuckDBPyConnection, keys: Sequence[str]) -> list[tuple[str, str]]:
    """Keys of places with their names, each once, in the order of the keys."""
    names = dict(edition.execute("select distinct ags, name from rankings").fetchall())
    return [(ags, names[ags]) for ags in dict.fromkeys(keys)]


def require_base(base: int) -> None:
    """An error for a base sample that a Sobol sequence is not balanced for."""
    if base < 2 or base & (base - 1):
        raise UsageError(f"--base {base}: a power of 2 is expected, such as 64 or 256")


def outputs(ranked: Ranked, made: Draws, units: Sequence[int]) -> Floats:
    """(draws, 1 + places): the mean absolute rank shift, then the ranks of some units, in the order of the draws."""
    league = grouping([ranked.nominal > 0], len(ranked.nominal))
    result = np.empty((len(made), 1 + len(units)))
    order = np.array(sorted(range(len(made)), key=made.scenarios.__getitem__))
    for first in range(0, len(made), RUNS):
        rows = order[first : first + RUNS]
        for area, _, (ranks,) in uncertainty.simulate(ranked.problem, made.pick(rows), [league]):
            if area == uncertainty.TOTAL:
                result[rows, 0] = sensitivity.rank_shift(ranks, ranked.nominal)
                result[rows, 1:] = ranks[:, units]
    return result


def indices(
    ranked: Ranked, factors: Factors, names: Names, seed: int, base: int, units: Sequence[int]
) -> tuple[Indices, Floats]:
    """Sobol indices of `outputs` for each of draws.OPEN, and the outputs of the plain sample (2 x base, outputs)."""

    def model(cube: Floats) -> Floats:
        return outputs(ranked, draws.at(factors, seed, cube, names), units)

    found, every = sensitivity.sobol(model, len(draws.OPEN), base, seed)
    return found, np.asarray(every[: 2 * base], dtype=float)


def document(
    catalog: Catalog, ranked: Ranked, year: int, league: str, base: int, places: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """What is shown: for the mean rank shift and each asked place (AGS, name) what drives it, and every factor."""
    asked = intervals.settings(catalog, year)
    units = [ranked.unit(int(ags)) for ags, _ in places]
    found, sample = indices(ranked, intervals.factors(asked), intervals.names(catalog), asked.seed, base, units)
    rows: list[dict[str, Any]] = [{"output": SHIFT, "ags": None, "name": None, "rank": None}]
    rows += [
        {"output": "rank", "ags": ags, "name": name, "rank": int(ranked.nominal[unit])}
        for (ags, name), unit in zip(places, units, strict=True)
    ]
    return {
        "edition_year": year,
        "league": league,
        "ranked": int((ranked.nominal > 0).sum()),
        "base": base,
        "draws": base * (len(draws.OPEN) + 2),
        "seed": asked.seed,
        "outputs": [{**row, **_of_output(found, sample[:, number], number)} for number, row in enumerate(rows)],
    }


def _of_output(found: Indices, sample: Floats, output: int) -> dict[str, Any]:
    def rounded(number: float) -> float | None:
        return None if np.isnan(number) else round(float(number), 4)

    low, middle, high = np.quantile(sample, uncertainty.QUANTILES)
    driver = sensitivity.driver(found, draws.OPEN, output)
    factors = [
        {
            "factor": name,
            "first": rounded(found.first[k, output]),
            "first_p05": rounded(found.first_interval[0, k, output]),
            "first_p95": rounded(found.first_interval[1, k, output]),
            "total": rounded(found.total[k, output]),
            "total_p05": rounded(found.total_interval[0, k, output]),
            "total_p95": rounded(found.total_interval[1, k, output]),
            "leads": rounded(found.leads[k, output]),
        }
        for k, name in enumerate(draws.OPEN)
    ]
    return {
        "p05": rounded(low),
        "p50": rounded(middle),
        "p95": rounded(high),
        "driver": driver.factor or None,
        "is_clear": driver.is_clear,
        "factors": sorted(factors, key=lambda row: -(row["total"] or 0.0)),
    }
