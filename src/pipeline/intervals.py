"""Between the work folder and `composite.uncertainty`: the draws of an edition year.

`simulate` leaves per year the tables draw__* as Parquet and the ranks of all draws as NumPy arrays, and beside them
what else needs a year's scores as arrays: its regions and its quality.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from pipeline import quality, regions, scores, warehouse, workfolder
from pipeline.catalog import Catalog, Uncertainty
from pipeline.composite import draws, uncertainty
from pipeline.composite.draws import Draws, Factors, Names
from pipeline.composite.ranks import WORD, Grouping, Ranks, bits, competition, grouping
from pipeline.composite.scoring import SetScores, stages
from pipeline.composite.uncertainty import Floats32, Problem
from pipeline.composite.values import Bools, Floats, Ints
from pipeline.errors import UsageError
from pipeline.regions import Regions
from pipeline.scores import Scored

FOLDER = "draws"  # of the work folder
READ = ("edition__places", "edition__values", regions.MEMBERS)
KEY = {"edition_year": "int64", "league": "str", "ags_number": "int64"}
TABLES = {  # columns and types, also where nothing is drawn
    "draw__ranks": {
        **KEY, "rank_p05": "float64", "rank_p50": "float64", "rank_p95": "float64", "p_top10": "float64",
        "p_top100": "float64", "p_ahead_next": "float64", "rank_group": "int64",
    },
    "draw__areas": {**KEY, "area": "str", "rank_p05": "float64", "rank_p95": "float64"},
    "draw__changes": {**KEY, "rank_change_p05": "float64", "rank_change_p95": "float64"},
    "draw__parameters": {
        "edition_year": "int64", "draw": "int64", "factor": "str", "name": "str", "value": "float64", "choice": "str",
    },
    regions.TABLE: regions.COLUMNS,
    **quality.TABLES,
}  # fmt: skip


def settings(catalog: Catalog, year: int, count: int | None = None, seed: int | None = None) -> Uncertainty:
    """The declared uncertainty of an edition's method with the asked number of draws and seed."""
    declared = catalog.methods[catalog.edition(year).method].uncertainty
    asked = {"draws": count, "seed": seed}
    for name, number in asked.items():
        if number is not None and number < 0:
            raise UsageError(f"--{name} {number}: a number of 0 or more is expected")
    return declared.model_copy(update={name: number for name, number in asked.items() if number is not None})


def factors(declared: Uncertainty) -> Factors:
    """What the draws of a method vary."""
    return Factors(
        weight_noise=declared.weight_noise,
        normalisation=tuple(declared.normalisation),
        treatment=tuple(declared.treatment),
        aggregation=tuple(declared.aggregation),
        leave_out=declared.leave_out,
        sampling=declared.sampling,
        imputation=declared.imputation,
    )


def names(catalog: Catalog) -> Names:
    """What random numbers are keyed by."""
    return Names(tuple(catalog.areas), tuple(i.id for i in catalog.sorted_indicators))


def simulate(
    catalog: Catalog, work: Path, year: int, count: int | None = None, seed: int | None = None, threads: int = 1
) -> None:
    """All draws of one edition year, from the tables that `build.score_edition` left."""
    asked = settings(catalog, year, count, seed)
    scored, listed = _scored(catalog, work, year)
    made = draws.make(factors(asked), asked.seed, np.arange(1, asked.draws + 1), names(catalog))
    tables: dict[str, list[pd.DataFrame]] = {"draw__ranks": [], "draw__areas": []}
    of_regions = None
    if asked.draws:
        ordered = made.by_scenario()
        for field in fields(catalog, scored):
            total = np.zeros((len(ordered), len(field.units)), dtype=np.float32)
            _simulate_set(catalog, year, field, ordered, work, tables, threads, total)
            if regions.LEAGUE in field.ranked:
                of_regions = regions.intervals(scored, listed, field.units, total, ordered)
    tables[regions.TABLE] = [regions.table(scored, listed, of_regions)]
    tables |= {table: [rows] for table, rows in quality.tables(catalog, scored).items()}
    tables["draw__parameters"] = [parameters(made)] if asked.draws else []
    with warehouse.connect() as connection:
        write(connection, work, year, tables)
    (work / FOLDER / f"{year}.json").write_text(asked.model_dump_json(), "utf-8")


def used(work: Path, year: int) -> Uncertainty:
    """What the draws of an edition were made by."""
    return Uncertainty.model_validate_json((work / FOLDER / f"{year}.json").read_text("utf-8"))


def path(work: Path, table: str, year: int) -> Path:
    """Where one year's rows of a table draw__* are."""
    return work / FOLDER / f"{table}-{year}.parquet"


def write(
    connection: duckdb.DuckDBPyConnection, work: Path, year: int, tables: Mapping[str, list[pd.DataFrame]]
) -> None:
    """The rows of each table, of which there may be none."""
    for table, frames in tables.items():
        columns = TABLES[table]
        rows = frames or [pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})]
        frame = pd.concat(rows, ignore_index=True).assign(edition_year=year)[list(columns)].astype(columns)
        warehouse.save(connection, frame, path(work, table, year))


def _scored(catalog: Catalog, work: Path, year: int) -> tuple[Scored, Regions]:
    with warehouse.connect() as connection:
        workfolder.show(connection, work, READ, [year])
        scored = scores.score(catalog, scores.read_year(connection, catalog, year))
        return scored, regions.read(connection, catalog, scored)


@dataclass(frozen=True)
class Field:
    """One set of one year, ready to be drawn: units: (places,) positions of the available places in the year; ranked:
    league to (places,) who is ranked in it; passes: leagues that are ranked in one pass, with their grouping."""

    result: SetScores
    problem: Problem
    units: Ints
    ranked: dict[str, Bools]
    passes: list[tuple[list[str], Grouping]]


def fields(catalog: Catalog, scored: Scored) -> Iterator[Field]:
    """The sets in which anyone can be ranked."""
    steps = stages(scored.year.matrix, scored.indicators, scored.method, with_noise=True)
    for name, result in scored.scores.sets.items():
        units = np.flatnonzero(result.is_available)
        ranked = {
            league.id: scores.league_ranked(catalog, scored, league.id)[units]
            for league in catalog.leagues.values()
            if league.indicator_set == name
        }
        ranked = {league: members for league, members in ranked.items() if members.any()}
        if ranked:
            passes = [(some, grouping([ranked[league] for league in some], len(units))) for some in _passes(ranked)]
            asked = scored.asked[name]
            problem = uncertainty.problem(steps, scored.indicators, scored.method, asked, result, scored.year.ags)
            yield Field(result, problem, units, ranked, passes)


def _simulate_set(
    catalog: Catalog,
    year: int,
    field: Field,
    made: Draws,
    work: Path,
    tables: dict[str, list[pd.DataFrame]],
    threads: int,
    total: Floats32,
) -> None:
    """Adds to the tables, saves the ranks, and fills the totals (draws, places)."""
    groupings = [group for _, group in field.passes]
    for area, kind, found in uncertainty.simulate(field.problem, made, groupings, threads, total=total):
        for (some, _), drawn_ranks in zip(field.passes, found, strict=True):
            low, middle, high = uncertainty.quantiles(drawn_ranks)[kind].T
            for league in some:
                members = np.flatnonzero(field.ranked[league])
                ags = field.problem.ags[members]
                frame = pd.DataFrame({"league": league, "ags_number": ags})
                frame["rank_p05"], frame["rank_p50"], frame["rank_p95"] = low[members], middle[members], high[members]
                if area != uncertainty.TOTAL:
                    tables["draw__areas"].append(frame.assign(area=list(catalog.areas)[area]))
                    continue
                np.save(array_path(work, year, league, "ags"), ags)
                own = drawn_ranks[:, members]
                np.save(array_path(work, year, league, "ranks"), own)
                tables["draw__ranks"].append(_standing(frame, own, field.result.score[field.units[members]]))
                del own  # before the next league's are made


def redraw(
    catalog: Catalog, work: Path, year: int, numbers: Sequence[int], seed: int | None = None
) -> dict[str, pd.DataFrame]:
    """Single draws made again, without the others: league to ranks, a row per municipality (its AGS number), a column
    per draw. Draw 0 is the published ranking."""
    asked = settings(catalog, year, None, seed)
    made = draws.make(factors(asked), asked.seed, np.array(numbers), names(catalog))
    result = {}
    scored, _ = _scored(catalog, work, year)
    for field in fields(catalog, scored):
        for area, _, found in uncertainty.simulate(field.problem, made, [group for _, group in field.passes]):
            if area != uncertainty.TOTAL:
                continue
            for (some, _), drawn_ranks in zip(field.passes, found, strict=True):
                for league in some:
                    members = field.ranked[league]
                    result[league] = pd.DataFrame(
                        drawn_ranks[:, members].T, index=field.problem.ags[members], columns=list(numbers)
                    )
    return result


def _passes(ranked: dict[str, Bools]) -> list[list[str]]:
    """Leagues that share no place go into one pass, as many as can be counted in one."""
    passes: list[list[str]] = []
    for league, members in ranked.items():
        for some in passes:
            has_room = sum(bits(ranked[other].sum()) for other in (*some, league)) <= WORD
            if has_room and not any((ranked[other] & members).any() for other in some):
                some.append(league)
                break
        else:
            passes.append([league])
    return passes


def _standing(frame: pd.DataFrame, own: Ranks, score: Floats) -> pd.DataFrame:
    """A league's chances and groups. own: ranks (draws, members); score: (members,) the published one."""
    nominal = competition(score)
    order = np.lexsort((frame["ags_number"].to_numpy(), nominal))
    return frame.assign(
        p_top10=(own <= 10).mean(axis=0),
        p_top100=(own <= 100).mean(axis=0),
        p_ahead_next=uncertainty.ahead_of_next(own, order),
        rank_group=uncertainty.rank_groups(own, nominal, order),
    )


def array_path(work: Path, year: int, league: str, what: str) -> Path:
    """Where the ranks of a league in all draws are ("ranks": (draws, places)), and whose they are ("ags")."""
    (work / FOLDER).mkdir(exist_ok=True)
    return work / FOLDER / f"{what}-{year}-{league}.npy"


def parameters(made: Draws) -> pd.DataFrame:
    """One row per draw and factor: the weights' factors by name, the choices in words."""
    count = len(made)

    def rows(factor: str, ids: Sequence[str], values: object, choices: object) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "draw": np.repeat(made.numbers, len(ids)),
                "factor": factor,
                "name": np.tile(np.array(ids, dtype=object), count),
                "value": values,
                "choice": choices,
            }
        )

    areas = np.array([*made.names.areas, None], dtype=object)  # -1 is the last: nothing left out
    return pd.concat(
        [
            rows("area_weight", made.names.areas, made.area_weight.ravel(), None),
            rows("indicator_weight", made.names.indicators, made.indicator_weight.ravel(), None),
            rows("left_out", [""], np.nan, areas[made.left_out]),
            *(rows(name, [""], np.nan, getattr(made, name)) for name in draws.CHOICES),
        ],
        ignore_index=True,
    )
