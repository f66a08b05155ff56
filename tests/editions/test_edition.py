"""What the published editions promise, on all places and years."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from tables import rows

from pipeline import catalog, publish

CATALOG = catalog.load()
YEARS = sorted(CATALOG.editions)


def one(db: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    (row,) = db.execute(sql).fetchall()
    return row


@pytest.mark.parametrize(
    ("year", "league", "places"),
    [
        (2021, "germany", 10787),
        (2019, "germany", 10797),
        (2018, "germany", 11012),
        (2021, "city_30k", 402),
        (2018, "city_30k", 397),
    ],
)
def test_every_municipality_of_the_year_is_there(db: Any, year: int, league: str, places: int) -> None:
    found = one(
        db, f"select count(*), count(distinct ags) from rankings where edition_year = {year} and league = '{league}'"
    )
    assert found == (places, places)


@pytest.mark.parametrize(("ags", "population"), [("05974040", 47929), ("02000000", 1853935)])
def test_the_inhabitants_are_those_of_the_official_list(db: Any, ags: str, population: int) -> None:
    sql = f"select distinct population from rankings where edition_year = 2021 and ags = '{ags}'"
    assert one(db, sql) == (population,)


def test_the_key_is_always_eight_characters_of_text(db: Any) -> None:
    for table in ("rankings", "area_scores", "indicators", "funding"):
        assert one(db, f"select typeof(any_value(ags)), min(length(ags)), max(length(ags)) from {table}") == (
            "VARCHAR",
            8,
            8,
        )
    assert one(db, "select count(*) from rankings where unit_key <> 'ags:' || ags") == (0,)


def test_every_size_class_together_is_germany(db: Any) -> None:
    sizes = rows(db, "select edition_year, count(*) from rankings where league like 'size_%' group by all order by all")
    whole = rows(db, "select edition_year, count(*) from rankings where league = 'germany' group by all order by all")
    assert sizes == whole


def test_ranks_are_competition_ranks_of_the_published_scores(db: Any) -> None:
    wrong = """
      select count(*) from (
        select rank, rank() over (partition by edition_year, league order by score desc) as expected
        from rankings where status = 'ranked'
      ) where rank <> expected
    """
    assert one(db, wrong) == (0,)
    assert one(db, "select count(*) from rankings where (rank is null) <> (status <> 'ranked')") == (0,)
    assert one(db, "select count(*) from rankings where (score is null) <> (rank is null)") == (0,)


def test_no_rank_has_a_reason_that_its_values_bear_out(db: Any) -> None:
    """Each place without a rank fails a declared threshold, and each ranked place passes all of them."""
    method = CATALOG.methods["default"]
    by_area = """
      create or replace temp view thin as
      select i.edition_year, i.ags, w.indicator_set, w.area, count(i.value_unshrunk) / count(*) as share,
        count(i.value_unshrunk) as values_there, count(*) as scored
      from indicators as i
      join weights as w using (edition_year, indicator_id)
      where w.status = 'scored'
      group by all
    """
    db.execute(by_area)
    verdict = f"""
      select r.status = 'availability' as is_out,
        min(t.share) < {method.screening.area_weight}
          or sum(t.values_there) / sum(t.scored) < {method.screening.unit_share} as is_thin, count(*) over () as n
      from rankings as r
      join thin as t on t.edition_year = r.edition_year and t.ags = r.ags
        and t.indicator_set = case r.league when 'city_30k' then 'city' else 'every_place' end
      where r.status in ('ranked', 'availability')
      group by r.edition_year, r.league, r.ags, r.status
    """
    assert one(db, f"select count(*) from ({verdict}) where is_out <> is_thin") == (0,)
    assert one(db, f"select count(*) > 1000 from ({verdict}) where is_out") == (True,)


def test_every_place_without_a_rank_is_told_in_words_what_is_missing(db: Any) -> None:
    assert one(db, "select count(*) from rankings where (status = 'ranked') <> (reason = '')") == (0,)
    sql = "select reason from rankings where edition_year = 2021 and league = 'germany' and ags = '16070029'"
    assert one(db, sql) == ("infrastructure: values for 0% of the area's weight, two thirds are needed",)


def test_nobody_gets_an_invented_yes(db: Any) -> None:
    flags = tuple(i.id for i in CATALOG.sorted_indicators if i.flag)
    sql = f"select max(value) from indicators where value_status = 'imputed' and indicator_id in {flags}"
    assert one(db, sql)[0] < 0.5


def test_every_value_leads_to_one_file_of_its_source(db: Any) -> None:
    lost = """
      select count(*) from indicators as i
      left join sources as s
        on s.edition_year = i.edition_year and s.source_id = i.source_id
        and s.edition = i.source_edition and s.part = i.source_part
      where i.source_row is not null and i.value_unshrunk is not null and s.sha256 is null
    """
    assert one(db, lost) == (0,)


def test_a_score_is_the_sum_of_its_published_parts(db: Any) -> None:
    """Anyone can redo the arithmetic: sum of weight x normalised value is the score, in both sets."""
    for league, weight in (("germany", "weight_effective"), ("city_30k", "weight_effective_city")):
        off = f"""
          select max(abs(r.score - s.total)), max(abs(1 - s.weight)), count(*)
          from rankings as r
          join (
            select edition_year, ags, sum({weight} * normalised) as total, sum({weight}) as weight
            from indicators where {weight} is not null group by all
          ) as s using (edition_year, ags)
          where r.league = '{league}' and r.status = 'ranked'
        """
        difference, weight_error, places = one(db, off)
        assert difference < 1e-8
        assert weight_error < 1e-9
        assert places == one(db, f"select count(rank) from rankings where league = '{league}'")[0]


def test_normalised_values_follow_from_value_bounds_and_direction(db: Any) -> None:
    frame = db.execute(
        "select i.indicator_id, i.value, i.normalised, "
        "any_value(w.lower_bound) as low, any_value(w.upper_bound) as high "
        "from indicators as i join weights as w using (edition_year, indicator_id) "
        "where i.edition_year = 2021 and i.normalised is not null group by i.ags, i.indicator_id, i.value, i.normalised"
    ).df()
    for name, group in frame.groupby("indicator_id"):
        declared = CATALOG.indicators[str(name)]
        scale = np.log1p if declared.log1p else (lambda x: x)
        low, high = scale(group["low"].iloc[0]), scale(group["high"].iloc[0])
        share = ((scale(group["value"]) - low) / (high - low)).clip(0, 1)
        expected = 100 * (share if declared.direction == "higher" else 1 - share)
        np.testing.assert_allclose(group["normalised"], expected, atol=1e-7, err_msg=str(name))


def test_no_flag_moves_a_total_by_more_than_its_limit(db: Any) -> None:
    flags = [i.id for i in CATALOG.sorted_indicators if i.flag]
    limit = CATALOG.methods["default"].max_flag_share
    sql = (
        f"select max(weight_effective), max(weight_effective_city) from indicators where indicator_id in {tuple(flags)}"
    )
    assert all(found <= limit + 1e-9 for found in one(db, sql))


def test_a_value_of_the_district_is_never_the_towns_own(db: Any) -> None:
    own_districts = "select ags from rankings group by ags having min(district_key || '000') = ags"
    wrong = """
      select count(*) from indicators
      where level in ('district', 'association') and value_unshrunk is not null and value_status <> 'inherited'
    """
    assert one(db, wrong) == (0,)
    boroughs = one(
        db,
        f"select count(*) from indicators where level = 'district' and ags in ({own_districts}) "
        "and value_unshrunk is not null and indicator_id <> 'battery_electric_cars'",
    )
    assert boroughs == (0,)  # what a county borough has is its own, except the cars of Trier's shared office


def test_absence_is_never_filled_with_zero(db: Any) -> None:
    sql = "select count(*) from indicators where value_unshrunk is null and missing_because is null"
    assert one(db, sql) == (0,)
    sql = (
        "select count(*) from indicators "
        "where value is not null and value_unshrunk is null and value_status <> 'imputed'"
    )
    assert one(db, sql) == (0,)
    lists = ("council_interface", "shared_mobility", "strategy_documented", "own_domain")
    assert one(db, f"select count(*) from indicators where indicator_id in {lists} and value = 0") == (0,)


def test_an_edition_never_uses_a_value_from_after_its_year_or_older_than_two(db: Any) -> None:
    sql = """
      select count(*) from indicators
      where value_unshrunk is not null
        and not (reference_date <= make_date(edition_year + 1, 1, 1) and reference_year >= edition_year - 2)
    """
    assert one(db, sql) == (0,)
    carried = (
        "select count(*) from indicators where value_status = 'carried_forward' and reference_year >= edition_year"
    )
    assert one(db, carried) == (0,)


def test_at_least_25_indicators_have_values_in_every_year(db: Any) -> None:
    counts = rows(
        db, "select count(distinct indicator_id) from indicators where value_unshrunk is not null group by edition_year"
    )
    assert all(count >= 25 for (count,) in counts)


def test_every_area_is_scored_or_says_why_not(db: Any) -> None:
    found = rows(
        db,
        "select edition_year, indicator_set, count(*), count(*) filter (where status <> 'scored' and reason = '') "
        "from areas group by all",
    )
    assert len(found) == 2 * len(YEARS)
    assert all(areas == 10 and silent == 0 for *_, areas, silent in found)


def test_strategy_has_three_indicators_with_status_year_level_and_source(db: Any) -> None:
    for indicator in ("strategy_documented", "funding_federal", "smart_region"):
        sql = f"""
          select count(*), count(*) filter (where value_status is null or source_id is null),
            count(*) filter (where value_unshrunk is not null and (reference_year is null or level is null))
          from indicators where indicator_id = '{indicator}' and edition_year = 2021
        """
        assert one(db, sql) == (10787, 0, 0)


def test_the_rank_of_the_year_before_is_that_of_the_same_league(db: Any) -> None:
    wrong = """
      select count(*) from rankings as now
      left join rankings as before
        on before.edition_year = now.edition_year - 1 and before.league = now.league and before.ags = now.ags
      where now.rank_previous is distinct from before.rank or now.rank_change is distinct from before.rank - now.rank
    """
    assert one(db, wrong) == (0,)
    assert one(db, "select count(rank_previous) from rankings where edition_year = 2018") == (0,)


def test_the_strategy_gate_ranks_nobody_as_long_as_no_search_is_declared_complete(db: Any) -> None:
    assert CATALOG.methods["default"].strategy_gate.complete == []
    assert one(db, "select count(rank_strategy_gate) from rankings") == (0,)


def test_every_rank_has_an_interval_chances_and_a_group(db: Any) -> None:
    columns = ("rank_p05", "rank_p50", "rank_p95", "p_top10", "p_top100", "rank_group", "rank_without_facts")
    for column in columns:
        assert one(db, f"select count(*) from rankings where (rank is null) <> ({column} is null)") == (0,), column
    wrong = """
      select count(*) filter (where not rank_p05 <= rank_p50 or not rank_p50 <= rank_p95),
        count(*) filter (where rank_p05 < 1 or p_top10 > p_top100 or p_top10 not between 0 and 1)
      from rankings where status = 'ranked'
    """
    assert one(db, wrong) == (0, 0)
    assert one(db, "select count(*) from area_scores where rank_p05 is null or rank_p05 > rank_p95") == (0,)


def test_a_league_of_n_places_has_n_ranks_in_every_draw(db: Any) -> None:
    """So mean chances of being among the first ten are ten places, up to ties."""
    found = rows(
        db,
        "select sum(p_top10), sum(p_top100), count(rank) from rankings where status = 'ranked' "
        "group by edition_year, league having count(rank) > 100",
    )
    for top_10, top_100, _ in found:
        assert 9.99 <= top_10 < 10.5
        assert 99.9 <= top_100 < 101


def test_published_ranks_lie_in_the_middle_of_their_draws(db: Any) -> None:
    """Noise on both sides: half of the places have a median above their rank, and nine tenths lie in their interval."""
    sql = """
      select avg((rank between rank_p05 and rank_p95)::int), avg((rank_p50 < rank)::int)
      from rankings where league = 'germany' and status = 'ranked'
    """
    inside, better = one(db, sql)
    assert inside > 0.9
    assert 0.35 < better < 0.65


def test_groups_follow_the_ranking_and_their_first_places_are_far_apart(db: Any) -> None:
    sql = """
      select count(*) from rankings as a join rankings as b using (edition_year, league)
      where league = 'city_30k' and a.rank < b.rank and a.rank_group > b.rank_group
    """
    assert one(db, sql) == (0,)
    assert one(db, "select count(*) from rankings where (rank = 1) and rank_group <> 1") == (0,)
    ties = "select edition_year, league, rank from rankings where rank is not null group by all"
    assert rows(db, f"{ties} having count(distinct rank_group) > 1") == []


def test_only_the_last_place_of_a_league_has_nobody_behind(db: Any) -> None:
    sql = """
      select edition_year, league, count(*) from rankings
      where status = 'ranked' and p_ahead_next is null group by all
    """
    assert {count for *_, count in rows(db, sql)} == {1}


def test_changes_are_those_of_the_ranking_and_their_parts_add_up_exactly(db: Any) -> None:
    wrong = """
      select count(*) from rankings as r left join changes as c using (edition_year, league, ags)
      where r.rank_change is distinct from c.rank_change or r.rank_change_p05 is distinct from c.rank_change_p05
        or (r.rank is not null and r.rank_previous is not null and c.ags is null)
    """
    assert one(db, wrong) == (0,)
    sums = "own_data + others_data + method + territory <> rank_change"
    assert one(db, f"select count(*) filter (where {sums}), count(*) > 60000 from changes") == (0, True)
    assert one(db, "select count(*) from changes where edition_year = 2018") == (0,)


def test_where_the_method_stays_it_explains_nothing(db: Any) -> None:
    """From 2019 to 2020 the same indicators are scored in the set of all places; the others' data move everyone."""
    same = "select indicator_id from weights where indicator_set = 'every_place' and status = 'scored' and edition_year"
    assert rows(db, f"({same} = 2019) except ({same} = 2020)") == []
    part = "select max(abs(method)), avg(abs(own_data)) from changes where league = 'germany' and edition_year = 2020"
    method, own = one(db, part)
    assert method == 0
    assert own > 100


def test_new_evidence_is_no_climb(db: Any) -> None:
    """What is scored from 2019 on is a new list: the step from 2018 counts as evidence in every town that it moves."""
    sql = """
      select count(*), count(*) filter (where evidence <> 0) from changes
      where edition_year = 2019 and league = 'city_30k' and method <> 0
    """
    moved, marked = one(db, sql)
    assert moved > 200
    assert marked > 0.95 * moved
    climbers = rows(db, "select rank_change, evidence, rank_change_p05 from changes where is_climber")
    assert all(change > evidence and low > 0 for change, evidence, low in climbers)
    per_league = rows(db, "select count(*) from changes where is_climber group by edition_year, league")
    assert {count for (count,) in per_league} == {1}


def test_the_draws_of_all_years_are_the_same_and_say_what_was_varied(db: Any) -> None:
    year = f"select draw, factor, name, multiplier, choice from draws where edition_year = {YEARS[0]}"
    for other in YEARS[1:]:
        assert rows(db, f"({year}) except ({year.replace(str(YEARS[0]), str(other))})") == []
    spec = CATALOG.methods["default"].uncertainty
    per_draw = len(CATALOG.areas) + len(CATALOG.sorted_indicators) + 4
    assert one(db, f"select count(*), max(draw) from draws where edition_year = {YEARS[0]}") == (
        spec.draws * per_draw,
        spec.draws,
    )
    low, high = one(db, "select min(multiplier), max(multiplier) from draws")
    assert 1 - spec.weight_noise <= low < 0.76
    assert 1.24 < high <= 1 + spec.weight_noise


def test_without_facts_the_total_is_that_of_the_other_indicators(db: Any) -> None:
    facts = [i.id for i in CATALOG.indicators.values() if i.source in CATALOG.methods["default"].fact_sources]
    off = f"""
      select max(abs(r.score_without_facts - s.score)) from rankings as r join (
        select edition_year, ags, sum(weight_effective * normalised) / sum(weight_effective) as score
        from indicators where weight_effective is not null and indicator_id not in {tuple(facts)} group by all
      ) as s using (edition_year, ags) where r.league = 'germany' and r.status = 'ranked'
    """
    assert one(db, off)[0] < 1e-8


def test_files_are_sorted_by_their_unique_key(editions: Path) -> None:
    connection = duckdb.connect()
    for name, key in publish.FILES.items():
        path = editions / "latest" / f"{name}.parquet"
        frame = (
            connection.execute(f"select {key} from read_parquet('{path}')").df().fillna("\U0010ffff")
        )  # NULL stands last
        keys = list(frame.itertuples(index=False, name=None))
        assert keys == sorted(keys), name
        if name != "rejected":
            assert len(set(keys)) == len(keys), name


def test_checksums_are_those_of_the_files_and_the_lock_names_every_input(editions: Path) -> None:
    for year in YEARS:
        folder = editions / str(year) / CATALOG.editions[year].revision
        sums = publish.read_sums(folder)
        assert set(sums) == {path.name for path in folder.iterdir()} - {publish.SUMS}
        for name, digest in sums.items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
        lock = json.loads((folder / publish.LOCK).read_text("utf-8"))
        sources = pd.DataFrame(lock["inputs"])
        assert sources["sha256"].str.fullmatch("[0-9a-f]{64}").all()
        assert {"destatis_gv", "facts_funding", "bnetza_breitbandatlas"} <= set(sources["source_id"])


def test_the_copies_are_equal_to_the_newest_revision(editions: Path) -> None:
    newest = editions / str(YEARS[-1]) / CATALOG.editions[YEARS[-1]].revision
    for copy in (editions / str(YEARS[-1]), editions / "latest"):
        assert {p.name: p.read_bytes() for p in copy.iterdir() if p.is_file()} == {
            p.name: p.read_bytes() for p in newest.iterdir()
        }
    assert json.loads((editions / "latest.json").read_text()) == {"year": YEARS[-1], "revision": newest.name}
    assert (editions / "latest" / "rankings.parquet").stat().st_mode & 0o044, "others can read it"


def test_metadata_say_what_the_file_is_and_hold_no_clock(editions: Path) -> None:
    path = editions / "latest" / "rankings.parquet"
    found = duckdb.connect().execute(f"select key, value from parquet_kv_metadata('{path}')").fetchall()
    metadata = {key.decode(): value.decode() for key, value in found}
    assert metadata["title"] == f"stadtrang {YEARS[-1]}"
    assert metadata["published"] == CATALOG.editions[YEARS[-1]].published.isoformat()
    assert {"edition", "revision", "method", "licence", "attribution", "configuration_sha256"} <= set(metadata)


def test_the_dictionary_explains_every_column_and_indicator(editions: Path) -> None:
    with (editions / "latest" / "dictionary.csv").open(encoding="utf-8", newline="") as file:
        entries = list(csv.DictReader(file))
    explained = {(entry["kind"], entry["name"]) for entry in entries}
    connection = duckdb.connect()
    for name in publish.FILES:
        columns = connection.execute(f"describe from read_parquet('{editions / 'latest' / name}.parquet')").fetchall()
        assert {("column", column[0]) for column in columns} <= explained
    assert {("indicator", indicator) for indicator in (i.id for i in CATALOG.sorted_indicators)} <= explained
    assert all(entry["label_de"] and entry["label_en"] and entry["text_de"] and entry["text_en"] for entry in entries)


def test_pandas_reads_the_files_without_losing_a_zero(editions: Path) -> None:
    frame = duckdb.connect().execute(f"from read_parquet('{editions / 'latest' / 'rankings.parquet'}')").df()
    assert frame["ags"].str.startswith("0").any()
    assert str(frame["rank"].dtype) in ("Int32", "float64", "int32")
