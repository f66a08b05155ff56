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
        db,
        "select population, score from rankings "
        f"where edition_year = {year} and league = 'germany' and ags in {members}",
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


def test_an_association_is_closer_than_its_district(db: Any) -> None:
    """Kreis Mayen-Koblenz leads, and all its Verbandsgemeinden and towns are named: nobody is in it by the district."""
    sql = """
      select role, named_as, count(*) from region_members
      where edition_year = 2021 and region_key = 'MPSC20-mayen-koblenz' group by all order by all
    """
    assert rows(db, sql) == [("member", "association", 84), ("member", "municipality", 3)]
    of_district = "select members from regions where edition_year = 2021 and region_key = '07137'"
    assert one(db, of_district) == (84 + 3,)


def test_a_co_operation_is_a_region_from_its_selection_on(db: Any) -> None:
    sql = """
      select count(*), bool_and(first = greatest(year, 2018)), bool_and(years = 2021 - first + 1) from (
        select region_key, year, min(edition_year) as first, count(*) as years
        from regions where region_kind = 'smart_region' group by all
      )
    """
    assert one(db, sql) == (67, True, True)


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
        "select edition_year, count(*), sum(population) from rankings where league = 'germany' "
        "group by all order by all",
    )
    assert len(nation) == len(YEARS)
    for kind in ("district", "land"):
        sql = (
            f"select edition_year, sum(members), sum(population) from regions where region_kind = '{kind}' group by all"
        )
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
      select count(*), max(abs(regions.score - rankings.score)),
        max(abs(regions.score_potential - rankings.score_potential))
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
          bool_and((status = 'ranked') = (reason = '')),
          bool_and((status = 'ranked') = coalesce(share_scored >= {least}, false)),
          bool_and((status = 'no_members') = (members = 0))
        from regions
        """,
    ) == (True, True, True, True, True)
    sql = """
      select list(region_name order by region_name), min(reason) from regions
      where edition_year = 2021 and status = 'no_members'
    """
    assert one(db, sql) == (
        ["RegioENERGIE", "Regionalverband Nordschwarzwald", "Verband Region Rhein-Neckar", "Wirtschaftsraum Rendsburg"],
        "the source names no municipality, association or district",
    )  # nobody else's members are lost: what is named with a key is found
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
      select bool_and(rank_p05 <= rank_p50 and rank_p50 <= rank_p95),
        bool_and(score_p05 <= score_p50 and score_p50 <= score_p95),
        count(*) filter (where rank_p05 < rank_p95), count(*)
      from regions where status = 'ranked'
    """
    are_ranks_ordered, are_scores_ordered, uncertain, ranked = one(db, ordered)
    assert are_ranks_ordered
    assert are_scores_ordered
    assert uncertain > 0.9 * ranked
    inside = "select avg(cast(rank between rank_p05 and rank_p95 as int)) from regions where status = 'ranked'"
    assert one(db, inside)[0] > 0.8


# coverage


def test_every_place_is_counted_once_per_indicator(db: Any) -> None:
    parts = "places_own + places_carried_forward + places_association + places_district"
    cells = f"""
      select edition_year, indicator_id, sum(places) as places, bool_and(
        {parts} + places_imputed + places_missing = places
        and abs(share_own_values + share_inherited_values + share_imputed_values + share_missing_values - 1) < 1e-9
      ) as is_whole
      from quality_coverage
      group by edition_year, indicator_id
    """
    places = rows(db, "select edition_year, count(*) from rankings where league = 'germany' group by all order by all")
    found = f"""
      select edition_year, min(places), max(places), count(*), bool_and(is_whole)
      from ({cells}) group by edition_year order by edition_year
    """
    assert rows(db, found) == [(year, n, n, len(CATALOG.sorted_indicators), True) for year, n in places]


def test_coverage_says_what_the_values_say(db: Any) -> None:
    """Cell by cell from the indicators' file: who inherits from whom, what is carried, imputed, missing or older."""
    counts = {
        "places_association": "i.value_status = 'inherited' and i.level = 'association'",
        "places_district": "i.value_status = 'inherited' and i.level = 'district'",
        "places_carried_forward": "i.value_status = 'carried_forward'",
        "places_imputed": "i.value_status = 'imputed'",
        "places_missing": "i.value is null",
        "places_older": "i.value_unshrunk is not null and i.reference_year < i.edition_year",
    }
    expected = f"""
      select i.edition_year, i.indicator_id, coalesce(r.size_class, 'no_population') as size_class,
        {", ".join(f"count(*) filter (where {condition}) as {name}" for name, condition in counts.items())}
      from indicators as i
      join rankings as r on r.edition_year = i.edition_year and r.ags = i.ags and r.league = 'germany'
      group by all
    """
    found = f"select edition_year, indicator_id, size_class, {', '.join(counts)} from quality_coverage"
    assert one(db, f"select count(*) from ({found} except {expected})") == (0,)
    assert one(db, f"select count(*) from ({expected} except {found})") == (0,)
    total = f"select {', '.join(f'sum({name}) > 0' for name in counts)} from quality_coverage"
    assert one(db, total) == (True,) * len(counts)


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


def scored_cells(year: int, league: str, area: str) -> str:
    """ags, indicator_id and score of an area's scored indicators, for the ranked places of a league."""
    return f"""
      select i.ags, i.indicator_id, i.normalised
      from indicators as i
      join weights as w using (edition_year, indicator_id)
      join rankings as r using (edition_year, ags)
      where edition_year = {year} and r.league = '{league}' and r.status = 'ranked'
        and w.indicator_set = '{CATALOG.leagues[league].indicator_set}' and w.status = 'scored' and w.area = '{area}'
    """


@pytest.mark.parametrize(("year", "league"), [(2018, "germany"), (2021, "city_30k")])
@pytest.mark.parametrize("area", ["education", "health", "society_economy"])
def test_alpha_and_correlations_are_those_of_the_published_scores(db: Any, year: int, league: str, area: str) -> None:
    cells, where = scored_cells(year, league, area), f"edition_year = {year} and league = '{league}'"
    lists = f"select list(normalised order by indicator_id) from ({cells}) group by ags"
    matrix = np.cov(np.array([list_ for (list_,) in rows(db, lists)]), rowvar=False)
    count = len(matrix)
    alpha = count / (count - 1) * (1 - np.trace(matrix) / matrix.sum())
    places = one(db, f"select count(*) from rankings where {where} and status = 'ranked'")[0]
    found = one(db, f"select items, places, cronbach_alpha from quality_areas where {where} and area = '{area}'")
    assert found == (count, places, pytest.approx(alpha, abs=2e-6))
    pairs = f"""
      with ranked as (
        select ags, indicator_id,
          rank() over (partition by indicator_id order by normalised)
            + (count(*) over (partition by indicator_id, normalised) - 1) / 2 as place
        from ({cells})
      ),
      expected as (
        select a.indicator_id as item, b.indicator_id as other, corr(a.place, b.place) as value
        from ranked as a
        join ranked as b using (ags)
        group by all
      )
      select count(*), max(abs(rank_correlation - value))
      from quality_correlations
      join expected using (item, other)
      where {where} and scope = 'within_area'
    """
    assert one(db, pairs) == (count * (count - 1) / 2, pytest.approx(0, abs=2e-6))


@pytest.mark.parametrize("league", ["germany", "city_30k"])
def test_ranks_without_an_area_are_those_that_whatif_gives(editions: Path, db: Any, league: str) -> None:
    with published.connect(published.folder(editions, 2021), *whatif.FILES) as edition:
        of_league = whatif.read(edition, league, CATALOG.leagues[league].indicator_set)
    found = rows(
        db,
        "select left_out, shift_mean, shift_median, shift_p95, shift_max, ags, rank_without, weight "
        f"from quality_leave_out where edition_year = 2021 and league = '{league}' and left_out_kind = 'area' "
        "order by left_out",
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
        for column, table, kind in (
            ("left_out", "quality_leave_out", "left_out_kind = 'indicator'"),
            ("item", "quality_correlations", "scope = 'with_area'"),
            ("item", "quality_correlations", "scope = 'with_total'"),
        ):
            sql = f"select edition_year, {column} from {table} where league = '{league}' and {kind}"
            assert sorted(rows(db, sql)) == sorted(rows(db, scored))
        totals = f"""
          select count(*), count(cronbach_alpha) from quality_areas where league = '{league}' and area = 'total'
        """
        assert one(db, totals) == (len(YEARS), len(YEARS))
