"""sql/3_indicators on given rows, and on the bundled figures where they are there."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pytest
from tables import given, rows

from pipeline import catalog, figures, warehouse

CATALOG = catalog.load()


def indicator(
    connection: duckdb.DuckDBPyConnection, name: str, columns: str, where: str = "true"
) -> list[tuple[Any, ...]]:
    """The model's rows, sorted by unit and date; core models that it reads and that are not given are made."""
    model = f"indicator__{name}"
    there = warehouse.tables(connection)
    between = {
        read: CATALOG.sql[read] for read in warehouse.references(CATALOG.sql[model]) - there if read in CATALOG.sql
    }
    warehouse.run(connection, {**between, model: CATALOG.sql[model]})
    sql = f"select {columns} from {model} where {where} order by unit_key, reference_date"
    return connection.execute(sql).fetchall()


def end(year: int) -> dt.date:
    return dt.date(year, 12, 31)


@pytest.fixture
def db() -> duckdb.DuckDBPyConnection:
    connection = warehouse.connect()
    given(connection, "frame__years", "edition_year bigint", (2018,), (2019,), (2020,), (2021,))
    return connection


CELLS = (
    "edition varchar, part varchar, row_number bigint, source_column varchar, level varchar, unit_key "
    "varchar, "
    "unit_name varchar, reference_date date, variable varchar, value double, value_status varchar, "
    "sign_raw varchar"
)
UNITS = "list_year bigint, level varchar, unit_key varchar, area_km2 double, population bigint, municipalities integer"


def cell(
    variable: str, level: str, key: str, day: dt.date, value: float | None, status: str = "reported", row: int = 1
) -> tuple[Any, ...]:
    return ("e", "p", row, "B", level, key, None, day, variable, value, status, None)


# Publishers' own zeros and gaps


@pytest.mark.parametrize(("name", "variable"), [("overnight_stays", "q_uebern_bev"), ("guest_beds", "q_schlafg_bev")])
def test_a_zero_in_tourism_is_not_published_and_no_true_zero(db: Any, name: str, variable: str) -> None:
    cells = [
        cell(variable, "municipality", key, end(2021), value) for key, value in (("05974040", 0.0), ("05974028", 2.5))
    ]
    given(db, "typed__bbsr_inkar_2024__values", CELLS, *cells)
    assert indicator(db, name, "unit_key, value, value_status, sign_raw") == [
        ("05974028", 2.5, "reported", None),
        ("05974040", None, "not_collected", "0"),
    ]


def test_beds_before_2019_are_another_series(db: Any) -> None:
    given(
        db, "typed__bbsr_inkar_2024__values", CELLS, cell("q_schlafg_bev", "municipality", "11000000", end(2017), 79.0)
    )
    assert indicator(db, "guest_beds", "value") == []


def test_abitur_is_neither_zero_nor_the_missing_year_of_lower_saxony(db: Any) -> None:
    given(
        db, "typed__bbsr_inkar_2024__values", CELLS,
        cell("a_schul_abi", "district", "09471", end(2021), 0.0),
        cell("a_schul_abi", "district", "03151", end(2019), 37.3),
        cell("a_schul_abi", "district", "03151", end(2020), 6.4),
        cell("a_schul_abi", "district", "05974", end(2020), 30.0),
    )  # fmt: skip
    assert indicator(db, "school_leavers_abitur", "unit_key, value, value_status, sign_raw") == [
        ("03151", 37.3, "reported", None),
        ("03151", None, "unreliable", "6.4"),
        ("05974", 30.0, "reported", None),
        ("09471", None, "not_collected", "0.0"),
    ]


def test_waste_that_one_association_books_at_one_district_is_nobodys_own(db: Any) -> None:
    given(
        db, "typed__bbsr_inkar_2021__values", CELLS,
        cell("x249", "district", "07211", end(2019), 0.0),
        cell("x249", "district", "07235", end(2019), 2042.1),
        cell("x249", "district", "05974", end(2019), 450.0),
    )  # fmt: skip
    assert indicator(db, "household_waste", "unit_key, value, value_status") == [
        ("05974", 450.0, "reported"),
        ("07211", None, "not_collected"),
        ("07235", None, "not_convertible"),
    ]


def test_a_hospital_counted_whole_at_one_of_its_sites_gives_neither_town_a_value(db: Any) -> None:
    cells = [
        cell("q_betten_bev", "district", "01003", end(year), value) for year, value in ((2019, 8.99), (2020, 3.98))
    ]
    zero = cell("q_betten_bev", "district", "07336", end(2020), 0.0)
    given(db, "typed__bbsr_inkar_2024__values", CELLS, *cells, zero)
    assert indicator(db, "hospital_beds", "unit_key, value, value_status") == [
        ("01003", 8.99, "reported"),
        ("01003", None, "unreliable"),
        ("07336", 0.0, "reported"),
    ]


def test_a_zero_of_recreation_between_other_years_is_a_gap_and_a_steady_zero_is_not(db: Any) -> None:
    values = (("16072024", 2017, 130.0), ("16072024", 2018, 0.0), ("01054108", 2017, 0.0), ("01054108", 2018, 0.0))
    cells = [cell("x240", "municipality", key, end(year), value) for key, year, value in values]
    given(db, "typed__bbsr_inkar_2021__values", CELLS, *cells)
    assert indicator(db, "recreation_area", "unit_key, value, value_status") == [
        ("01054108", 0.0, "reported"),
        ("01054108", 0.0, "reported"),
        ("16072024", 130.0, "reported"),
        ("16072024", None, "not_collected"),
    ]


def test_unemployed_of_a_place_formed_at_the_year_end_are_missing_and_of_a_hamlet_zero(db: Any) -> None:
    values = (
        ("16071103", 2018, 89),
        ("16071103", 2019, 0),
        ("16071103", 2020, 100),
        ("01051008", 2019, 0),
        ("01051008", 2020, 1),
    )
    given(
        db,
        "typed__bbsr_inkar_export__values",
        CELLS,
        *[cell("unemployed", "municipality", k, end(y), v) for k, y, v in values],
    )
    units = [
        (year, "municipality", key, 10.0, 1000, 1) for key in ("16071103", "01051008") for year in (2018, 2019, 2020)
    ]
    given(db, "core__units", UNITS, *units)
    assert indicator(db, "unemployed", "unit_key, value, numerator, value_status") == [
        ("01051008", 0.0, 0.0, "reported"),
        ("01051008", 1.0, 1.0, "reported"),
        ("16071103", 89.0, 89.0, "reported"),
        ("16071103", None, None, "not_collected"),
        ("16071103", 100.0, 100.0, "reported"),
    ]


# Denominators


def test_a_count_without_a_population_of_its_year_has_no_rate_and_says_so(db: Any) -> None:
    values = (("05974040", 900), ("99999999", 5), ("05974028", 7))
    given(
        db,
        "typed__bbsr_inkar_export__values",
        CELLS,
        *[cell("unemployed", "municipality", k, end(2021), v) for k, v in values],
    )
    given(
        db, "core__units", UNITS,
        (2021, "municipality", "05974040", 85.8, 45000, 1), (2020, "municipality", "99999999", 1.0, 100, 1),
        (2021, "municipality", "05974028", 1.0, 0, 1),
    )  # fmt: skip
    assert indicator(db, "unemployed", "unit_key, value, denominator, value_status") == [
        ("05974028", None, 0, "no_denominator"),
        ("05974040", 20.0, 45000, "reported"),
        ("99999999", None, None, "no_denominator"),
    ]


@pytest.mark.parametrize(
    ("name", "variable", "expected"),
    [
        ("dwellings_completed", "dwellings_completed", 2.0),
        ("dwellings_permitted", "dwellings_permitted", 2.0),
        ("living_space", "living_space_1000_m2", 2.0),
    ],
)
def test_dwellings_are_divided_by_the_district_of_the_same_year(
    db: Any, name: str, variable: str, expected: float
) -> None:
    given(
        db, "typed__regionalstatistik__dwellings", CELLS,
        cell(variable, "district", "05974", end(2019), 600.0),
        cell(variable, "district", "05970", end(2019), None, "suppressed"),
    )  # fmt: skip
    given(
        db, "core__units", UNITS,
        (2018, "district", "05974", 1.0, 1, 14),
        (2019, "district", "05974", 1.0, 300000, 14),
        (2019, "district", "05970", 1.0, 9, 1),
    )  # fmt: skip
    assert indicator(db, name, "unit_key, value, value_status") == [
        ("05970", None, "suppressed"),
        ("05974", expected, "reported"),
    ]


def test_trier_and_its_district_share_one_office_and_neither_has_a_value_of_its_own(db: Any) -> None:
    day = dt.date(2021, 1, 1)
    cells = [
        cell(variable, "district", key, day, value, row=row)
        for row, key, cars, electric in ((1, "07211", 100000.0, 500.0), (2, "05974", 200000.0, 3000.0))
        for variable, value in (("cars", cars), ("battery_electric", electric))
    ]
    given(db, "typed__kba_fz1__cars", CELLS, *cells)
    assert indicator(db, "battery_electric_cars", "unit_key, level, value, value_status") == [
        ("05974", "district", 1.5, "reported"),
        ("07211", "shared_district", 0.5, "reported"),
        ("07235", "shared_district", 0.5, "reported"),
    ]


def test_a_suppressed_count_of_cars_has_no_share_and_keeps_its_reason(db: Any) -> None:
    day = dt.date(2021, 1, 1)
    given(
        db, "typed__kba_fz1__cars", CELLS,
        cell("cars", "district", "05974", day, 200000.0),
        cell("battery_electric", "district", "05974", day, None, "suppressed"),
        cell("cars", "district", "05970", day, None, "suppressed", 2),
        cell("battery_electric", "district", "05970", day, 9.0, row=2),
    )  # fmt: skip
    assert indicator(db, "battery_electric_cars", "unit_key, value, value_status") == [
        ("05970", None, "no_denominator"),
        ("05974", None, "suppressed"),
    ]


MUNICIPALITIES = (
    "list_year bigint, ags varchar, land_code varchar, association_key varchar, district_key varchar, "
    "name varchar, population bigint"
)


def municipalities(
    connection: duckdb.DuckDBPyConnection, *ags: str, years: tuple[int, ...] = (2019, 2020, 2021)
) -> None:
    """1,000 inhabitants each; the association is the district's key and 0001."""
    places = [(y, a, a[:2], a[:5] + "0001", a[:5], f"Place {a}", 1000) for y in years for a in ags]
    given(connection, "core__municipalities", MUNICIPALITIES, *places)


def test_no_charging_point_is_a_true_zero_and_an_unknown_population_no_rate(db: Any) -> None:
    given(
        db, "core__municipalities", MUNICIPALITIES,
        (2021, "05974040", "05", "059740040", "05974", "Soest", 48000),
        (2021, "05974044", "05", "059740044", "05974", "W", 24000),
        (2021, "05974048", "05", "059740048", "05974", "X", None),
    )  # fmt: skip
    given(
        db, "core__charging_stations",
        "list_year bigint, ags varchar, points integer, edition varchar, row_number bigint",
        (2021, "05974040", 4, "e", 1), (2021, "05974040", 20, "e", 2), (2021, None, 2, "e", 3),
    )  # fmt: skip
    assert indicator(db, "charging_points", "unit_key, value, numerator, value_status") == [
        ("05974040", 0.5, 24.0, "reported"),
        ("05974044", 0.0, 0.0, "true_zero"),
        ("05974048", None, 0.0, "no_denominator"),
    ]


def power(variable: str, key: str, year: int, value: float | None, row: int = 1) -> tuple[Any, ...]:
    return (str(year), "p", row, "B", "municipality", key, None, end(year), variable, value, "reported", None)


def test_solar_power_that_a_later_file_moved_elsewhere_was_never_there(db: Any) -> None:
    values = (
        ("12060005", 2018, 38945.0),
        ("12060005", 2021, 11892.0),
        ("05974040", 2018, 1000.0),
        ("05974040", 2021, 950.0),
    )
    given(db, "typed__bnetza_mastr__power", CELLS, *[power("pv_kw", *v) for v in values])
    given(
        db,
        "core__units",
        UNITS,
        *[(y, "municipality", k, 10.0, 1000, 1) for k in ("12060005", "05974040") for y in (2018, 2021)],
    )
    assert indicator(db, "solar_power", "unit_key, value, numerator, value_status") == [
        ("05974040", 1000.0, 1000.0, "reported"),
        ("05974040", 950.0, 950.0, "reported"),
        ("12060005", None, None, "unreliable"),
        ("12060005", 11892.0, 11892.0, "reported"),
    ]


def test_wind_biomass_and_water_are_summed_only_when_all_three_are_there(db: Any) -> None:
    technologies = ("wind_kw", "biomass_kw", "water_kw")
    whole = [power(t, "05974040", 2021, v) for t, v in zip(technologies, (100.0, 50.0, 0.0), strict=True)]
    part = [power(t, "05974028", 2021, v, 2) for t, v in zip(technologies, (100.0, None, 0.0), strict=True)]
    head_office = [power("water_kw", "08111000", y, v, 3) for y, v in ((2021, 653231.0), (2023, 14233.0))]
    rest = [power(t, "08111000", y, 0.0, 3) for t in ("wind_kw", "biomass_kw") for y in (2021, 2023)]
    given(db, "typed__bnetza_mastr__power", CELLS, *whole, *part, *head_office, *rest)
    given(
        db,
        "core__units",
        UNITS,
        *[(2021, "municipality", key, 10.0, 1, 1) for key in ("05974040", "05974028", "08111000")],
    )
    assert indicator(db, "other_renewables", "unit_key, value, value_status") == [
        ("05974028", None, "not_collected"),
        ("05974040", 15.0, "reported"),
        ("08111000", None, "unreliable"),
    ]


# Absence from a list


def test_absence_from_a_voluntary_list_is_no_row_and_never_zero(db: Any) -> None:
    named = (
        "source_id varchar, edition varchar, row_number bigint, place_name varchar, reference_date date, ags varchar"
    )
    given(
        db, "core__named_places", named,
        ("mobilitydata_gbfs", "e", 1, "Bonn", end(2021), "05314000"),
        ("mobilitydata_gbfs", "e", 2, "Bonn", end(2021), "05314000"),
        ("mobilitydata_gbfs", "e", 3, "Rheinland", end(2021), None),
        ("oparl_endpoints", "e", 1, "Bedburg", end(2019), "05362004"),
        ("oparl_endpoints", "e", 2, "Bedburg", end(2019), "05362004"),
        ("german_gov_domains", "e", 1, "Soest", dt.date(2020, 10, 31), "05974040"),
        ("musterdatenkatalog", "e", 1, "Köln", dt.date(2020, 4, 30), "05315000"),
        ("musterdatenkatalog", "e", 2, "Köln", dt.date(2020, 4, 30), "05315000"),
    )  # fmt: skip
    assert indicator(db, "shared_mobility", "unit_key, value, reference_date") == [("05314000", 2.0, end(2021))]
    assert indicator(db, "council_interface", "unit_key, value, reference_date") == [("05362004", 1.0, end(2019))]
    assert indicator(db, "own_domain", "unit_key, value, reference_date") == [("05974040", 1.0, dt.date(2020, 10, 31))]
    assert indicator(db, "open_data_nrw", "unit_key, value, reference_date") == [
        ("05315000", 2.0, dt.date(2020, 4, 30))
    ]


def test_a_strategy_stands_from_the_year_of_its_date_and_its_absence_is_no_row(db: Any) -> None:
    given(
        db, "core__documented_strategies", "ags varchar, documented_date date, edition varchar, row_number bigint",
        ("05974040", dt.date(2020, 11, 2), "2026", 1), ("16053000", dt.date(2023, 2, 28), "2026", 2),
    )  # fmt: skip
    assert indicator(db, "strategy_documented", "unit_key, reference_date, value") == [
        ("05974040", end(2020), 1.0),
        ("05974040", end(2021), 1.0),
    ]


FUNDED = (
    "project_id varchar, year integer, ags varchar, association_key varchar, district_key varchar, "
    "funder_level varchar, "
    "is_digital boolean, is_cooperation boolean, edition varchar, row_number bigint"
)


def funded(
    year: int, ags: str | None = None, association: str | None = None, district: str | None = None,
    funder: str = "federal", digital: bool = True, cooperation: bool = True,
) -> tuple[Any, ...]:  # fmt: skip
    return ("p", year, ags, association, district, funder, digital, cooperation, "2026", 1)


def test_every_place_outside_the_federal_winners_is_a_true_zero_and_a_winner_counts_from_its_year(db: Any) -> None:
    municipalities(db, "05122000", "05974040", "06611000")
    given(
        db, "core__funded_places", FUNDED,
        funded(2020, "05122000", cooperation=False),
        funded(2019, "05974040", digital=False),
        funded(2019, "06611000", funder="land"),
    )  # fmt: skip
    assert indicator(db, "funding_federal", "unit_key, value, value_status") == [
        ("05122000", 0.0, "true_zero"),
        ("05122000", 1.0, "reported"),
        ("05122000", 1.0, "reported"),
        *[("05974040", 0.0, "true_zero")] * 3,
        *[("06611000", 0.0, "true_zero")] * 3,
    ]


MEMBERS = "member_name varchar, ags varchar, entity_type varchar, land varchar, year integer"


def test_where_a_list_of_winners_is_known_in_part_absence_is_not_collected(db: Any) -> None:
    given(
        db, "core__municipalities", MUNICIPALITIES,
        *[
            (2021, ags, ags[:2], None, ags[:5], name, 1000)
            for ags, name in (
                ("05974040", "Soest, Stadt"),
                ("08121000", "Heilbronn, Stadt"),
                ("08116049", "Nürtingen, Stadt"),
                ("09274182", "Tiefenbach"), ("07140150", "Tiefenbach"), ("09162000", "München"),
            )
        ],
    )  # fmt: skip
    given(db, "typed__facts_funding__members", MEMBERS, ("Tiefenbach", None, "Gemeinde", "BY", 2021))
    given(db, "frame__lands", "land varchar, land_code varchar", ("BY", "09"), ("RP", "07"))
    given(db, "core__funded_places", FUNDED, funded(2018, "08116049", funder="land"))
    warehouse.run(db, {"core__unknown_funding": CATALOG.sql["core__unknown_funding"]})
    assert indicator(db, "funding_land", "unit_key, value, value_status") == [
        ("05974040", 0.0, "true_zero"),
        ("07140150", None, "not_collected"),  # Rheinland-Pfalz
        ("08116049", 1.0, "reported"),
        ("08121000", None, "not_collected"),  # Baden-Württemberg
        ("09162000", 0.0, "true_zero"),
        ("09274182", None, "not_collected"),  # one of three of this name
    ]


def test_members_of_a_co_operation_stand_for_themselves_and_districts_and_associations_for_their_places(
    db: Any,
) -> None:
    municipalities(db, "05122000", "05766008", "01059001", "09162000", years=(2020, 2021))
    given(
        db, "core__funded_places", FUNDED,
        funded(2020, "05122000"), funded(2021, district="05766"), funded(2020, association="010590001"),
        funded(2020, "09162000", cooperation=False), funded(2020, district="09162", digital=False),
    )  # fmt: skip
    assert indicator(db, "smart_region", "level, unit_key, year(reference_date), value, value_status") == [
        ("association", "010590001", 2020, 1.0, "reported"),
        ("association", "010590001", 2021, 1.0, "reported"),
        ("municipality", "05122000", 2020, 1.0, "reported"),
        ("municipality", "05122000", 2021, 1.0, "reported"),
        ("district", "05766", 2021, 1.0, "reported"),
        ("municipality", "05766008", 2020, 0.0, "true_zero"),
        ("municipality", "09162000", 2020, 0.0, "true_zero"),
        ("municipality", "09162000", 2021, 0.0, "true_zero"),
    ]


# The bundled figures


@pytest.fixture(scope="module")
def real() -> duckdb.DuckDBPyConnection:
    connection = warehouse.connect()
    warehouse.declare(connection, CATALOG)
    figures.load(connection, CATALOG, figures.BUNDLED)
    models = warehouse.layer(CATALOG, "2_core", "3_indicators")
    models["indicator_values"] = warehouse.union_of_indicators(CATALOG)
    models |= {
        name: CATALOG.sql[name]
        for name in ("edition__dated", "edition__links", "edition__moved", "edition__picked", "edition__values")
    }
    warehouse.run(connection, models)
    return connection


def test_every_indicator_has_one_row_per_unit_and_date_and_a_status_that_fits_its_value(real: Any) -> None:
    key = "indicator_id, level, unit_key, reference_date"
    assert (
        rows(real, f"select {key} from indicator_values where level is not null group by all having count(*) > 1") == []
    )
    odd = (
        "select distinct indicator_id, value_status from indicator_values where value_status is null "
        "or (value is null) = (value_status in ('reported', 'true_zero')) or isinf(value) or isnan(value)"
    )
    assert rows(real, odd) == []
    assert (
        rows(real, "select edition_year, ags, indicator_id from edition__values group by all having count(*) > 1") == []
    )


@pytest.mark.parametrize(
    ("name", "year", "least", "most"),
    [
        # what the publishers give for Germany, less the places whose area changed
        ("unemployed", 2018, 2.25e6, 2.34e6),
        ("unemployed", 2021, 2.57e6, 2.62e6),
        ("solar_power", 2018, 40.0e6, 41.26e6),
        ("solar_power", 2021, 58.0e6, 60.1e6),
        ("charging_points", 2021, 49750, 49971),
    ],
)
def test_counts_of_all_places_add_up_to_the_total_of_germany(
    real: Any, name: str, year: int, least: float, most: float
) -> None:
    sql = f"select sum(numerator) from edition__values where indicator_id = '{name}' and edition_year = {year}"
    assert least <= rows(real, sql)[0][0] <= most


def test_the_cars_of_all_districts_are_the_stock_of_germany(real: Any) -> None:
    sql = (
        "select sum(denominator), sum(numerator) from indicator__battery_electric_cars "
        "where reference_date = '2021-01-01' and unit_key <> '07235'"
    )
    assert rows(real, sql) == [(48207878.0, 308745.0)]


def test_a_place_whose_district_takes_part_inherits_it_and_no_older_zero(real: Any) -> None:
    """A true zero of an earlier year, carried forward, must not go before the district's 1 of this year."""
    sql = (
        "select places.edition_year, count(*) from edition__values as places "
        "join indicator__smart_region as districts on districts.level = 'district' "
        "and districts.unit_key = left(places.ags, 5) and year(districts.reference_date) = "
        "places.edition_year "
        "where places.indicator_id = 'smart_region' and places.value = 0 group by 1 order by 1"
    )
    assert rows(real, sql) == []


def test_known_defects_of_the_publishers_give_no_value(real: Any) -> None:
    """Each was found in the real files; corrections.yml says why."""
    cases = [
        ("fibre_1000", "06414000", 2020),
        ("broadband_1000", "06414000", 2019),
        ("household_waste", "07211000", 2021),
        ("household_waste", "05774032", 2021),
        ("other_renewables", "08111000", 2021),
        ("unemployed", "16071103", 2019),
    ]
    for name, ags, year in cases:
        where = f"indicator_id = '{name}' and ags = '{ags}' and edition_year = {year}"
        assert rows(real, f"select value from edition__values where {where}") == [(None,)], (name, ags, year)


def test_no_value_is_negative_and_no_share_above_a_hundred(real: Any) -> None:
    """Trade tax is below zero where a town paid more back than it took in."""
    below = "select distinct indicator_id from edition__values where value < 0 and indicator_id <> 'trade_tax'"
    assert rows(real, below) == []
    shares = [i.id for i in CATALOG.sorted_indicators if i.unit.startswith("%")]
    listed = ", ".join(f"'{name}'" for name in shares)
    assert (
        rows(
            real,
            f"select indicator_id, max(value) from edition__values where value > 100.5 and indicator_id "
            f"in ({listed}) group by 1",
        )
        == []
    )


def test_a_value_of_a_former_territory_is_the_sum_of_its_parts(real: Any) -> None:
    """The Wartburgkreis of 2021 is that of 2020 with Eisenach; cars of 1 January 2021 stand under both."""
    sql = (
        "select numerator, denominator, value, predecessors, value_status, level from edition__values "
        "where edition_year = 2021 and indicator_id = 'battery_electric_cars' and ags = '16063003'"
    )
    parts = (
        "select sum(numerator), sum(denominator) from indicator__battery_electric_cars "
        "where unit_key in ('16056', '16063') and reference_date = '2021-01-01'"
    )
    ((electric, cars),) = rows(real, parts)
    assert electric > 100
    assert rows(real, sql) == [(electric, cars, 100 * electric / cars, "16056, 16063", "inherited", "district")]


def test_a_rate_of_a_former_territory_has_no_value_and_says_why(real: Any) -> None:
    """Ilmenau took in four places in 2018, and broadband is a share of households on the territory of 2015."""
    sql = (
        "select value, value_status from edition__values "
        "where edition_year = 2021 and indicator_id = 'broadband_50' and ags = '16070029'"
    )
    assert rows(real, sql) == [(None, "not_convertible")]
