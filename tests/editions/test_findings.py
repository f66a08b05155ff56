"""What the published editions say about size, and that what-if starts from what is published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import catalog, published, whatif

CATALOG = catalog.load()
YEARS = sorted(CATALOG.editions)


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("league", sorted(CATALOG.leagues))
def test_what_if_with_nothing_changed_gives_the_published_ranks(editions: Path, year: int, league: str) -> None:
    with published.connect(published.folder(editions, year), *whatif.FILES) as edition:
        read = whatif.read(edition, league, CATALOG.leagues[league].indicator_set)
    found = whatif.answer(read, whatif.Question(league, {}))
    assert found.rank.tolist() == read.rank.tolist()
    np.testing.assert_allclose(found.score, read.score, atol=1e-8)


def test_the_published_line_is_that_of_the_published_scores(db: Any) -> None:
    sql = """
      select lines.slope, regr_slope(score, log10(population)), lines.r2, regr_r2(score, log10(population)),
        lines.n, count(score)
      from rankings join size as lines using (edition_year, league)
      where lines.measure = 'score' and lines.slope is not null
      group by edition_year, league, lines.slope, lines.r2, lines.n
    """
    found = db.execute(sql).fetchall()
    assert len(found) == len(YEARS) * len(CATALOG.leagues)
    for slope, expected, r2, expected_r2, n, places in found:
        assert slope == pytest.approx(expected, abs=2e-6)
        assert r2 == pytest.approx(expected_r2, abs=2e-6)
        assert n == places


def test_intervals_hold_their_slope_and_the_large_league_is_surer(db: Any) -> None:
    assert db.execute("select count(*) from size where not slope between slope_p05 and slope_p95").fetchall() == [(0,)]
    widths = "select league, avg(slope_p95 - slope_p05) from size where measure = 'score' group by league"
    width = dict(db.execute(widths).fetchall())
    assert width["germany"] < width["city_30k"] < width["size_500k"]


def test_size_adjusted_scores_keep_the_mean_and_know_nothing_of_size(db: Any) -> None:
    sql = """
      select count(*), max(abs(slope)), max(abs(gap)) from (
        select regr_slope(score_size_adjusted, log10(population)) as slope, avg(score_size_adjusted) - avg(score) as gap
        from rankings where score is not null group by edition_year, league
      )
    """
    groups, slope, gap = db.execute(sql).fetchall()[0]
    assert groups == len(YEARS) * len(CATALOG.leagues)
    assert slope < 1e-6
    assert gap < 1e-6


def test_size_adjusted_ranks_are_competition_ranks_of_their_scores(db: Any) -> None:
    sql = """
      select count(*) from (
        select rank_size_adjusted, rank,
          rank() over (partition by edition_year, league order by score_size_adjusted desc) as expected
        from rankings where status = 'ranked'
      ) where rank_size_adjusted is distinct from expected
    """
    assert db.execute(sql).fetchall() == [(0,)]
    unranked = "select count(*) from rankings where (rank is null) <> (rank_size_adjusted is null)"
    assert db.execute(unranked).fetchall() == [(0,)]


def test_every_question_is_answered_in_every_edition(db: Any) -> None:
    asked = db.execute(
        "select edition_year, list(distinct finding_id order by finding_id) from findings group by 1"
    ).fetchall()
    assert sorted(asked) == [(year, sorted(CATALOG.findings)) for year in YEARS]


def test_no_answer_claims_a_direction_that_its_interval_does_not_have(db: Any) -> None:
    wrong = """
      select count(*) from findings
      where (verdict = 'told_higher' and not estimate_p05 > 0) or (verdict = 'told_lower' and not estimate_p95 < 0)
        or (verdict = 'includes_zero' and not (estimate_p05 <= 0 and estimate_p95 >= 0))
        or (verdict in ('too_few', 'no_year_after') and estimate is not null)
        or (verdict in ('told_higher', 'told_lower') and not (placebo_p05 <= 0 and placebo_p95 >= 0))
    """
    assert db.execute(wrong).fetchall() == [(0,)]


def test_before_there_is_a_year_after_the_first_selection_nothing_is_said_of_funding(db: Any) -> None:
    sql = "select distinct edition_year, verdict from findings where finding_id in ('funding', 'regions') order by all"
    verdicts = db.execute(sql).fetchall()
    assert verdicts[:2] == [(2018, "no_year_after"), (2019, "no_year_after")]
    assert all(verdict != "no_year_after" for year, verdict in verdicts if year > 2019)


def test_compared_places_are_those_that_the_edition_names_as_funded(db: Any) -> None:
    """Digital projects of 2019 and 2020, places named themselves: no more can be compared, and most are."""
    sql = """
      select count(*) from (
        select ags from funding where edition_year = 2021 and programme_scope = 'digital'
        group by ags having min(year) in (2019, 2020)
      )
    """
    named = db.execute(sql).fetchall()[0][0]
    asked = db.execute(
        "select max(n_asked) from findings where finding_id = 'funding' and edition_year = 2021"
    ).fetchall()
    assert 0.9 * named <= asked[0][0] <= named


def test_a_town_whose_strategy_came_with_its_funding_is_not_counted(db: Any) -> None:
    """Soest adopted in 2020 the strategy that the model project of 2019 paid for; the few that are left are too few."""
    n, verdict, text = db.execute(
        "select n, verdict, statement_en from findings where finding_id = 'strategy' and edition_year = 2021"
    ).fetchall()[0]
    documented = "select count(*) from indicators where edition_year = 2021 and indicator_id = 'strategy_documented'"
    assert 0 < n < db.execute(f"{documented} and value = 1").fetchall()[0][0]
    assert verdict == "too_few"
    assert text.startswith("That cannot be told.")


def test_the_published_rank_correlation_is_that_of_the_published_ranks(db: Any) -> None:
    sql = """
      with pairs as (
        select edition_year, league,
          rank() over (partition by edition_year, league order by rank) as now,
          rank() over (partition by edition_year, league order by rank_previous) as before
        from rankings where rank is not null and rank_previous is not null and league in ('germany', 'city_30k')
      )
      select findings.estimate, corr(now, before), findings.n, count(*)
      from pairs join findings using (edition_year, league)
      where findings.outcome = 'rank_correlation'
      group by edition_year, league, findings.estimate, findings.n
    """
    found = db.execute(sql).fetchall()
    assert len(found) == 2 * (len(YEARS) - 1)
    for estimate, expected, n, places in found:
        assert estimate == pytest.approx(expected, abs=1e-4)  # ties differ between rank() and mid-ranks
        assert n == places
