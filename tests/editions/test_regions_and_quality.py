"""Regions and the tables about the index itself, against what the other files of the editions say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import catalog, published, whatif
from pipeline.composite import aggregation

CATALOG = catalog.load()
YEARS = sorted(CATALOG.editions)
KREIS_SOEST = (  # Gemeindeverzeichnis 31.12.2021: Anröchte to Wickede (Ruhr)
    "05974004", "05974008", "05974012", "05974016", "05974020", "05974024", "05974028",
    "05974032", "05974036", "05974040", "05974044", "05974048", "05974052", "05974056",
)  # fmt: skip
FIVE = ("05958004", "05970004", "05962040", "05966024", "05974040")  # Arnsberg, Bad Berleburg, Menden, Olpe, Soest


def rows(db: Any, sql: str) -> list[tuple[Any, ...]]:
    return list(db.execute(sql).fetchall())


def one(db: Any, sql: str) -> tuple[Any, ...]:
    (row,) = rows(db, sql)
    return row


# regions


@pytest.mark.parametrize(
    ("kind", "key", "name", "members"),
    [
        ("district", "05974", "Soest", KREIS_SOEST),
        ("smart_region", "MPSC19-suedwestfalen", "5 für Südwestfalen: digital, nachhaltig, authentisch", FIVE),
    ],
)
@pytest.mark.parametrize("year", [2019, 2021])
def test_a_regions_score_is_its_members_mean_by_inhabitants(
    db: Any, kind: str, key: str, name: str, members: tuple[str, ...], year: int
) -> None:
    """Done by hand: the members as the sources name them, their published scores and inhabitants."""
    places = rows(
        db, f"select population, score from rankings where edition_year = {year} and league = 'germany' and ags in {members}"
    )
    assert len(places) == len(members)
    inhabitants = sum(population for population, _ in places)
    expected = sum(population * score for population, score in places) / inhabitants
    found = one(
        db,
        "select region_name, members, members_scored, population, share_scored, score, status from regions "
        f"where edition_year = {year} and region_kind = '{kind}' and region_key = '{key}'",
    )
    assert found == (name, len(members), len(members), inhabitants, 1, pytest.approx(expected, abs=1e-9), "ranked")


def test_who_takes_part_in_5_fuer_suedwestfalen_and_from_when(db: Any) -> None:
    sql = "select edition_year, ags, role, named_as from region_members where region_key = 'MPSC19-suedwestfalen'"
    expected = {(year, ags, "member", "municipality") for year in (2019, 2020, 2021) for ags in FIVE}
    assert set(rows(db, sql)) == expected
    lead = "select distinct lead_name, year from regions where region_key = 'MPSC19-suedwestfalen'"
    assert one(db, lead) == ("Südwestfalen Agentur", 2019)


def test_a_district_that_takes_part_stands_for_its_municipalities_and_who_is_named_has_the_own_role(db: Any) -> None:
    """Soest leads, Iserlohn and Lippstadt are named, and Kreis Soest is."""
    sql = "select ags, role, named_as from region_members where edition_year = 2021 and region_key = 'DMR-NRW-soest'"
    named = {"05974040": "lead", "05962024": "member", "05974028": "member"}
    others = [(ags, "member", "district") for ags in KREIS_SOEST if ags not in named]
    assert sorted(rows(db, sql)) == sorted([*((ags, role, "municipality") for ags, role in named.items()), *others])


def test_an_association_that_takes_part_stands_for_its_municipalities(db: Any) -> None:
    """Three Samtgemeinden of the Osnabrück co-operation, with three or four municipalities each."""
    sql = """
      select count(*), list_sort(list(distinct name)) from region_members
      where edition_year = 2021 and region_key = 'MPSC20-osnabrueck' and named_as = 'association'
    """
    count, names = one(db, sql)
    assert count == 10
    assert {"Bippen", "Badbergen", "Merzen"} <= {name.split(",")[0] for name in names}


def test_the_five_model_regions_of_nrw_and_kielregion_are_there(db: Any) -> None:
    sql = """
      select region_key, members from regions
      where edition_year = 2021 and (region_key like 'DMR-NRW-%' or region_key = 'MPSC20-kiel') order by 1
    """
    assert rows(db, sql) == [
        ("DMR-NRW-aachen", 10), ("DMR-NRW-gelsenkirchen", 12), ("DMR-NRW-paderborn", 11), ("DMR-NRW-soest", 15),
        ("DMR-NRW-wuppertal", 3), ("MPSC20-kiel", 251),
    ]  # fmt: skip


def test_districts_and_lands_are_all_of_germany_once(db: Any) -> None:
    """Their inhabitants add up to the nation's, and each municipality is in exactly one of each kind."""
    nation = rows(
        db,
        "select edition_year, count(*), sum(population) from rankings where league = 'germany' group by all order by all",
    )
    assert len(nation) == len(YEARS)
    for kind in ("district", "land"):
        sql = f"select edition_year, sum(members), sum(population) from regions where region_kind = '{kind}' group by all"
        assert sorted(rows(db, sql)) == nation
        twice = f"""
          select count(*) from (
            select ags from region_members where region_kind = '{kind}' group by edition_year, ags having count(*) <> 1
          )
        """
        assert one(db, twice) == (0,)
    lands = "select edition_year, count(*) from regions where region_kind = 'land' group by all order by all"
    assert rows(db, lands) == [(year, 16) for year in YEARS]


def test_no_region_and_no_member_stands_twice(db: Any) -> None:
    for table, key in (("regions", "region_kind, region_key"), ("region_members", "region_kind, region_key, ags")):
        assert one(db, f"select count(*), count(distinct (edition_year, {key})) from {table}")[0] > 0
        assert one(db, f"select count(*) = count(distinct (edition_year, {key})) from {table}") == (True,)
    lost = """
      select count(*) from regions anti join (
        select edition_year, region_kind, region_key, count(*) as members from region_members group by all
      ) using (edition_year, region_kind, region_key, members)
      where status <> 'no_members'
    """
    assert one(db, lost) == (0,)


def test_a_region_of_one_place_has_the_places_score(db: Any) -> None:
    sql = """
      select count(*), max(abs(regions.score - rankings.score)), max(abs(regions.score_potential - rankings.score_potential))
      from regions
      join region_members using (edition_year, region_kind, region_key)
      join rankings on rankings.edition_year = regions.edition_year and rankings.ags = region_members.ags
      where regions.members = 1 and rankings.league = 'germany' and rankings.status = 'ranked'
    """
    count, score, potential = one(db, sql)
    assert count > 4 * 90
    assert score < 1e-9
    assert potential < 1e-9


def test_ranks_are_among_the_kind_and_whoever_has_none_is_told_why(db: Any) -> None:
    wrong = """
      select count(*) from (
        select rank, rank() over (partition by edition_year, region_kind order by score desc) as expected
        from regions where status = 'ranked'
      ) where rank <> expected
    """
    assert one(db, wrong) == (0,)
    least = CATALOG.methods["default"].region_minimum_share
    assert one(
        db,
        f"""
        select bool_and((status = 'ranked') = (rank is not null)), bool_and((status = 'ranked') = (score is not null)),
          bool_and((status = 'ranked') = (reason = '')), bool_and((status = 'ranked') = coalesce(share_scored >= {least}, false)),
          bool_and((status = 'no_members') = (members = 0))
        from regions
        """,
    ) == (True, True, True, True, True)
    sql = "select status, reason from regions where edition_year = 2021 and region_key = 'MPSC21-rhein-neckar'"
    assert one(db, sql) == ("no_members", "the source names no municipality, association or district")
    told = "select count(*), min(reason) from regions where status = 'partly_scored'"
    count, reason = one(db, told)
    assert count > 0
    assert "of its inhabitants live in members with a score, 90% are needed" in reason


def test_the_share_with_a_score_is_that_of_the_ranked_members(db: Any) -> None:
    sql = """
      select count(*), max(abs(share_scored - share)), max(abs(members_scored - scored))
      from regions
      join (
        select region_members.edition_year, region_kind, region_key,
          sum(population) filter (where status = 'ranked') / sum(population) as share,
          count(*) filter (where status = 'ranked') as scored
        from region_members
        join rankings using (edition_year, ags)
        where league = 'germany'
        group by all
      ) as expected using (edition_year, region_kind, region_key)
      where share is not null
    """
    count, share, scored = one(db, sql)
    assert count > 1600
    assert share < 1e-9
    assert scored == 0


def test_intervals_of_regions_are_in_their_order_and_say_something(db: Any) -> None:
    ordered = """
      select bool_and(rank_p05 <= rank_p50 and rank_p50 <= rank_p95 and score_p05 <= score_p50 and score_p50 <= score_p95),
        count(*) filter (where rank_p05 < rank_p95), count(*)
      from regions where status = 'ranked'
    """
    is_ordered, uncertain, ranked = one(db, ordered)
    assert is_ordered
    assert uncertain > 0.9 * ranked
    inside = "select count(*) / (select count(*) from regions where status = 'ranked') from regions where rank between rank_p05 and rank_p95"
    assert one(db, inside)[0] > 0.8


# coverage


def test_every_place_is_counted_once_per_indicator(db: Any) -> None:
    parts = "places_own + places_carried_forward + places_association + places_district + places_imputed + places_missing"
    assert one(db, f"select count(*), bool_and({parts} = places) from quality_coverage") == (
        one(db, "select count(*) from quality_coverage")[0], True,
    )  # fmt: skip
    places = rows(db, "select edition_year, count(*) from rankings where league = 'germany' group by all order by all")
    sql = "select edition_year, min(n), max(n), count(*) from (select edition_year, sum(places) as n from quality_coverage group by edition_year, indicator_id) group by all order by all"
    assert rows(db, sql) == [(year, n, n, len(CATALOG.sorted_indicators)) for year, n in places]
    assert one(db, "select bool_and(abs(share_own_values + share_inherited_values + share_imputed_values + share_missing_values - 1) < 1e-9) from quality_coverage") == (True,)


def test_coverage_says_what_the_values_say(db: Any) -> None:
    """Cell by cell from the indicators' file: who inherits from whom, what is carried, imputed, missing or older."""
    expected = """
      select i.edition_year, i.indicator_id, r.size_class,
        count(*) filter (where value_status = 'inherited' and level = 'association') as places_association,
        count(*) filter (where value_status = 'inherited' and level = 'district') as places_district,
        count(*) filter (where value_status = 'carried_forward') as places_carried_forward,
        count(*) filter (where value_status = 'imputed') as places_imputed,
        count(*) filter (where value is null) as places_missing,
        count(*) filter (where value_unshrunk is not null and reference_year < i.edition_year) as places_older
      from indicators as i
      join rankings as r on r.edition_year = i.edition_year and r.ags = i.ags and r.league = 'germany'
      group by all
    """
    columns = "places_association, places_district, places_carried_forward, places_imputed, places_missing, places_older"
    key = "edition_year, indicator_id, coalesce(size_class, 'no_population') as size_class"
    assert one(
        db,
        f"select count(*) from (select {key}, {columns} from quality_coverage except select {key}, {columns} from ({expected}))",
    ) == (0,)
    assert one(db, f"select min(total) > 0 from (unpivot (select {', '.join(f'sum({c}) as {c}' for c in columns.split(', '))} from quality_coverage) on * into name n value total)") == (True,)


def test_the_share_imputed_is_the_weight_of_imputed_values(db: Any) -> None:
    for league, weight in (("germany", "weight_effective"), ("city_30k", "weight_effective_city")):
        sql = f"""
          select count(*), max(abs(share_imputed - share)), count(*) filter (where share > 0) from (
            select r.share_imputed, coalesce(sum({weight}) filter (where value_status = 'imputed'), 0) as share
            from rankings as r
            join indicators as i using (edition_year, ags)
            where r.league = '{league}' and r.status = 'ranked'
            group by r.edition_year, r.ags, r.share_imputed
          )
        """
        count, difference, imputed = one(db, sql)
        assert count > 1500
        assert difference < 1e-9
        assert imputed > 0


# how the index holds together


def normalised(db: Any, year: int, league: str, area: str) -> np.ndarray:
    """(ranked places, scored indicators) of an area."""
    indicator_set = CATALOG.leagues[league].indicator_set
    cells = rows(
        db,
        f"""
        select list(i.normalised order by i.indicator_id)
        from indicators as i
        join weights as w using (edition_year, indicator_id)
        join rankings as r using (edition_year, ags)
        where edition_year = {year} and r.league = '{league}' and r.status = 'ranked' and w.indicator_set = '{indicator_set}'
          and w.status = 'scored' and w.area = '{area}'
        group by ags
        """,
    )
    return np.array([cell for (cell,) in cells])


@pytest.mark.parametrize(("year", "league"), [(2018, "germany"), (2021, "city_30k")])
@pytest.mark.parametrize("area", ["education", "health", "society_economy"])
def test_alpha_and_correlations_are_those_of_the_published_scores(db: Any, year: int, league: str, area: str) -> None:
    items = normalised(db, year, league, area)
    matrix = np.cov(items, rowvar=False)
    count = len(matrix)
    alpha = count / (count - 1) * (1 - np.trace(matrix) / matrix.sum())
    where = f"edition_year = {year} and league = '{league}'"
    found = one(db, f"select items, places, cronbach_alpha from quality_areas where {where} and area = '{area}'")
    assert found == (count, len(items), pytest.approx(alpha, abs=2e-6))
    ranked = "select * from quality_correlations where scope = 'within_area'"
    sql = f"""
      select max(abs(c.rank_correlation - expected.value)), count(*) from ({ranked}) as c
      join (
        select a.indicator_id as item, b.indicator_id as other, corr(a.place, b.place) as value
        from ranked_cells as a
        join ranked_cells as b using (ags)
        group by all
      ) as expected using (item, other)
      where c.edition_year = {year} and c.league = '{league}'
    """
    indicator_set = CATALOG.leagues[league].indicator_set
    db.execute(
        f"""
        create or replace temp table ranked_cells as
        select i.ags, i.indicator_id,
          rank() over same + (count(*) over (partition by i.indicator_id, i.normalised) - 1) / 2 as place
        from indicators as i
        join weights as w using (edition_year, indicator_id)
        join rankings as r using (edition_year, ags)
        where edition_year = {year} and r.league = '{league}' and r.status = 'ranked' and w.indicator_set = '{indicator_set}'
          and w.status = 'scored' and w.area = '{area}'
        window same as (partition by i.indicator_id order by i.normalised)
        """
    )
    difference, pairs = one(db, sql)
    assert pairs == count * (count - 1) / 2
    assert difference < 2e-6


@pytest.mark.parametrize("league", ["germany", "city_30k"])
def test_ranks_without_an_area_are_those_that_whatif_gives(editions: Path, db: Any, league: str) -> None:
    with published.connect(published.folder(editions, 2021), *whatif.FILES) as edition:
        of_league = whatif.read(edition, league, CATALOG.leagues[league].indicator_set)
    found = rows(
        db,
        "select left_out, shift_mean, shift_median, shift_p95, shift_max, ags, rank_without, weight from quality_leave_out "
        f"where edition_year = 2021 and league = '{league}' and left_out_kind = 'area' order by left_out",
    )
    assert [row[0] for row in found] == of_league.areas
    for area, mean, median, p95, largest, ags, rank_without, weight in found:
        answer = whatif.answer(of_league, whatif.Question(league, {}, without=[area]))
        moved = np.abs(answer.rank - of_league.rank)
        assert (mean, median, p95, largest) == pytest.approx(
            (moved.mean(), np.median(moved), np.quantile(moved, 0.95), moved.max()), abs=1e-6
        )
        assert answer.rank[of_league.ags.index(ags)] == rank_without
        assert weight == pytest.approx(of_league.weight[of_league.area == of_league.areas.index(area)].sum())


def test_ranks_without_an_indicator_are_those_of_the_method_without_its_values(editions: Path, db: Any) -> None:
    with published.connect(published.folder(editions, 2021), *whatif.FILES) as edition:
        of_league = whatif.read(edition, "city_30k", "city")
    found = dict(
        rows(
            db,
            "select left_out, shift_mean from quality_leave_out "
            "where edition_year = 2021 and league = 'city_30k' and left_out_kind = 'indicator'",
        )
    )
    assert sorted(found) == of_league.indicators
    for k, name in enumerate(of_league.indicators):
        scale = of_league.normalised.copy()
        scale[:, k] = np.nan
        weight = aggregation.unit_weights(~np.isnan(scale), of_league.weight, of_league.area)
        scores = np.round(aggregation.weighted_mean(scale, weight), 10)
        rank = 1 + (scores[None, :] > scores[:, None]).sum(axis=1)
        assert found[name] == pytest.approx(np.abs(rank - of_league.rank).mean(), abs=1e-6)


def test_every_scored_indicator_and_area_is_in_the_tables(db: Any) -> None:
    for league in ("germany", "city_30k"):
        scored = f"""
          select edition_year, indicator_id from weights
          where indicator_set = '{CATALOG.leagues[league].indicator_set}' and status = 'scored'
        """
        for sql in (
            f"select edition_year, left_out from quality_leave_out where league = '{league}' and left_out_kind = 'indicator'",
            f"select edition_year, item from quality_correlations where league = '{league}' and scope = 'with_area'",
            f"select edition_year, item from quality_correlations where league = '{league}' and scope = 'with_total'",
        ):
            assert sorted(rows(db, sql)) == sorted(rows(db, scored))
        totals = f"select count(*), count(cronbach_alpha) from quality_areas where league = '{league}' and area = 'total'"
        assert one(db, totals) == (len(YEARS), len(YEARS))
