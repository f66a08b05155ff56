"""The panel: all editions on the newest territory, on the published files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from tables import rows

from pipeline import catalog, panel, publish

CATALOG = catalog.load()
YEARS = sorted(CATALOG.editions)
IN_NO_MUNICIPALITY = {2018: 2870, 2019: 3553, 2020: 3220, 2021: 4841}  # Lohheide and Osterheide
IN_GERMANY = {2018: 83019213, 2019: 83166711, 2020: 83160230, 2021: 83237124}  # 2020: BBSR, 5,199 more than published


@pytest.fixture(scope="module")
def whole(db: duckdb.DuckDBPyConnection, editions: Path) -> duckdb.DuckDBPyConnection:
    db.execute(f"create or replace view panel as from read_parquet('{editions / panel.FILE}')")
    return db


def test_every_municipality_of_the_newest_list_stands_in_every_year_once(whole: Any) -> None:
    found = rows(whole, "select edition_year, count(*), count(distinct ags) from panel group by 1 order by 1")
    assert found == [(year, 10752, 10752) for year in YEARS]


@pytest.mark.parametrize("year", YEARS)
def test_nobody_is_lost_on_the_way_to_the_newest_territory(whole: Any, year: int) -> None:
    (moved,) = rows(
        whole, f"select sum(population_moved), count(population_moved) from panel where edition_year = {year}"
    )
    assert moved == (pytest.approx(IN_GERMANY[year] - IN_NO_MUNICIPALITY[year], abs=1e-3), 10752)


def test_a_place_that_never_changed_has_the_scores_and_ranks_of_its_editions(whole: Any) -> None:
    sql = (
        "select count(*), count(*) filter (where "
        "(panel.score, panel.score_potential, panel.score_implementation, panel.rank_germany) is distinct from "
        "(rankings.score, rankings.score_potential, rankings.score_implementation, rankings.rank)), "
        "count(*) filter (where (panel.reason = '') <> (rankings.status = 'ranked')) "
        "from panel join rankings using (edition_year, ags) "
        "where league = 'germany' and is_comparable and predecessors is null"
    )
    compared, *wrong = rows(whole, sql)[0]
    assert compared > 42_000
    assert wrong == [0, 0]


@pytest.mark.parametrize("league", sorted(CATALOG.leagues))
def test_the_panel_has_a_rank_for_every_league_and_a_score_for_every_area(whole: Any, league: str) -> None:
    ranked = f"from rankings where league = '{league}' and edition_year = 2021 and rank is not null"
    (found,) = rows(whole, f"select count(rank_{league}) from panel where edition_year = 2021")
    (listed,) = rows(whole, f"select count(*) {ranked}")
    assert listed[0] - 50 <= found[0] <= listed[0]
    assert found[0] > 0
    columns = {name for name, *_ in rows(whole, "describe panel")}
    assert {f"score_{area}" for area in CATALOG.areas} <= columns
    assert {f"rank_{league}" for league in CATALOG.leagues} == {name for name in columns if name.startswith("rank_")}


def test_area_scores_are_those_of_the_editions(whole: Any) -> None:
    for area in CATALOG.areas:
        sql = (
            f"select count(*), count(*) filter (where panel.score_{area} is distinct from area_scores.score) "
            "from panel join area_scores using (edition_year, ags) "
            f"where league = 'germany' and area = '{area}' and is_comparable and predecessors is null"
        )
        compared, wrong = rows(whole, sql)[0]
        assert wrong == 0, area
        assert compared > 0 or area in ("administration", "tourism"), area


def test_eisenach_has_the_ranks_that_it_had_under_its_old_key(whole: Any) -> None:
    found = rows(
        whole,
        "select panel.edition_year, predecessors, is_comparable, rank_germany is not distinct from rankings.rank "
        "from panel join rankings on rankings.edition_year = panel.edition_year and rankings.league = 'germany' "
        "and rankings.ags = coalesce(panel.predecessors, panel.ags) where panel.ags = '16063105' order by 1",
    )
    old = "16056000"
    assert found == [
        (2018, old, True, True),
        (2019, old, True, True),
        (2020, old, True, True),
        (2021, None, True, True),
    ]


def test_a_place_that_was_several_has_no_score_and_says_so(whole: Any) -> None:
    """Langelsheim took in Hahausen, Lutter and Wallmoden in 2021; Dingelstädt parts of Dünwald, Anrode and Rodeberg."""
    merged = rows(
        whole,
        "select is_comparable, score, rank_germany, predecessors, reason, population_moved from panel "
        "where ags = '03153019' and edition_year = 2020",
    )
    parts = "03153006, 03153007, 03153009, 03153014"
    assert merged == [(False, None, None, parts, "25.9 % of its inhabitants lived in other places", 15180.0)]
    (divided,) = rows(whole, "select predecessors from panel where ags = '16061118' and edition_year = 2021")
    assert divided == ("16061118, 16064014 (0.9668), 16064055 (0.7634), 16064073 (0.5415)",)


def test_no_score_stands_without_comparability_and_no_gap_without_a_reason(whole: Any) -> None:
    odd = "not is_comparable and (score is not null or rank_germany is not null) or (score is null) = (reason = '')"
    assert rows(whole, f"select edition_year, ags from panel where {odd}") == []
    few = "select edition_year, count(*) filter (where not is_comparable) from panel group by 1 order by 1"
    assert all(20 < count < 120 for _, count in rows(whole, few))


def test_the_panel_says_what_it_was_made_from(editions: Path) -> None:
    pairs = duckdb.execute(f"select key, value from parquet_kv_metadata('{editions / panel.FILE}')").fetchall()
    said = {key.decode(): value.decode() for key, value in pairs}
    assert said["editions"] == ", ".join(f"{year} {CATALOG.editions[year].revision}" for year in YEARS)
    assert said["licence"] == publish.LICENCE
    assert said["configuration_sha256"] == CATALOG.fingerprint


def test_a_moved_value_names_the_places_that_it_comes_from(db: Any) -> None:
    """Wartburgkreis in 2021: cars of Eisenach and of the district as it was; Göttingen: broadband under its old key."""
    cars = rows(
        db,
        "select distinct value_unshrunk = 100 * numerator / denominator, predecessors from indicators "
        "where edition_year = 2021 and indicator_id = 'battery_electric_cars' and ags like '16063%'",
    )
    assert cars == [(True, "16056, 16063")]
    broadband = rows(
        db,
        "select value_unshrunk, predecessors from indicators "
        "where edition_year = 2021 and indicator_id = 'broadband_50' and ags = '03159016'",
    )
    assert broadband == [(98.09, "03152012")]
    never = (
        "select count(*) from indicators where predecessors is not null and (value_unshrunk is null or level is null)"
    )
    assert rows(db, never) == [(0,)]
