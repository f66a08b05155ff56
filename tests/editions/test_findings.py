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
