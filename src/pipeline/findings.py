"""What the editions say about the questions of frame/findings.yml: tables to arrays, and back to tables.

Each question has its input in sql/5_findings and its estimate in composite/. A reading says no more than the estimate
carries, and "cannot be told" is one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import numpy as np
import pandas as pd

from pipeline import warehouse
from pipeline.catalog import Catalog, Finding
from pipeline.composite import agreement, association, matching, normalisation, size
from pipeline.composite.ranks import competition, rounded
from pipeline.composite.values import Bools, Floats, Ints
from pipeline.errors import CatalogError

LAYER = "5_findings"
SIZE, LINES, FREED = "finding__size", "size__lines", "size__scores"
DECIMALS = 6  # of estimates: the last bits of a sum differ between processors
MAIN_LEAGUES = ("germany", "city_30k")
REACHABLE = "charging_points"  # what a project of a town can move within a year or two
INDEX, UNREACHABLE = "index", "unreachable"  # the mean of all outcomes, and of those beyond any project's reach
FIRST_EAST = 11  # Land codes from Berlin on
TOLD_HIGHER, TOLD_LOWER = "told_higher", "told_lower"
TOO_FEW, INCLUDES_ZERO, TRENDS_DIFFER, NO_CHECK, NO_YEAR_AFTER, CONFOUNDED = (
    "too_few",
    "includes_zero",
    "trends_differ",
    "no_check",
    "no_year_after",
    "confounded",
)
UNREACHABLE_MOVED, UNREACHABLE_STILL = "unreachable_moved", "unreachable_still"
MATCHING_PARAMETERS = ("first_cohort", "minimum_projects", "controls", "caliper_size", "caliper_outcome", "same_land")
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "size": (),
    "funding": MATCHING_PARAMETERS,
    "regions": MATCHING_PARAMETERS,
    "strategy": (),
    "stability": ("moved_share",),
}


@dataclass(frozen=True)
class Result:
    """One estimate: what it is of, whether it can be told (`verdict`), and the words for its reading.

    placebo: the same estimate at a time at which nothing had happened, with its quantiles; n: places (treated ones
    where there are controls); n_asked: those that would have been compared had all found a match; n_projects: clusters.
    """

    league: str
    outcome: str
    comparison: str
    verdict: str
    estimate: float
    low: float
    high: float
    n: int
    first_year: int
    last_year: int
    placebo: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    n_asked: int | None = None
    n_projects: int | None = None
    words: Mapping[str, float | int] = field(default_factory=dict)


def inputs(catalog: Catalog) -> set[str]:
    """The tables that the findings of all editions read."""
    models = warehouse.layer(catalog, LAYER)
    return {LINES}.union(*map(warehouse.references, models.values())) - models.keys()


def find(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """From the scores of all editions, and their lines through size, to the table finding__results."""
    check_declared(catalog)
    models = {name: sql for name, sql in warehouse.layer(catalog, LAYER).items() if name != SIZE}
    warehouse.run(connection, models, keep=models)
    panel = read_panel(connection, catalog)
    rows = []
    for year in sorted(catalog.editions):
        found = {
            "size": list(_size_results(connection, catalog.findings["size"], year)),
            "funding": list(funding(panel, catalog.findings["funding"], year)),
            "regions": list(regions(panel, catalog.findings["regions"], year)),
            "strategy": list(_strategy(connection, catalog.findings["strategy"], year)),
            "stability": list(_stability(connection, catalog.findings["stability"], year)),
        }
        for name, results in found.items():
            rows += [_row(catalog, catalog.findings[name], year, result) for result in results]
    warehouse.table(
        connection, "finding__results", pd.DataFrame(rows).astype({"n_asked": "Int32", "n_projects": "Int32"})
    )


def check_declared(catalog: Catalog) -> None:
    """Every question that is computed is declared with the parameters that it asks for, and no other."""
    for name in sorted(PARAMETERS.keys() ^ catalog.findings.keys()):
        what = "is computed and not declared" if name in PARAMETERS else "is declared and nothing computes it"
        raise CatalogError(f"findings.yml: {name}: {what}")
    for name, wanted in PARAMETERS.items():
        given = catalog.findings[name].parameters
        if given.keys() != set(wanted):
            raise CatalogError(
                f"findings.yml: {name}: key 'parameters': expected {', '.join(wanted) or 'none'}, "
                f"found {', '.join(given) or 'none'}"
            )


def judge(estimate: float, low: float, high: float, is_enough: bool) -> str:
    """Whether an interval says anything: too few places, an interval that includes zero, or a direction."""
    if not is_enough or np.isnan([estimate, low, high]).any():
        return TOO_FEW
    if low <= 0 <= high:
        return INCLUDES_ZERO
    return TOLD_HIGHER if low > 0 else TOLD_LOWER


def _row(catalog: Catalog, finding: Finding, year: int, result: Result) -> dict[str, object]:
    """A result as it is published, with its reading in both languages; what rests on too few has no estimate."""
    numbers = [result.estimate, result.low, result.high, *result.placebo]
    if result.verdict == TOO_FEW:
        numbers = [np.nan] * len(numbers)
    league = catalog.leagues[result.league]
    estimate, low, high, *placebo = (None if np.isnan(number) else round(number, DECIMALS) for number in numbers)
    return {
        "edition_year": year,
        "finding_id": finding.id,
        "league": result.league,
        "outcome": result.outcome,
        "comparison": result.comparison,
        "question_de": finding.question_de,
        "question_en": finding.question_en,
        "statement_de": reading(finding, result, "de", league.label_de),
        "statement_en": reading(finding, result, "en", league.label_en),
        "verdict": result.verdict,
        "estimate": estimate,
        "estimate_p05": low,
        "estimate_p95": high,
        "unit": finding.units.get(result.outcome, finding.unit),
        "placebo": placebo[0],
        "placebo_p05": placebo[1],
        "placebo_p95": placebo[2],
        "n": result.n,
        "n_asked": result.n_asked,
        "n_projects": result.n_projects,
        "first_year": result.first_year,
        "last_year": result.last_year,
        "draws": finding.draws,
        "seed": finding.seed,
        "method_de": finding.method_de,
        "method_en": finding.method_en,
        "assumptions_de": finding.assumptions_de,
        "assumptions_en": finding.assumptions_en,
    }


def reading(finding: Finding, result: Result, language: str, league: str) -> str:
    """The two sentences for the verdict, with the numbers as the language writes them; a missing text is an error."""
    texts = finding.readings_de if language == "de" else finding.readings_en
    names = finding.names_de if language == "de" else finding.names_en
    if result.verdict not in texts:
        raise CatalogError(f"findings.yml: {finding.id}: key 'readings_{language}': no text for {result.verdict!r}")
    words: dict[str, float | int | str] = {
        "league": league,
        "outcome": names.get(result.outcome, result.outcome),
        "comparison": names.get(result.comparison, result.comparison),
        "estimate": result.estimate,
        "estimate_size": abs(result.estimate),
        "low": result.low,
        "high": result.high,
        "n": result.n,
        "asked": result.n_asked or 0,
        "projects": result.n_projects or 0,
        "first": str(result.first_year),
        "last": str(result.last_year),
        "before": str(result.last_year - 1),
        "placebo": result.placebo[0],
        **result.words,
    }
    try:
        return texts[result.verdict].format(**{name: _written(word, language) for name, word in words.items()})
    except KeyError as error:
        raise CatalogError(f"findings.yml: {finding.id}: {result.verdict}: no field {error} to fill in") from error


def _written(word: float | int | str, language: str) -> str:
    """A number of places as it is, any other with three digits; German with a comma, minus as it is printed."""
    if isinstance(word, str):
        return word
    decimals = 0 if isinstance(word, (int, np.integer)) else 1 if abs(word) >= 10 else 2 if abs(word) >= 1 else 3
    text = f"{word:,.{decimals}f}"
    if language == "de":
        text = text.translate(str.maketrans(",.", ".,"))
    return text.replace("-", "\N{MINUS SIGN}")


def measure_size(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """From scores to the tables LINES, lines through scores and size per edition year and league, and FREED, the scores
    without size."""
    warehouse.run(connection, {SIZE: catalog.sql[SIZE]})
    asked = catalog.findings["size"]
    found, freed = [], []
    for year, league, measures, places, points in _by_league(connection):
        population = places["population"].to_numpy(dtype=float)
        lines = size.lines(population, points, asked.draws, asked.seed + year, asked.minimum_places)
        found.append(
            pd.DataFrame(
                {
                    "edition_year": year,
                    "league": league,
                    "measure": measures,
                    "intercept": lines.intercept.round(DECIMALS),
                    "slope": lines.slope.round(DECIMALS),
                    "slope_p05": lines.slope_p05.round(DECIMALS),
                    "slope_p95": lines.slope_p95.round(DECIMALS),
                    "r2": lines.r2.round(DECIMALS),
                    "n": lines.n,
                }
            )
        )
        whole = measures.index("score")
        score = rounded(size.adjusted(population, points[:, whole], lines.slope[whole]))
        ranks = pd.Series(competition(score)).astype("Int32")
        freed.append(
            pd.DataFrame(
                {
                    "edition_year": year,
                    "league": league,
                    "ags_number": places["ags_number"].to_numpy(),
                    "score": score,
                    "rank": ranks.mask(ranks == 0),
                }
            )
        )
    warehouse.table(connection, LINES, pd.concat(found, ignore_index=True))
    warehouse.table(connection, FREED, pd.concat(freed, ignore_index=True))


def _by_league(
    connection: duckdb.DuckDBPyConnection,
) -> Iterator[tuple[int, str, list[str], pd.DataFrame, Floats]]:
    """Edition year, league, names of its measures, its places (population, ags_number), points (places, measures)."""
    leagues = connection.execute("select distinct edition_year, league from finding__size order by all").fetchall()
    for year, league in leagues:
        rows = warehouse.frame(
            connection,
            "select ags_number, population, measure, points from finding__size "
            f"where edition_year = {year} and league = {warehouse.literal(league)} order by ags_number, measure",
        )
        measures = sorted(rows["measure"].unique())
        points = rows["points"].to_numpy(dtype=float, na_value=np.nan).reshape(-1, len(measures))
        yield int(year), league, measures, rows.iloc[:: len(measures)], points


def _size_results(connection: duckdb.DuckDBPyConnection, finding: Finding, year: int) -> Iterator[Result]:
    """The line of the whole score, in the two leagues that hold places of all sizes."""
    for league in MAIN_LEAGUES:
        rows = connection.execute(
            "select slope, slope_p05, slope_p95, r2, n from size__lines "
            f"where edition_year = {year} and league = '{league}' and measure = 'score'"
        ).fetchall()
        for slope, low, high, r2, n in rows:
            verdict = judge(slope, low, high, n >= finding.minimum_places)
            share = 0 if np.isnan(r2) else round(100 * r2)
            words = {"r2": share, "rest": 100 - share}
            yield Result(league, "score", "larger_places", verdict, slope, low, high, n, year, year, words=words)


@dataclass(frozen=True)
class Panel:
    """Municipalities sorted by AGS with their own outcomes over the years, on the scale of the method (0 to 100).

    outcomes: name to (places, years), NaN where missing; population, land: (places,); is_own_district: (places,);
    standing: (places,) text; first_year: (places,) of funding, 0 for none; project: (places,) number, -1 for none;
    is_cooperation: (places,).
    """

    years: Ints
    outcomes: Mapping[str, Floats]
    population: Floats
    land: Ints
    is_own_district: Bools
    standing: Sequence[str]
    first_year: Ints
    project: Ints
    is_cooperation: Bools

    def has(self, standing: str) -> Bools:
        return np.array([word == standing for word in self.standing], dtype=bool)


def read_panel(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> Panel:
    """finding__treatments beside finding__outcomes, each outcome put on the scale of the newest edition's method."""
    places = warehouse.frame(
        connection, "select * replace (cast(land_code as integer) as land_code) from finding__treatments order by ags"
    )
    rows = warehouse.frame(connection, "from finding__outcomes")
    years = np.arange(rows["year"].min(), rows["year"].max() + 1)
    outcomes = {}
    for name, values in rows.groupby("outcome"):
        grid = values.pivot(index="ags", columns="year", values="value").reindex(index=places["ags"], columns=years)
        outcomes[str(name)] = _on_scale(catalog, str(name), grid.to_numpy(dtype=float))
    beyond = [values for name, values in outcomes.items() if name != REACHABLE]
    outcomes[INDEX] = np.mean(list(outcomes.values()), axis=0)
    outcomes[UNREACHABLE] = np.mean(beyond, axis=0)
    return Panel(
        years=years,
        outcomes=outcomes,
        population=places["population"].to_numpy(dtype=float),
        land=places["land_code"].to_numpy(dtype=np.int64),
        is_own_district=places["is_own_district"].to_numpy(dtype=bool),
        standing=places["standing"].tolist(),
        first_year=places["first_year"].fillna(0).to_numpy(dtype=np.int64),
        project=pd.factorize(places["project_id"], sort=True)[0].astype(np.int64),
        is_cooperation=places["is_cooperation"].to_numpy(dtype=bool),
    )


def _on_scale(catalog: Catalog, name: str, values: Floats) -> Floats:
    """(places, years) in the indicator's unit to points between its frozen bounds."""
    indicator = catalog.indicators[name]
    method = catalog.methods[catalog.editions[max(catalog.editions)].method]
    ends = np.array([indicator.goalposts or catalog.bounds[method.id].indicators[name]])
    is_log1p = np.full(values.shape[1], indicator.log1p)
    lower, upper = normalisation.treat(ends, np.full(2, indicator.log1p))[0]
    is_higher_better = np.full(values.shape[1], indicator.direction == "higher")
    treated = normalisation.treat(values, is_log1p)
    return normalisation.min_max(
        treated, np.full(values.shape[1], lower), np.full(values.shape[1], upper), is_higher_better
    )


def funding(panel: Panel, finding: Finding, year: int) -> Iterator[Result]:
    """Places first funded in a year that leaves a year after it, against places never funded."""
    yield from _against(panel, finding, year, panel.has("funded"), "unfunded")


def regions(panel: Panel, finding: Finding, year: int) -> Iterator[Result]:
    """Members of funded co-operations against towns of their size: never funded, and funded alone in the same year."""
    for comparison in ("unfunded", "funded_alone"):
        yield from _against(panel, finding, year, panel.has("funded") & panel.is_cooperation, comparison)


def _against(panel: Panel, finding: Finding, year: int, is_treated: Bools, comparison: str) -> Iterator[Result]:
    """What a project can reach, all outcomes, and the negative control: what no project can reach in the time. Where
    that moved too, the places differ by more than the project, and nothing else can be put down to it."""
    control = compare_funded(panel, finding, year, UNREACHABLE, is_treated, comparison)
    has_moved = control.verdict in (TOLD_HIGHER, TOLD_LOWER)
    for outcome in (REACHABLE, INDEX):
        result = compare_funded(panel, finding, year, outcome, is_treated, comparison)
        if result.verdict in (TOLD_HIGHER, TOLD_LOWER) and control.verdict != INCLUDES_ZERO:
            verdict = CONFOUNDED if has_moved or control.verdict == TRENDS_DIFFER else NO_CHECK
            result = replace(result, verdict=verdict)
        yield result
    if has_moved or control.verdict == INCLUDES_ZERO:
        control = replace(control, verdict=UNREACHABLE_MOVED if has_moved else UNREACHABLE_STILL)
    yield control


def compare_funded(
    panel: Panel, finding: Finding, year: int, outcome: str, is_treated: Bools, comparison: str
) -> Result:
    """Matched difference in differences up to `year`, cohort by cohort, with a placebo one year before each selection.

    A cohort are the places first funded in one year. Before: the three years before it; after: the years after it. The
    placebo takes the year before the selection for the one after, and matches on the three years before that.
    """
    cohorts = [int(g) for g in np.unique(panel.first_year[is_treated]) if g >= finding.parameters["first_cohort"]]
    cohorts = [cohort for cohort in cohorts if cohort < year]
    first_year = min(cohorts, default=year) - matching.YEARS_BEFORE
    asked, change, project, before, before_project = 0, [], [], [], []
    for cohort in cohorts:
        treated = is_treated & (panel.first_year == cohort)
        controls = panel.has("unfunded")
        if comparison == "funded_alone":
            controls = panel.has("funded") & ~panel.is_cooperation & (panel.first_year == cohort)
        after = panel.years[(panel.years > cohort) & (panel.years <= year)]
        sets, moved, available = _matched(panel, finding, outcome, treated, controls, cohort - 1, after)
        asked += available
        change.append(moved)
        project.append(panel.project[sets.treated])
        sets, moved, _ = _matched(panel, finding, outcome, treated, controls, cohort - 2, np.array([cohort - 1]))
        before.append(moved)
        before_project.append(panel.project[sets.treated])
    told = matching.effect(_joined(change), _joined(project).astype(np.int64), finding.draws, finding.seed)
    placebo = matching.effect(_joined(before), _joined(before_project).astype(np.int64), finding.draws, finding.seed)
    is_enough = told.n >= finding.minimum_places and told.clusters >= finding.parameters["minimum_projects"]
    verdict = judge(told.estimate, told.p05, told.p95, is_enough)
    if not cohorts:
        verdict = NO_YEAR_AFTER
    elif is_enough and placebo.n < finding.minimum_places:
        verdict = NO_CHECK
    elif is_enough and not placebo.p05 <= 0 <= placebo.p95:
        verdict = TRENDS_DIFFER
    return Result(
        "germany", outcome, comparison, verdict, told.estimate, told.p05, told.p95, told.n, first_year, year,
        placebo=(placebo.estimate, placebo.p05, placebo.p95), n_asked=asked, n_projects=told.clusters,
    )  # fmt: skip


def _joined(parts: Sequence[Floats | Ints]) -> Floats:
    return np.concatenate([np.asarray(part, dtype=float) for part in parts]) if parts else np.array([])


def _matched(
    panel: Panel, finding: Finding, outcome: str, treated: Bools, controls: Bools, last_before: int, after: Ints
) -> tuple[matching.Sets, Floats, int]:
    """Matched sets, what their treated place changed more (sets,), and how many treated places have own values."""
    values = panel.outcomes[outcome]
    level, trend, change = matching.before_and_after(values, panel.years, last_before, after)
    known = ~np.isnan(change)
    numbers = finding.parameters
    spread = [float(np.std(column[known])) if known.any() else 0.0 for column in (level, trend)]
    calipers = np.array([numbers["caliper_size"], *(numbers["caliper_outcome"] * max(s, 1e-9) for s in spread)])
    features = np.column_stack([np.log10(panel.population), level, np.where(known, trend, np.nan)])
    group = 2 * panel.land * int(numbers["same_land"]) + panel.is_own_district
    sets = matching.match(treated, controls, group, features, calipers, int(numbers["controls"]))
    return sets, matching.differences(change, sets), int((treated & known).sum())


def _strategy(connection: duckdb.DuckDBPyConnection, finding: Finding, year: int) -> Iterator[Result]:
    """Towns with a documented strategy against those without a known one, at equal size and in the same part."""
    rows = connection.execute(
        "select standing = 'strategy' as has, implemented, log10(population) as size, "
        f"cast(land_code as integer) >= {FIRST_EAST} as is_east from finding__strategies "
        f"where edition_year = {year} and standing <> 'strategy_with_funding' order by ags"
    ).fetchnumpy()
    has, outcome = np.asarray(rows["has"], dtype=bool), np.asarray(rows["implemented"], dtype=float)
    n, others = int(has.sum()), int((~has).sum())
    estimate = low = high = np.nan
    if n and others:
        covariates = np.column_stack([rows["size"], rows["is_east"]]).astype(float)
        estimate, low, high = association.adjusted_difference(
            outcome, has, covariates, finding.draws, finding.seed + year
        )
    verdict = judge(estimate, low, high, n >= finding.minimum_places)
    yield Result(
        "city_30k", "implemented", "none_known", verdict, estimate, low, high, n, year, year, words={"others": others}
    )


def _stability(connection: duckdb.DuckDBPyConnection, finding: Finding, year: int) -> Iterator[Result]:
    """Rank correlation with the year before, and the share of places that moved by more than a share of the league."""
    for league in MAIN_LEAGUES:
        rows = connection.execute(
            "select rank, rank_before, indicators_changed from finding__rank_changes "
            f"where edition_year = {year} and league = '{league}' order by ags_number"
        ).fetchnumpy()
        rank, before = (np.asarray(rows[name], dtype=float) for name in ("rank", "rank_before"))
        n, changed = len(rank), int(max(rows["indicators_changed"], default=0))
        if n < finding.minimum_places:
            for outcome in ("rank_correlation", "share_moved"):
                yield Result(league, outcome, "year_before", TOO_FEW, np.nan, np.nan, np.nan, n, year - 1, year)
            continue
        limit = int(np.ceil(finding.parameters["moved_share"] * n))
        moved = (np.abs(rank - before) > limit).astype(float)
        correlation = agreement.spearman(rank, before)
        seed = finding.seed + year
        for outcome, statistic in (
            ("rank_correlation", correlation),
            ("share_moved", lambda c, m=moved: c @ m / c.sum(1)),
        ):
            value, low, high = agreement.interval(statistic, n, finding.draws, seed)
            verdict = f"{outcome}_{'other_indicators' if changed else 'same_indicators'}"
            words = {
                "percent": 100 * value, "percent_low": 100 * low, "percent_high": 100 * high, "limit": limit,
                "changed": changed,
            }  # fmt: skip
            yield Result(league, outcome, "year_before", verdict, value, low, high, n, year - 1, year, words=words)
