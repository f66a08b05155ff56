"""Where the charging points stand: what placed them, and the publisher's own count by district beside them."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline import catalog

YEARS = sorted(catalog.load().editions)
PUBLISHED = {
    2018: 19906,
    2019: 31195,
    2020: 45073,
    2021: 63898,
}  # sheet 3.1 of the publisher's workbook, all of Germany


def one(db: Any, sql: str) -> tuple[Any, ...]:
    (row,) = db.execute(sql).fetchall()
    return tuple(row)


@pytest.mark.parametrize("year", YEARS)
def test_every_district_stands_beside_its_series_and_the_series_is_whole(db: Any, year: int) -> None:
    found = one(
        db,
        "select sum(points_publisher), count(points_publisher), count(*) "
        f"from charging_account where edition_year = {year}",
    )
    districts = one(db, f"select count(distinct district_key) from rankings where edition_year = {year}")[0]
    assert found == (PUBLISHED[year], districts, districts + 1)


@pytest.mark.parametrize("year", YEARS)
def test_no_device_is_lost_or_placed_twice(db: Any, year: int) -> None:
    (wrong,) = one(
        db,
        f"select count(*) from charging_account where edition_year = {year} and district_key <> '00000' "
        "and devices <> devices_agreed + devices_disputed + devices_named + devices_outlined",
    )
    assert wrong == 0
    of_year = f"where edition_year = {year} and district_key <> '00000'"
    placed = one(db, f"select sum(points) from charging_account {of_year}")
    counted = one(
        db,
        "select sum(numerator)::bigint from indicators "
        f"where edition_year = {year} and indicator_id = 'charging_points' and reference_date = '{year}-12-31'",
    )
    assert placed == counted


def test_hardly_any_name_contradicts_the_coordinates(db: Any) -> None:
    shares = db.execute(
        "select edition_year, sum(devices_disputed) / sum(devices_agreed + devices_disputed) "
        "from charging_account group by 1 order by 1"
    ).fetchall()
    assert [year for year, _ in shares] == YEARS
    assert all(0.015 < share < 0.03 for _, share in shares)
    nowhere = db.execute(
        "select sum(devices) filter (district_key = '00000') / sum(devices), sum(devices_contradicted) > 0 "
        "from charging_account group by edition_year"
    ).fetchall()
    assert all(0 < share < 0.01 and contradicted for share, contradicted in nowhere)


def test_what_the_register_lacks_is_flagged_where_it_is(db: Any) -> None:
    beyond = "from charging_account where edition_year = 2021 and is_beyond_tolerance"
    flagged = dict(db.execute(f"select district_name, share_of_publisher {beyond}").fetchall())
    assert flagged["Bochum, Stadt"] == pytest.approx(92 / 253)
    assert flagged["Wolfsburg, Stadt"] == pytest.approx(817 / 644)
    assert 5 <= len(flagged) <= 20
    purposes = "select purpose from sources where source_id = 'bnetza_ladepunkte_kreise' and edition_year = 2021"
    assert one(db, purposes) == ("comparison",)
