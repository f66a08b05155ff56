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

from pipeline import catalog, publish

CATALOG = catalog.load()
YEARS = sorted(CATALOG.editions)


def one(db: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    (row,) = db.execute(sql).fetchall()
    return row


def rows(db: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return db.execute(sql).fetchall()


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
    sql = "select reason from rankings where edition_year = 2021 and league = 'germany' and ags = '03159016'"
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


def test_columns_of_the_uncertainty_part_are_there_and_empty(db: Any) -> None:
    empty = ("rank_group", "rank_p05", "rank_p50", "rank_p95", "p_top10", "p_top100", "p_ahead_next", "rank_change_p05")
    assert one(db, f"select {', '.join(f'count({c})' for c in empty)} from rankings") == (0,) * len(empty)


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
