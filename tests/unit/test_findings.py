"""Estimates on simulated places whose truth is known, and readings that say no more than the estimate carries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import catalog, findings
from pipeline.composite import association, matching
from pipeline.errors import CatalogError, PipelineError

CATALOG = catalog.load()
FUNDING, REGIONS = CATALOG.findings["funding"], CATALOG.findings["regions"]
YEARS = np.arange(2014, 2022)
NOTHING = float("nan")


def panel(
    seed: int, *, effect: float = 0.0, drift: float = 0.0, beyond: float = 0.0, funded: int = 60, per_project: int = 2
) -> findings.Panel:
    """1,200 places with a level, a trend and noise of their own. Funded ones (half in 2019, half in 2020; projects of
    `per_project` members share a shock) gain `effect` points in what a project can reach after their selection, and
    `beyond` points in what it cannot; `drift`: points a year that they gain more all the time, in the last years."""
    generator = np.random.default_rng(seed)
    places = 1200
    first_year = np.zeros(places, dtype=np.int64)
    first_year[:funded] = np.where(np.arange(funded) < funded // 2, 2019, 2020)
    project = np.where(np.arange(places) < funded, np.arange(places) // per_project, -1)
    shock = generator.normal(0, 1, max(funded, 1))[np.maximum(project, 0)] * (project >= 0)
    after = (first_year[:, None] > 0) & (first_year[:, None] < YEARS)
    bend = np.where(first_year[:, None] > 0, np.maximum(YEARS - (first_year[:, None] - 2), 0), 0)
    outcomes = {}
    for name, gain in ((findings.REACHABLE, effect), ("doctors", beyond), ("students", beyond)):
        level, trend = generator.normal(50, 8, places), generator.normal(1, 0.4, places)
        values = level[:, None] + trend[:, None] * (YEARS - 2014) + generator.normal(0, 1, (places, len(YEARS)))
        shared = shock[:, None] if name == findings.REACHABLE else 0.0
        outcomes[name] = values + after * (gain + shared) + drift * bend
    outcomes[findings.INDEX] = np.mean(list(outcomes.values()), axis=0)
    outcomes[findings.UNREACHABLE] = (outcomes["doctors"] + outcomes["students"]) / 2
    return findings.Panel(
        years=YEARS,
        outcomes=outcomes,
        population=10 ** generator.uniform(3, 5, places),
        land=generator.integers(1, 4, places),
        is_own_district=np.zeros(places, dtype=bool),
        standing=["funded" if year else "unfunded" for year in first_year],
        first_year=first_year,
        project=project,
        is_cooperation=np.full(places, per_project > 1) & (first_year > 0),
    )


def funded(found: findings.Panel, year: int = 2021) -> dict[str, findings.Result]:
    return {result.outcome: result for result in findings.funding(found, FUNDING, year)}


def test_a_known_effect_is_recovered_and_told_with_its_sign() -> None:
    fast = FUNDING.model_copy(update={"draws": 400})
    for effect, verdict in ((5.0, findings.TOLD_HIGHER), (-5.0, findings.TOLD_LOWER)):
        results = []
        for seed in range(40):
            found = panel(seed, effect=effect)
            treated = found.has("funded")
            results.append(findings.compare_funded(found, fast, 2021, findings.REACHABLE, treated, "unfunded"))
        assert np.mean([result.estimate for result in results]) == pytest.approx(effect, abs=0.25)
        assert {result.verdict for result in results} == {verdict, findings.TRENDS_DIFFER}
        told = sum(result.verdict == verdict for result in results)
        assert told >= 30, "the check of the years before stops one in ten by chance"


def test_without_an_effect_the_interval_includes_zero_in_nine_of_ten_replications() -> None:
    fast = FUNDING.model_copy(update={"draws": 400})
    hits = 0
    for seed in range(120):
        found = panel(seed)
        result = findings.compare_funded(found, fast, 2021, findings.REACHABLE, found.has("funded"), "unfunded")
        hits += int(result.low <= 0 <= result.high)
    assert 0.83 <= hits / 120 <= 0.97


def test_places_that_went_another_way_before_cannot_be_told() -> None:
    """To tell an effect would be wrong: the funded ones bend upwards two years before they are selected."""
    found = panel(3, drift=3.0)
    result = findings.compare_funded(found, FUNDING, 2021, findings.REACHABLE, found.has("funded"), "unfunded")
    assert result.low > 0, "the difference is there"
    assert result.verdict == findings.TRENDS_DIFFER
    assert result.placebo[1] > 0


def test_a_move_beyond_the_reach_of_a_project_takes_its_effect_away() -> None:
    alone, both = funded(panel(5, effect=6.0)), funded(panel(5, effect=6.0, beyond=6.0))
    assert alone[findings.REACHABLE].verdict == findings.TOLD_HIGHER
    assert alone[findings.UNREACHABLE].verdict == findings.UNREACHABLE_STILL
    assert both[findings.REACHABLE].verdict == findings.CONFOUNDED
    assert both[findings.UNREACHABLE].verdict == findings.UNREACHABLE_MOVED
    assert alone[findings.REACHABLE].estimate == pytest.approx(both[findings.REACHABLE].estimate, abs=1e-9)


@pytest.mark.parametrize(
    ("year", "options", "verdict"),
    [
        (2018, {}, findings.NO_YEAR_AFTER),
        (2019, {}, findings.NO_YEAR_AFTER),
        (2021, {"funded": 6}, findings.TOO_FEW),
        (2021, {"funded": 60, "per_project": 30}, findings.TOO_FEW),  # many places, two projects
        (2021, {"funded": 0}, findings.NO_YEAR_AFTER),
    ],
)
def test_too_few_places_or_projects_and_no_year_after_cannot_be_told(
    year: int, options: dict[str, Any], verdict: str
) -> None:
    assert funded(panel(2, effect=8.0, **options), year)[findings.REACHABLE].verdict == verdict


def test_without_three_years_before_there_is_nothing_to_compare() -> None:
    found = panel(2, effect=8.0)
    short = replace(found, outcomes={name: np.where(YEARS < 2018, np.nan, v) for name, v in found.outcomes.items()})
    result = funded(short)[findings.REACHABLE]
    assert (result.verdict, result.n, result.n_asked) == (findings.TOO_FEW, 0, 0)


def test_a_missing_year_before_the_placebo_means_that_nothing_can_be_checked() -> None:
    found = panel(2, effect=8.0)
    late = replace(found, outcomes={name: np.where(YEARS < 2017, np.nan, v) for name, v in found.outcomes.items()})
    late = replace(late, first_year=np.where(found.first_year > 0, 2020, 0))
    assert funded(late)[findings.REACHABLE].verdict == findings.NO_CHECK


def test_what_comes_after_the_edition_year_is_not_used() -> None:
    found = panel(7, effect=5.0)
    known = replace(found, outcomes={name: np.where(YEARS > 2020, 1e6, v) for name, v in found.outcomes.items()})
    for one, other in zip(funded(found, 2020).values(), funded(known, 2020).values(), strict=True):
        assert (one.estimate, one.low, one.n) == (other.estimate, other.low, other.n)


def test_members_are_compared_with_the_unfunded_and_with_those_funded_alone() -> None:
    found = panel(4, effect=5.0, funded=120)
    alone = np.arange(1200) % 2 == 0
    mixed = replace(found, is_cooperation=found.is_cooperation & ~alone, land=np.ones(1200, dtype=np.int64))
    results = {(r.comparison, r.outcome): r for r in findings.regions(mixed, REGIONS, 2021)}
    assert results["unfunded", findings.REACHABLE].estimate == pytest.approx(5.0, abs=1.0)
    assert abs(results["funded_alone", findings.REACHABLE].estimate) < 2.0, "both are funded, so there is no difference"
    assert len(results) == 6


@given(seed=st.integers(0, 10_000), controls=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_matches_are_alike_of_one_group_and_used_once(seed: int, controls: int) -> None:
    generator = np.random.default_rng(seed)
    features, group = generator.normal(size=(80, 2)), generator.integers(0, 3, 80)
    features[generator.random(80) < 0.1] = np.nan
    is_treated = generator.random(80) < 0.2
    is_control = ~is_treated & (generator.random(80) < 0.8)
    calipers = np.array([0.7, 0.4])
    sets = matching.match(is_treated, is_control, group, features, calipers, controls)
    used = sets.controls[sets.controls >= 0]
    assert len(used) == len(set(used.tolist()))
    assert is_control[used].all()
    assert is_treated[sets.treated].all()
    assert len(set(sets.treated.tolist())) == len(sets.treated)
    for unit, chosen in zip(sets.treated, sets.controls, strict=True):
        assert chosen[0] >= 0
        for other in chosen[chosen >= 0]:
            assert group[other] == group[unit]
            assert (np.abs(features[other] - features[unit]) <= calipers + 1e-12).all()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_order_of_places_does_not_decide_who_is_matched(seed: int) -> None:
    generator = np.random.default_rng(seed)
    features, group = generator.normal(size=(60, 2)), generator.integers(0, 2, 60)
    is_treated = np.arange(60) < 8
    order = generator.permutation(60)
    here = matching.match(is_treated, ~is_treated, group, features, np.array([5.0, 5.0]), 1)
    there = matching.match(
        is_treated[order], ~is_treated[order], group[order], features[order], np.array([5.0, 5.0]), 1
    )
    change = features[:, 0]
    assert len(here.treated) == len(there.treated)
    if len(np.unique([(group[~is_treated] == g).sum() for g in (0, 1)])) == 1:  # no two with equally many candidates
        return
    assert set(here.treated.tolist()) == set(order[there.treated].tolist())
    assert matching.differences(change, here).shape == matching.differences(change[order], there).shape


def test_a_set_with_fewer_controls_takes_the_mean_of_those_it_has() -> None:
    sets = matching.Sets(np.array([0, 1]), np.array([[2, 3], [4, -1]]))
    change = np.array([10.0, 20.0, 1.0, 3.0, 5.0])
    assert matching.differences(change, sets).tolist() == [8.0, 15.0]


def test_before_and_after_are_three_years_and_the_years_asked_for() -> None:
    values = np.array([[9.0, 1.0, 2.0, 3.0, 50.0, 8.0, 10.0], [9.0, 1.0, np.nan, 3.0, 50.0, 8.0, 10.0]])
    years = np.arange(2015, 2022)
    level, trend, change = matching.before_and_after(values, years, 2018, np.array([2020, 2021]))
    assert (level[0], trend[0], change[0]) == (2.0, 1.0, 7.0)
    assert np.isnan([level[1], change[1]]).all()
    for last_before, after in ((2016, [2020]), (2018, [2030])):
        assert np.isnan(matching.before_and_after(values, years, last_before, np.array(after))[2]).all()


def test_the_interval_of_few_projects_covers_and_draws_projects_not_places() -> None:
    hits = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        cluster = np.repeat(np.arange(15), 4)
        change = generator.normal(0, 1, 15)[cluster] + generator.normal(0, 0.2, 60)
        found = matching.effect(change, cluster, draws=300, seed=seed)
        hits += int(found.p05 <= 0 <= found.p95)
        apart = matching.effect(change, np.arange(60), draws=300, seed=seed)
        assert found.p95 - found.p05 > apart.p95 - apart.p05
    assert 0.84 <= hits / 300 <= 0.95


def test_one_project_has_no_interval_and_none_no_estimate() -> None:
    one = matching.effect(np.array([1.0, 2.0]), np.array([7, 7]), draws=100, seed=1)
    assert (one.estimate, one.clusters) == (1.5, 1)
    assert np.isnan([one.p05, one.p95]).all()
    assert np.isnan(matching.effect(np.array([]), np.array([], dtype=np.int64), draws=100, seed=1).estimate)
    assert findings.judge(1.5, NOTHING, NOTHING, is_enough=True) == findings.TOO_FEW


def test_a_caliper_of_zero_is_an_error() -> None:
    yes = np.array([True, False])
    with pytest.raises(PipelineError, match="calipers must be above 0"):
        matching.match(yes, ~yes, np.zeros(2, dtype=np.int64), np.zeros((2, 1)), np.array([0.0]), 1)


def test_a_difference_between_groups_is_told_apart_from_size() -> None:
    """Members are larger, and larger places score higher: the raw gap is twice the true one."""
    estimates, hits = [], 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        size = generator.uniform(4.5, 6.0, 150)
        has = generator.random(150) < 1 / (1 + np.exp(-4 * (size - 5.5)))
        outcome = 10 * size + 3.0 * has + generator.normal(0, 4, 150)
        found = association.adjusted_difference(outcome, has, size[:, None], draws=300, seed=seed)
        estimates.append(found[0])
        hits += int(found[1] <= 3.0 <= found[2])
    assert np.mean(estimates) == pytest.approx(3.0, abs=0.2)
    assert 0.83 <= hits / 200 <= 0.96


def test_groups_that_cannot_be_told_apart_have_no_difference() -> None:
    everyone = np.ones(20, dtype=bool)
    found = association.adjusted_difference(np.arange(20.0), everyone, np.zeros((20, 1)), draws=100, seed=1)
    assert np.isnan(found).all()


@pytest.mark.parametrize(
    ("interval", "is_enough", "verdict"),
    [
        ((2.0, 1.0, 3.0), True, findings.TOLD_HIGHER),
        ((-2.0, -3.0, -1.0), True, findings.TOLD_LOWER),
        ((2.0, -0.1, 4.0), True, findings.INCLUDES_ZERO),
        ((2.0, 0.0, 4.0), True, findings.INCLUDES_ZERO),
        ((2.0, 1.0, 3.0), False, findings.TOO_FEW),
        ((NOTHING, NOTHING, NOTHING), True, findings.TOO_FEW),
    ],
)
def test_an_interval_decides_what_can_be_told(
    interval: tuple[float, float, float], is_enough: bool, verdict: str
) -> None:
    assert findings.judge(*interval, is_enough) == verdict


@pytest.mark.parametrize("name", sorted(CATALOG.findings))
def test_every_reading_is_two_sentences_with_all_numbers_filled_in(name: str) -> None:
    finding = CATALOG.findings[name]
    words = {"r2": 24, "rest": 76, "others": 373, "percent": 30.1, "percent_low": 26.4, "percent_high": 34.2,
             "limit": 20, "changed": 7}  # fmt: skip
    for language, texts in (("de", finding.readings_de), ("en", finding.readings_en)):
        for verdict in texts:
            result = findings.Result("germany", "index", "unfunded", verdict, -1234.5, -2000.0, -0.25, 1234, 2018, 2021,
                                     (0.5, -1.0, 1.0), 2000, 30, words)  # fmt: skip
            text = findings.reading(finding, result, language, "League")
            assert text.count(". ") == 1
            assert text.endswith(".")
            assert "{" not in text
            assert " nan" not in text
            assert "told" not in verdict or "1,234" in text.replace(".", ",")


def test_numbers_are_written_as_the_language_writes_them() -> None:
    finding = CATALOG.findings["size"]
    result = findings.Result("germany", "score", "larger_places", "told_higher", 4.84, -0.25, 12.34, 10453, 2021, 2021,
                             words={"r2": 24, "rest": 76})  # fmt: skip
    assert "4,84 Punkte mehr (−0,250 bis 12,3)" in findings.reading(finding, result, "de", "Alle")
    assert "4.84 points more on average (−0.250 to 12.3)" in findings.reading(finding, result, "en", "All")


def test_a_verdict_without_a_text_or_a_field_is_an_error() -> None:
    finding = CATALOG.findings["size"]
    result = findings.Result("germany", "score", "larger_places", "perhaps", 1.0, 0.5, 1.5, 10, 2021, 2021)
    with pytest.raises(CatalogError, match=r"findings\.yml: size: .* no text for 'perhaps'"):
        findings.reading(finding, result, "de", "Alle")
    with pytest.raises(CatalogError, match="no field 'r2'"):
        findings.reading(finding, replace(result, verdict="told_higher"), "de", "Alle")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: {name: one for name, one in f.items() if name != "size"}, "size: is computed and not declared"),
        (lambda f: {**f, "luck": f["size"]}, "luck: is declared and nothing computes it"),
        (
            lambda f: {**f, "stability": f["stability"].model_copy(update={"parameters": {}})},
            "stability: key 'parameters': expected moved_share, found none",
        ),
    ],
)
def test_a_question_that_is_not_declared_as_it_is_computed_is_an_error(change: Any, message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        findings.check_declared(replace(CATALOG, findings=change(dict(CATALOG.findings))))
