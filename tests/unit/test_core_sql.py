"""sql/2_core on given rows, and on the bundled figures where they are there."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pytest
from tables import given, rows, run

from pipeline import catalog, figures, warehouse

CATALOG = catalog.load()
DAY = dt.date
SPRING_2021 = DAY(2021, 5, 1)
PUBLIC = "https://example.org"


@pytest.fixture
def db() -> duckdb.DuckDBPyConnection:
    return warehouse.connect()


GV = (
    "edition varchar, row_number bigint, record_type varchar, text_kind varchar, ags varchar, ars varchar, "
    "association_key varchar, district_key varchar, land_code varchar, name varchar, area_km2 double, "
    "population integer, plz varchar, longitude double, latitude double, territory_date date, "
    "population_date date"
)
GV100AD = GV.replace("longitude double, latitude double, ", "")
PAIRS = (
    "edition varchar, row_number bigint, source_date date, target_date date, source_ags varchar, "
    "source_name varchar, target_ags varchar, target_name varchar, "
    "area_weight double, population_weight double, area_km2 double, population integer"
)
STEP_2020 = ("2020-2023", 1, DAY(2020, 12, 31), DAY(2021, 12, 31))
POPULATION_2018 = "edition varchar, row_number bigint, ags varchar, population integer, population_date date"


def gv_row(
    year: int, number: int, kind: str, ags: str, name: str, population: int | None, area: float = 10.0
) -> tuple[Any, ...]:
    return (
        f"{year}-12-31", number, "60", kind, ags, ags[:5] + "0001" + ags[5:], ags[:5] + "0001", ags[:5], ags[:2], name,
        area, population, "12345", 8.0, 51.0, DAY(year, 12, 31), DAY(year if year != 2020 else 2019, 12, 31),
    )  # fmt: skip


def territory(connection: duckdb.DuckDBPyConnection, *places: tuple[Any, ...]) -> None:
    given(connection, "typed__destatis_gv__units", GV, *places)
    given(connection, "typed__destatis_gv100ad__units", GV100AD)
    given(connection, "typed__destatis_population_2018__places", POPULATION_2018)
    given(connection, "typed__bbsr_umstieg__pairs", PAIRS)


def test_an_uninhabited_area_is_no_municipality_and_an_inhabited_one_without_a_town_hall_neither(db: Any) -> None:
    territory(
        db,
        gv_row(2021, 1, "63", "05974040", "Soest, Stadt", 47929),
        gv_row(2021, 2, "65", "03351501", "Lohheide, gemfr. Bezirk", 700),
        gv_row(2021, 3, "66", "09184444", "Forstenrieder Park", 0),
    )
    run(db, "core__territory")
    assert rows(db, "select ags from core__territory where is_municipality") == [("05974040",)]
    assert len(rows(db, "from core__territory")) == 3


def test_a_collective_key_that_stands_four_times_is_one_area(db: Any) -> None:
    areas = [gv_row(2017, number, "66", "09471444", "Gemeindefreie Gebiete", 0, 25.0) for number in range(1, 5)]
    territory(db, *areas)
    run(db, "core__territory")
    assert rows(db, "select ags, is_municipality, area_km2 from core__territory") == [("09471444", False, 25.0)]


def test_2018_has_the_population_of_its_own_year_end_and_not_that_of_the_list(db: Any) -> None:
    territory(db)
    old = gv_row(2018, 1, "63", "05974040", "Soest, Stadt", 47436)
    listed = (*old[:13], DAY(2018, 9, 30), DAY(2016, 12, 31))
    given(db, "typed__destatis_gv100ad__units", GV100AD, listed)
    given(
        db,
        "typed__destatis_population_2018__places",
        POPULATION_2018,
        ("2018", 1, "05974040", 47460, DAY(2018, 12, 31)),
    )
    run(db, "core__territory")
    assert rows(db, "select list_year, population, population_date, population_source from core__territory") == [
        (2018, 47460, DAY(2018, 12, 31), "destatis_population_2018")
    ]


def test_2020_has_bbsr_population_and_not_that_of_2019_in_its_list(db: Any) -> None:
    territory(db, gv_row(2020, 1, "63", "05974040", "Soest, Stadt", 47514))
    soest = ("05974040", "Soest", "05974040", "Soest", 1.0, 1.0, 85.8)
    later = ("2020-2023", 1, DAY(2022, 12, 31), DAY(2023, 12, 31), *soest, 48607)
    given(db, "typed__bbsr_umstieg__pairs", PAIRS, (*STEP_2020, *soest, 47210), later)
    run(db, "core__territory")
    assert rows(db, "select population, population_date from core__territory") == [(47210, DAY(2020, 12, 31))]


def test_a_place_of_2020_that_bbsr_does_not_know_has_no_population(db: Any) -> None:
    territory(db, gv_row(2020, 1, "64", "01051001", "Albersdorf", 3700))
    run(db, "core__territory")
    assert rows(db, "select population from core__territory") == [(None,)]


def test_the_area_of_a_district_includes_land_that_belongs_to_no_municipality(db: Any) -> None:
    territory(
        db,
        gv_row(2021, 1, "64", "09184112", "Aying", 5000, 40.0),
        gv_row(2021, 2, "66", "09184444", "Forstenrieder Park", 0, 37.0),
    )
    run(db, "core__territory", "core__units")
    assert rows(db, "select area_km2, population, municipalities from core__units where level = 'district'") == [
        (77.0, 5000, 1)
    ]


# Names

MUNICIPALITIES = (
    "list_year bigint, ags varchar, land_code varchar, district_key varchar, name varchar, text_kind varchar"
)
ALIASES = "name varchar, ags varchar, source_id varchar"


def meant(connection: duckdb.DuckDBPyConnection, name: str, scope: str = "") -> str | None:
    found = connection.execute(
        "select ags from core__place_names where scope = ? and plain = plain_name(?) and list_year = 2021",
        [scope, name],
    ).fetchall()
    assert len(found) <= 1, "a name gives two places"
    return found[0][0] if found else None


def name_list(
    connection: duckdb.DuckDBPyConnection, *places: tuple[str, str, str], aliases: tuple[tuple[str, str, str], ...] = ()
) -> None:
    given(
        connection, "core__municipalities", MUNICIPALITIES,
        *[(2021, ags, ags[:2], ags[:5], name, kind) for ags, name, kind in places],
    )  # fmt: skip
    given(connection, "frame__aliases", ALIASES, *aliases)
    given(connection, "frame__years", "edition_year bigint", (2021,))
    run(connection, "core__place_names")


def test_a_title_after_the_comma_is_not_part_of_the_name(db: Any) -> None:
    name_list(db, ("06611000", "Kassel, documenta-Stadt", "61"), ("06531005", "Gießen, Universitätsstadt", "67"))
    assert meant(db, "Kassel") == "06611000"
    assert meant(db, "Giessen") == "06531005"


def test_a_name_that_two_places_bear_means_neither(db: Any) -> None:
    name_list(db, ("05362012", "Brühl, Stadt", "63"), ("08226009", "Brühl", "64"))
    assert meant(db, "Brühl") is None


def test_the_title_town_or_village_decides_between_two_places_of_one_name(db: Any) -> None:
    name_list(db, ("05362012", "Brühl, Stadt", "63"), ("08226009", "Brühl", "64"))
    assert meant(db, "Brühl", "town") == "05362012"
    assert meant(db, "Brühl", "village") == "08226009"


def test_the_land_decides_between_two_places_of_one_name(db: Any) -> None:
    name_list(db, ("05166024", "Schwalmtal", "64"), ("06535017", "Schwalmtal", "64"))
    assert meant(db, "Schwalmtal", "05") == "05166024"


def test_an_addition_in_brackets_may_be_left_out_only_where_nobody_else_can_be_meant(db: Any) -> None:
    name_list(
        db,
        ("08335075", "Singen (Hohentwiel), Stadt", "67"),
        ("03359018", "Freiburg (Elbe), Flecken", "64"),
        ("08311000", "Freiburg im Breisgau, Stadt", "62"),
    )
    assert meant(db, "Singen") == "08335075"
    assert meant(db, "Freiburg") is None


def test_a_sorbian_second_name_may_be_left_out(db: Any) -> None:
    name_list(db, ("14625020", "Bautzen / Budyšin, Stadt", "67"))
    assert meant(db, "Bautzen", "14") == "14625020"


def test_the_short_form_of_a_double_name_means_nobody(db: Any) -> None:
    name_list(db, ("09772149", "Graben", "64"), ("08215021", "Graben-Neudorf", "64"))
    assert meant(db, "Graben") is None
    assert meant(db, "Graben", "09") == "09772149"


def test_within_a_land_the_bare_name_is_not_enough_beside_one_with_an_addition(db: Any) -> None:
    name_list(db, ("07137008", "Bell", "64"), ("07140008", "Bell (Hunsrück)", "64"))
    assert meant(db, "Bell", "07") is None


def list_entries(
    db: Any,
    oparl: tuple[tuple[Any, ...], ...] = (),
    gbfs: tuple[str, ...] = (),
    domains: tuple[tuple[str, str], ...] = (),
    datasets: tuple[str, ...] = (),
    stations: tuple[tuple[str | None, str], ...] = (),
) -> None:
    """The lists that name places, all of the end of 2021: (name, kind), name, (name, Land), name, (name, Land)."""
    given(
        db, "typed__oparl_endpoints__places",
        "edition varchar, row_number bigint, place_name varchar, place_kind varchar",
        *[("2021", n, *entry) for n, entry in enumerate(oparl, 1)],
    )  # fmt: skip
    given(
        db, "typed__mobilitydata_gbfs__systems", "edition varchar, row_number bigint, place_name varchar",
        *[("2021", n, name) for n, name in enumerate(gbfs, 1)],
    )  # fmt: skip
    given(
        db, "typed__german_gov_domains__domains",
        "edition varchar, row_number bigint, place_name varchar, land_code varchar",
        *[("2021", n, *entry) for n, entry in enumerate(domains, 1)],
    )  # fmt: skip
    given(
        db, "typed__musterdatenkatalog__datasets", "edition varchar, row_number bigint, place_name varchar",
        *[("2021", n, name) for n, name in enumerate(datasets, 1)],
    )  # fmt: skip
    given(
        db, "typed__db_stations__stations",
        "edition varchar, row_number bigint, place_name varchar, land_code varchar",
        *[("2021", n, *entry) for n, entry in enumerate(stations, 1)],
    )  # fmt: skip
    sources = ("mobilitydata_gbfs", "oparl_endpoints", "german_gov_domains", "musterdatenkatalog", "db_stations")
    given(
        db, "frame__editions", "source_id varchar, edition varchar, reference_date date",
        *[(source, "2021", DAY(2021, 12, 31)) for source in sources],
    )  # fmt: skip
    run(db, "core__named_places")


def test_the_owner_of_a_data_set_is_a_place_in_nordrhein_westfalen(db: Any) -> None:
    name_list(
        db, ("05362012", "Brühl, Stadt", "63"), ("08226009", "Brühl", "64"), ("03451001", "Apen", "64"),
        ("05358024", "Jülich, Stadt", "63"), aliases=(("jühlich", "05358024", "musterdatenkatalog"),),
    )  # fmt: skip
    list_entries(db, datasets=("Brühl", "Apen", "Jühlich"))
    found = rows(db, "select place_name, ags from core__named_places order by row_number")
    assert found == [("Brühl", "05362012"), ("Apen", None), ("Jühlich", "05358024")]


def test_an_alias_goes_before_the_rule_in_its_own_list_and_its_own_land(db: Any) -> None:
    name_list(
        db,
        ("03358016", "Munster, Stadt", "63"),
        ("05515000", "Münster, Stadt", "61"),
        ("03359018", "Freiburg (Elbe), Flecken", "64"),
        ("08311000", "Freiburg im Breisgau, Stadt", "62"),
        aliases=(("munster", "05515000", "oparl_endpoints"), ("freiburg", "08311000", "")),
    )
    list_entries(
        db, oparl=(("Munster", "Stadt"),), gbfs=("Munster", "Freiburg"), domains=(("Munster", "03"), ("Freiburg", "03"))
    )
    found = rows(db, "select source_id, place_name, ags from core__named_places order by all")
    assert found == [
        ("german_gov_domains", "Freiburg", "03359018"),
        ("german_gov_domains", "Munster", "03358016"),
        ("mobilitydata_gbfs", "Freiburg", "08311000"),
        ("mobilitydata_gbfs", "Munster", "03358016"),
        ("oparl_endpoints", "Munster", "05515000"),
    ]


def test_a_system_of_the_island_does_not_belong_to_the_town_and_the_title_of_a_council_counts(db: Any) -> None:
    name_list(
        db,
        ("13075137", "Usedom, Stadt", "63"),
        ("05914000", "Hagen, Stadt der FernUniversität", "61"),
        ("01060039", "Hagen", "64"),
    )
    list_entries(db, oparl=(("Hagen", "Stadt"), ("Hagen", None)), gbfs=("Usedom",))
    found = rows(db, "select source_id, row_number, ags, reason from core__named_places order by 1, 2")
    assert found == [
        ("mobilitydata_gbfs", 1, None, "a region of the same name as a municipality"),
        ("oparl_endpoints", 1, "05914000", None),
        ("oparl_endpoints", 2, None, "no municipality of exactly this name, or several"),
    ]


# Broadband

HOUSEHOLDS = (
    "edition varchar, part varchar, row_number bigint, source_column varchar, level varchar, unit_key "
    "varchar, unit_name varchar, "
    "reference_date date, variable varchar, value double, value_status varchar, sign_raw varchar"
)


def households(
    edition: str, day: dt.date, number: int, key: str, any_speed: float, fibre: float
) -> list[tuple[Any, ...]]:
    head = (edition, "p", number, "B", "municipality", key, None, day)
    return [(*head, "speed_1", any_speed, "reported", None), (*head, "fibre_1000", fibre, "reported", None)]


def test_a_row_without_any_supply_is_uninhabited_and_one_without_fibre_has_zero(db: Any) -> None:
    day = DAY(2020, 12, 31)
    given(
        db, "typed__bnetza_breitbandatlas__households", HOUSEHOLDS,
        *households("e", day, 1, "09184444", 0, 0), *households("e", day, 2, "05974040", 99, 0),
    )  # fmt: skip
    run(db, "core__broadband")
    found = rows(
        db, "select unit_key, value, value_status from core__broadband where variable = 'fibre_1000' order by 1"
    )
    assert found == [("05974040", 0.0, "reported"), ("09184444", None, "not_applicable")]


def test_a_share_that_falls_later_was_an_error_in_all_earlier_editions(db: Any) -> None:
    days = [DAY(2018, 12, 31), DAY(2019, 12, 31), DAY(2021, 6, 30)]
    cells = [
        c
        for day, fibre in zip(days, (89, 89, 2.04), strict=True)
        for c in households(str(day), day, 1, "06414000", 99, fibre)
    ]
    cells += [
        c
        for day, fibre in zip(days, (5, 12, 9), strict=True)
        for c in households(str(day), day, 2, "05974040", 99, fibre)
    ]
    given(db, "typed__bnetza_breitbandatlas__households", HOUSEHOLDS, *cells)
    run(db, "core__broadband")
    found = rows(
        db,
        "select value, value_status, sign_raw from core__broadband where variable = 'fibre_1000' and "
        "unit_key = '06414000' order by reference_date",
    )
    assert found == [(None, "unreliable", "89.0"), (None, "unreliable", "89.0"), (2.04, "reported", None)]
    others = rows(
        db,
        "select value from core__broadband where variable = 'fibre_1000' and unit_key = '05974040' order "
        "by reference_date",
    )
    assert others == [(5.0,), (12.0,), (9.0,)]


# Charging devices

STATIONS = (
    "edition varchar, row_number bigint, place_name varchar, plz varchar, land_name varchar, "
    "district_name varchar, latitude double, "
    "longitude double, commissioned date, points integer, device_kind varchar, status varchar, located_ags varchar"
)


def charging(
    connection: duckdb.DuckDBPyConnection,
    *devices: tuple[str, str, str | None],
    commissioned: dt.date = SPRING_2021,
    status: str = "In Betrieb",
) -> None:
    """Devices (place, district, outline) of one register, on the territory of 2021."""
    given(connection, "frame__years", "edition_year bigint", (2021,))
    given(
        connection, "frame__editions", "source_id varchar, edition varchar, reference_date date",
        ("bnetza_ladesaeulenregister", "2022-01-01", DAY(2022, 1, 1)),
    )  # fmt: skip
    given(
        connection, "typed__bnetza_ladesaeulenregister__stations", STATIONS,
        *[
            ("2022-01-01", number, place, "1", "L", district, 50.0, 10.0, commissioned, 2, "n", status, located)
            for number, (place, district, located) in enumerate(devices, 1)
        ],
    )  # fmt: skip
    given(
        connection, "core__municipalities", MUNICIPALITIES,
        (2021, "03403000", "03", "03403", "Oldenburg (Oldenburg), Stadt", "61"),
        (2021, "09563000", "09", "09563", "Fürth", "61"),
        (2021, "09573134", "09", "09573", "Zirndorf, St", "63"),
        (2021, "16063105", "16", "16063", "Eisenach, Stadt", "67"),
        (2021, "09373147", "09", "09373", "Neumarkt i.d.OPf., GKSt", "67"),
        (2021, "08215109", "08", "08215", "Stutensee, Stadt", "63"),
        (2021, "08215064", "08", "08215", "Östringen, Stadt", "63"),
    )  # fmt: skip
    given(
        connection, "core__unit_names", "list_year bigint, level varchar, unit_key varchar, name varchar",
        (2021, "district", "03403", "Oldenburg (Oldenburg), Stadt"), (2021, "district", "09563", "Fürth"),
        (2021, "district", "09573", "Fürth"), (2021, "district", "16063", "Wartburgkreis"),
        (2021, "district", "09373", "Neumarkt i.d.OPf."), (2021, "district", "08215", "Karlsruhe"),
    )  # fmt: skip
    given(
        connection, "typed__bbsr_umstieg__pairs", PAIRS,
        (*STEP_2020, "16056000", "Eisenach", "16063105", "Eisenach", 1.0, 1.0, 104.0, 41970),
    )  # fmt: skip
    run(connection, "core__charging_stations")


def test_name_and_district_go_before_the_outline_and_say_when_they_differ(db: Any) -> None:
    charging(db, ("Zirndorf", "Landkreis Fürth", "09563000"))
    assert rows(db, "select ags, method, is_disputed from core__charging_stations") == [
        ("09573134", "name_and_district", True)
    ]


def test_the_outline_decides_where_the_name_is_not_the_official_one(db: Any) -> None:
    charging(db, ("Oldenburg", "Kreisfreie Stadt Oldenburg (Oldb)", "03403000"))
    assert rows(db, "select ags, method from core__charging_stations") == [("03403000", "outline")]


def test_a_town_whose_key_ended_keeps_its_devices_under_the_new_key(db: Any) -> None:
    charging(db, ("Eisenach", "Kreisfreie Stadt Eisenach", "16056000"))
    assert rows(db, "select ags, method from core__charging_stations") == [("16063105", "outline")]


def test_address_and_coordinates_that_contradict_each_other_give_no_place(db: Any) -> None:
    charging(db, ("Fürth-Dambach", "Landkreis Fürth", "03403000"))
    assert rows(db, "select ags, method, is_elsewhere from core__charging_stations") == [(None, "contradiction", True)]


def test_a_part_of_another_place_of_the_district_is_not_where_the_outline_says(db: Any) -> None:
    """Odenheim is a part of Östringen, its coordinates lie in Stutensee; Busdorf by Schleswig is a place of its own."""
    charging(
        db,
        ("Östringen - Odenheim", "Landkreis Karlsruhe", "08215109"),
        ("Stutensee Spöck", "Landkreis Karlsruhe", "08215109"),
        ("Östringen-Stutensee", "Landkreis Karlsruhe", "08215109"),
    )
    assert rows(db, "select ags, method from core__charging_stations order by row_number") == [
        (None, "contradiction"), ("08215109", "outline"), ("08215109", "outline"),
    ]  # fmt: skip


def test_a_blank_after_a_point_makes_no_other_name(db: Any) -> None:
    charging(db, ("Neumarkt i.d. OPf.", "Landkreis Neumarkt i.d. OPf.", "09563000"))
    assert rows(db, "select ags, method, is_disputed from core__charging_stations") == [
        ("09373147", "name_and_district", True)
    ]


def test_a_device_that_fits_nowhere_belongs_to_no_place(db: Any) -> None:
    charging(db, ("Puttgarden", "Kreis Ostholstein", None))
    assert rows(db, "select ags, method from core__charging_stations") == [(None, None)]


def test_a_device_of_the_next_year_is_not_there_yet(db: Any) -> None:
    charging(db, ("Zirndorf", "Landkreis Fürth", "09573134"), commissioned=DAY(2022, 1, 1))
    assert rows(db, "from core__charging_stations") == []


def test_a_device_that_is_not_in_service_does_not_count(db: Any) -> None:
    charging(db, ("Zirndorf", "Landkreis Fürth", "09573134"), status="In Wartung")
    assert rows(db, "from core__charging_stations") == []


# Strategies and funding

EVIDENCE = (
    "edition varchar, row_number bigint, ags varchar, kind varchar, status varchar, documented_date date, "
    "source_url varchar"
)


@pytest.mark.parametrize(
    ("status", "kind", "counts"),
    [
        ("adopted", "digital_strategy", True),
        ("published", "smart_city_strategy", True),
        ("published", "sector_strategy", False),
        ("listed", "smart_city_atlas", False),
        ("programme_condition", "smart_city_strategy", False),
        ("in_preparation", "digital_strategy", False),
    ],
)
def test_only_what_was_adopted_or_published_is_a_documented_strategy(
    db: Any, status: str, kind: str, counts: bool
) -> None:
    given(
        db,
        "typed__facts_strategies__evidence",
        EVIDENCE,
        ("2026", 1, "05974040", kind, status, DAY(2020, 11, 2), PUBLIC),
    )
    given(db, "typed__facts_funding__members", MEMBERS)
    run(db, "core__documented_strategies")
    assert bool(rows(db, "from core__documented_strategies")) is counts


def test_a_strategy_counts_from_its_first_date_and_not_without_date_or_source(db: Any) -> None:
    given(
        db, "typed__facts_strategies__evidence", EVIDENCE,
        ("2026", 1, "05974040", "smart_city_strategy", "published", DAY(2021, 11, 30), PUBLIC),
        ("2026", 2, "05974040", "smart_city_strategy", "adopted", DAY(2020, 11, 2), PUBLIC),
        ("2026", 3, "08421000", "smart_city_strategy", "published", None, PUBLIC),
        ("2026", 4, None, "digital_strategy", "adopted", DAY(2019, 7, 26), PUBLIC),
        ("2026", 5, "11000000", "smart_city_strategy", "published", DAY(2015, 12, 31), "unconfirmed"),
    )  # fmt: skip
    given(db, "typed__facts_funding__members", MEMBERS)
    run(db, "core__documented_strategies")
    assert rows(db, "select ags, documented_date, row_number from core__documented_strategies") == [
        ("05974040", DAY(2020, 11, 2), 2)
    ]


def test_the_page_that_shows_a_funding_is_no_second_evidence_of_a_strategy(db: Any) -> None:
    award = "https://example.org/a-land-honours-strategies"
    given(
        db, "typed__facts_strategies__evidence", EVIDENCE,
        ("2026", 1, "08436064", "digital_strategy", "published", DAY(2019, 7, 26), award),
        ("2026", 2, "08115021", "digital_strategy", "published", DAY(2019, 7, 26), award),
        ("2026", 3, "08115021", "digital_strategy", "adopted", DAY(2020, 5, 1), PUBLIC),
        ("2026", 4, "08421000", "digital_strategy", "published", DAY(2019, 7, 26), award),
    )  # fmt: skip
    funded = [("2026", n, "award", "x", ags, "lead", "Gemeinde", None, "BW", 2019, award) for n, ags in enumerate(
        ("08436064", "08115021"), 1
    )]  # fmt: skip
    given(db, "typed__facts_funding__members", MEMBERS, *funded)
    run(db, "core__documented_strategies")
    assert rows(db, "select ags, documented_date from core__documented_strategies order by ags") == [
        ("08115021", DAY(2020, 5, 1)), ("08421000", DAY(2019, 7, 26))
    ]  # fmt: skip


PROJECTS = (
    "edition varchar, row_number bigint, project_id varchar, programme varchar, funder varchar, "
    "funder_level varchar, call varchar, "
    "year integer, project_name varchar, volume_eur double, volume_basis varchar, programme_scope varchar"
)
MEMBERS = (
    "edition varchar, row_number bigint, project_id varchar, member_name varchar, ags varchar, role "
    "varchar, entity_type varchar, "
    "region_key varchar, land varchar, year integer, source_url varchar"
)


def project(project_id: str, level: str = "Bund", year: int = 2020, scope: str = "digital") -> tuple[Any, ...]:
    return ("2026", 1, project_id, "P", "F", level, "c", year, None, None, None, scope)


def member(
    project_id: str,
    name: str,
    ags: str | None,
    entity: str = "Gemeinde",
    region: str | None = None,
    role: str = "lead",
    land: str = "NW",
) -> tuple[Any, ...]:
    return ("2026", 1, project_id, name, ags, role, entity, region, land, 2020, "https://example.org")


def test_one_town_alone_is_no_co_operation_but_a_district_or_an_association_is(db: Any) -> None:
    given(
        db,
        "typed__facts_funding__projects",
        PROJECTS,
        project("town"),
        project("pair"),
        project("district"),
        project("amt"),
    )
    given(
        db, "typed__facts_funding__members", MEMBERS,
        member("town", "Solingen", "05122000"),
        member("pair", "Dortmund", "05913000"), member("pair", "Schwerte", "05978028", role="member"),
        member("district", "Kreis Lippe", None, "Kreis", "05766"),
        member("amt", "Amt Süderbrarup", None, "Amt", "010595974"),
    )  # fmt: skip
    run(db, "core__funded_places")
    found = rows(
        db,
        "select distinct project_id, is_cooperation, district_key, association_key from core__funded_places order by 1",
    )
    assert found == [
        ("amt", True, None, "010595974"),
        ("district", True, "05766", None),
        ("pair", True, None, None),
        ("town", False, None, None),
    ]


def test_a_general_regional_programme_is_not_digital_and_a_land_is_not_the_federation(db: Any) -> None:
    given(
        db,
        "typed__facts_funding__projects",
        PROJECTS,
        project("a", scope="general_regional"),
        project("b", level="Land NW"),
    )
    given(
        db,
        "typed__facts_funding__members",
        MEMBERS,
        member("a", "Kreis Höxter", None, "Kreis", "05762"),
        member("b", "Soest", "05974040"),
    )
    run(db, "core__funded_places")
    assert rows(db, "select project_id, is_digital, funder_level from core__funded_places order by 1") == [
        ("a", False, "federal"),
        ("b", True, "land"),
    ]


# The bundled figures


@pytest.fixture(scope="module")
def real() -> duckdb.DuckDBPyConnection:
    connection = warehouse.connect()
    warehouse.declare(connection, CATALOG)
    figures.load(connection, CATALOG, figures.BUNDLED)
    warehouse.run(connection, warehouse.layer(CATALOG, "2_core"))
    return connection


def test_every_year_has_its_municipalities_its_towns_and_its_population(real: Any) -> None:
    found = rows(
        real,
        "select list_year, count(*), count(distinct ags), count(*) filter (where population >= 30000), "
        "count(population) "
        "from core__municipalities where list_year between 2018 and 2021 group by 1 order by 1",
    )
    assert found == [
        (2018, 11012, 11012, 397, 11012),
        (2019, 10797, 10797, 397, 10797),
        (2020, 10794, 10794, 400, 10794),
        (2021, 10787, 10787, 402, 10787),
    ]
    # with the two inhabited areas that belong to no municipality: the totals that the publishers give
    totals = rows(
        real,
        "select list_year, sum(population)::bigint from core__territory where list_year in (2013, 2014, "
        "2017, 2018, 2019, 2020, 2021) group by 1 order by 1",
    )
    assert totals == [
        (2013, 80767463), (2014, 81197537), (2017, 82792351), (2018, 83019213), (2019, 83166711),
        (2020, 83160230), (2021, 83237124),
    ]  # fmt: skip


def test_known_places_stand_under_their_key_name_district_and_land(real: Any) -> None:
    found = rows(
        real,
        "select list_year, ags, name, population, district_name, land_name from core__municipalities "
        "where (list_year, ags) in "
        "((2021, '05974040'), (2021, '02000000'), (2020, '16056000'), (2021, '16063105'), (2021, "
        "'03159016'), (2021, '03241001'), (2021, '10041100')) "
        "order by list_year, ags",
    )
    assert found == [
        (2020, "16056000", "Eisenach, Stadt", 41970, "Eisenach, Stadt", "Thüringen"),
        (2021, "02000000", "Hamburg, Freie und Hansestadt", 1853935, "Hamburg, Freie und Hansestadt", "Hamburg"),
        (2021, "03159016", "Göttingen, Stadt", 116557, "Göttingen", "Niedersachsen"),
        (2021, "03241001", "Hannover, Landeshauptstadt", 535932, "Region Hannover", "Niedersachsen"),
        (2021, "05974040", "Soest, Stadt", 47929, "Soest", "Nordrhein-Westfalen"),
        (2021, "10041100", "Saarbrücken, Landeshauptstadt", 179634, "Regionalverband Saarbrücken", "Saarland"),
        (2021, "16063105", "Eisenach, Stadt", 41806, "Wartburgkreis", "Thüringen"),
    ]
    assert rows(
        real,
        "select count(*) from core__municipalities where list_year >= 2018 and (district_name is null or "
        "land_name is null or length(ags) <> 8)",
    ) == [(0,)]
    assert rows(
        real, "select count(*) from core__municipalities where list_year = 2021 and ags in ('16056000', '03152012')"
    ) == [(0,)]


def test_keys_of_associations_join_nearly_everywhere_in_2021(real: Any) -> None:
    """Expected match: 99.8 % of the places of 2021; 93 % in 2018, because the sources have the associations of 2022."""
    for table, least in (("typed__rki_gisd__scores", 10770), ("typed__bbsr_inkar_export__values", 10770)):
        (matched,) = rows(
            real,
            f"select count(*) from core__municipalities where list_year = 2021 and association_key in "
            f"(select unit_key from {table} where level = 'association')",
        )[0]
        assert matched >= least
    assert (
        rows(
            real,
            "select list_year, association_key from core__territory group by all having count(distinct "
            "district_key) > 1",
        )
        == []
    )


def test_no_list_entry_means_two_places_and_the_known_traps_are_right(real: Any) -> None:
    assert (
        rows(real, "select source_id, edition, row_number from core__named_places group by all having count(*) > 1")
        == []
    )
    # Munster, Freiburg (Elbe), Frankfurt (Oder), Usedom, Graben; only lists that say the Land may mean them
    wrong = "('03358016', '03359018', '12053000', '13075137', '09772149')"
    assert (
        rows(
            real,
            f"select place_name from core__named_places where ags in {wrong} "
            "and source_id not in ('german_gov_domains', 'db_stations')",
        )
        == []
    )
    found = rows(
        real,
        "select count(*), count(distinct ags) from core__named_places where list_year = 2021 and ags is "
        "not null and source_id = 'oparl_endpoints'",
    )
    assert found == [(45, 45)]


def test_all_but_a_few_charging_points_have_a_place_and_eisenach_has_its_own(real: Any) -> None:
    total, placed = rows(
        real,
        "select sum(points), sum(points) filter (where ags is not null) from core__charging_stations "
        "where list_year = 2021",
    )[0]
    assert total == 49971 and total - placed == 193  # 167 where address and coordinates contradict each other
    assert (
        rows(real, "select sum(points) from core__charging_stations where list_year = 2021 and ags = '16063105'")[0][0]
        >= 36
    )
