"""Relations hold in the bundled figures and break, with source, edition and numbers, where somebody damages them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pytest

from pipeline import catalog, figures, relations, warehouse
from pipeline.errors import CheckError, PipelineError

CATALOG = catalog.load()
ALL = frozenset(CATALOG.sources)
BROADBAND, CARS, POWER = (
    "typed__bnetza_breitbandatlas__households",
    "typed__kba_fz1__cars",
    "typed__bnetza_mastr__power",
)
UNITS, UNITS_2018, PLACES_2018 = (
    "typed__destatis_gv__units",
    "typed__destatis_gv100ad__units",
    "typed__destatis_population_2018__places",
)
PAIRS, OUTLINES, INKAR = "typed__bbsr_umstieg__pairs", "typed__bkg_vg5000__outlines", "typed__bbsr_inkar_2024__values"
LONG_PAIRS = "typed__bbsr_umstieg_lang__pairs"
STATIONS, SYSTEMS, COUNCILS = (
    "typed__bnetza_ladesaeulenregister__stations",
    "typed__mobilitydata_gbfs__systems",
    "typed__oparl_endpoints__places",
)
MEMBERS, PROJECTS, DOMAINS = (
    "typed__facts_funding__members",
    "typed__facts_funding__projects",
    "typed__german_gov_domains__domains",
)
STRATEGIES = "typed__facts_strategies__evidence"
LISTS = (UNITS, UNITS_2018, PLACES_2018, PAIRS)


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect() as connection:
        warehouse.declare(connection, CATALOG)
        yield connection


def given(connection: duckdb.DuckDBPyConnection, *tables: str) -> None:
    for table in tables:
        path = figures.BUNDLED / f"{table}.parquet"
        connection.execute(f"create table \"{table}\" as from read_parquet('{path}')")


def shift(table: str, column: str, where: str) -> str:
    """One column of some rows one row lower than the rest."""
    return (
        f"update {table} set {column} = later.new from (select rowid as at, lag({column}) "
        f"over (order by row_number) as new "
        f"from {table} where {where}) as later where {table}.rowid = later.at and later.new is not null"
    )


def swap(table: str, one: str, other: str, where: str) -> str:
    return (
        f"update {table} set variable = case variable when '{one}' then '{other}' else '{one}' end "
        f"where variable in ('{one}', '{other}') and {where}"
    )


DAMAGES = [
    (
        ("typed__rki_gisd__scores",),
        "update typed__rki_gisd__scores set value = value / 1000 where level = 'district'",
        "scores_scaled: rki_gisd, edition 2025-v1.0: scores of the level district in 2016 from 0 to 1 is expected",
    ),
    (
        LISTS,
        f"delete from {UNITS} where edition = '2021-12-31' and record_type = '50' and association_key = '082155001'",
        "municipal_levels: destatis_gv, edition 2021-12-31: row ",
    ),
    (
        (BROADBAND,),
        swap(BROADBAND, "speed_100", "speed_1000", "edition = '2020-12'"),
        "broadband_speeds: bnetza_breitbandatlas, edition 2020-12: row ",
    ),
    (
        (BROADBAND,),
        f"delete from {BROADBAND} where edition = '2020-12' and unit_key = '05974040'",
        "broadband_keys: bnetza_breitbandatlas, edition 2020-12: every municipality of "
        "2019-12 is expected, found none with the key 05974040",
    ),
    (
        (CARS,),
        swap(CARS, "cars", "battery_electric", "edition = '2021-01-01'"),
        "cars_parts: kba_fz1, edition 2021-01-01: row 10",
    ),
    (
        (CARS,),
        shift(CARS, "value", "variable = 'cars' and edition = '2021-01-01'"),
        "(rank correlation of at least 0.89) is expected, found 0.4",
    ),
    (
        (POWER,),
        f"update {POWER} set value = value / 1000 where variable = 'pv_kw' and edition = '2021-12-31'",
        "another unit?",
    ),
    (
        (POWER,),
        f"update {POWER} set value = old.value from (from {POWER}) as old where "
        f"{POWER}.edition = '2021-12-31' and old.edition = '2018-12-31' and old.variable = "
        f"{POWER}.variable and old.unit_key = {POWER}.unit_key",
        "the content of another year under this label?",
    ),
    (
        (POWER,),
        f"update {POWER} set value = null where variable = 'wind_kw' and edition = '2021-12-31' and row_number % 2 = 0",
        "(as many values within 0.0) is expected, found",
    ),
    (
        (CARS,),
        f"update {CARS} set value = 1000 * value where unit_key = '05974' and edition = "
        f"'2021-01-01' and variable = 'cars'",
        "(no place alone by more than 1.39 times) is expected, found 05974: ",
    ),
    (
        (BROADBAND,),
        shift(
            BROADBAND, "value", "variable = 'fibre_1000' and edition = '2021-06' and row_number between 5001 and 5300"
        ),
        "rows_in_place: bnetza_breitbandatlas, edition 2021-06: row 50",
    ),
    (
        (BROADBAND,),
        swap(BROADBAND, "speed_50", "speed_100", "edition = '2021-06'"),
        "siblings_apart: bnetza_breitbandatlas, edition 2021-06: speed_",
    ),
    (
        (INKAR,),
        swap(INKAR, "q_hausarzt_bev", "q_kinderarzt_kinder", "year(reference_date) = 2021 and level = 'district'"),
        "siblings_apart: bbsr_inkar_2024",
    ),
    (
        LISTS,
        shift(UNITS, "population", "edition = '2021-12-31' and record_type = '60'"),
        "municipal_sizes: destatis_gv, edition 2021-12-31: row ",
    ),
    (
        LISTS,
        shift(UNITS_2018, "area_km2", "record_type = '60'"),
        "municipal_sizes: destatis_gv100ad, edition 2018-09-30: row ",
    ),
    (
        LISTS,
        shift(PLACES_2018, "population", "true"),
        "municipal_sizes: destatis_population_2018, edition 2018-12-31: row ",
    ),
    (LISTS, shift(PAIRS, "population", "true"), "municipal_sizes: bbsr_umstieg, edition 2020-2023: row "),
    (
        LISTS,
        f"delete from {UNITS} where edition = '2019-12-31' and ags = '05974040'",
        "municipal_keys: destatis_gv, edition 2019-12-31: every municipality",
    ),
    (
        LISTS,
        f"update {UNITS} set population = old.population from (from {UNITS}) as old where "
        f"{UNITS}.edition = '2021-12-31' and old.edition = '2019-12-31' and old.ars = "
        f"{UNITS}.ars and old.record_type = {UNITS}.record_type",
        "municipal_populations_move: destatis_gv, edition 2021-12-31: populations of 2021-12-31",
    ),
    ((UNITS, OUTLINES), shift(OUTLINES, "ags", "true"), "municipal_names: bkg_vg5000, edition 2021-01-01: row "),
    ((UNITS, MEMBERS), shift(MEMBERS, "ags", "entity_type = 'Gemeinde'"), "municipal_names: facts_funding"),
    (
        (PAIRS,),
        f"update {PAIRS} set area_weight = area_weight / 2 where source_ags = '05974040'",
        "crosswalk_shares: bbsr_umstieg, edition 2020-2023: row ",
    ),
    (
        (LONG_PAIRS,),
        f"update {LONG_PAIRS} set area_weight = 0 where source_ags = '05974040' and source_date = date '2017-12-31'",
        "long_crosswalk_shares: bbsr_umstieg_lang, edition 2020: row ",
    ),
    (
        (STATIONS,),
        f"insert into {STATIONS} select * replace (row_number + 30000 as row_number) from "
        f"{STATIONS} where edition = '2022-01-01' and row_number % 50 = 0",
        "charging_repeats: bnetza_ladesaeulenregister, edition 2022-01-01: row ",
    ),
    (
        (STATIONS,),
        f"update {STATIONS} set commissioned = commissioned + interval 1 year where edition = '2021-09-01'",
        "charging_fresh: bnetza_ladesaeulenregister, edition 2021-09-01",
    ),
    (
        (STATIONS,),
        f"delete from {STATIONS} where edition = '2022-01-01' and row_number % 4 = 0",
        "charging_fresh: bnetza_ladesaeulenregister, edition 2022-01-01",
    ),
    (
        (SYSTEMS, COUNCILS),
        f"delete from {COUNCILS} where edition = '2021-12-31'; insert into {COUNCILS} select "
        f"'2021-12-31', * exclude (edition) from {COUNCILS} where edition = '2020-12-31'",
        "lists_move_on: oparl_endpoints, edition 2021-12-31",
    ),
    (
        (SYSTEMS, COUNCILS),
        f"insert into {COUNCILS} select * replace (row_number + 1000 as row_number) from "
        f"{COUNCILS} where edition = '2021-12-31'",
        "lists_without_repeats: oparl_endpoints, edition 2021-12-31",
    ),
    (
        (SYSTEMS,),
        shift(SYSTEMS, "place_name", "edition = '2021-12-31'"),
        "systems_stay: mobilitydata_gbfs, edition 2021-12-31",
    ),
    ((DOMAINS,), shift(DOMAINS, "place_name", "true"), "domains_name_places: german_gov_domains, edition 2020-10"),
    (
        (POWER,),
        f"update {POWER} set value = value / 1000 where variable = 'pv_kw' and edition = '2021-12-31' "
        "and unit_key = '02000000'",
        "pv_kw of 2021-12-31 in the Land 02 that goes on as elsewhere (1/15 to 30 times the growth of the others)",
    ),
    (
        (BROADBAND,),
        f"update {BROADBAND} set value = value / 100 where edition = '2020-12' and unit_key like '10%'",
        "speed_100 of 2020-12-31 in the Land 10 that goes on as elsewhere (1/15 to 30 times the growth of the others)",
    ),
    (
        (BROADBAND,),
        f"update {BROADBAND} set value = old.value from (from {BROADBAND}) as old "
        f"where {BROADBAND}.edition = '2020-12' and old.edition = '2019-12' and old.variable = {BROADBAND}.variable "
        f"and old.unit_key = {BROADBAND}.unit_key and old.unit_key like '10%'",
        "in the Land 10 that goes on as elsewhere (at most 0.765 of the values unchanged)",
    ),
    (
        (STATIONS,),
        shift(STATIONS, "points", "edition = '2022-01-01'"),
        "charging_devices_stay: bnetza_ladesaeulenregister, edition 2022-01-01",
    ),
    (
        (STATIONS,),
        f"delete from {STATIONS} where edition = '2022-01-01' and district_name = 'Kreis Soest'",
        "as many devices in Kreis Soest as before, within 30 % is expected, found 0 after",
    ),
    (
        (MEMBERS, STRATEGIES),
        f"update {MEMBERS} set ags = '05111000' where ags = '01059063'",
        "a municipality of the district and Land of its entry is expected, found Norderbrarup: 05111000 beside",
    ),
    (
        (MEMBERS, PROJECTS),
        f"delete from {MEMBERS} where row_number = (select max(row_number) from {MEMBERS} where role = 'member')",
        "funding_members: facts_funding, edition 2026",
    ),
]


def test_every_relation_and_every_correction_holds_in_the_bundled_figures(db: duckdb.DuckDBPyConnection) -> None:
    given(db, *(table for source in CATALOG.retrieved.values() for table in source.tables))
    assert relations.breaks(db, CATALOG) == []
    assert relations.corrected(db, CATALOG, ALL) == []


@pytest.mark.parametrize(
    ("tables", "damage", "message"), DAMAGES, ids=[message.split(":")[0] for *_, message in DAMAGES]
)
def test_a_broken_relation_says_where_what_was_expected_and_what_found(
    db: duckdb.DuckDBPyConnection, tables: tuple[str, ...], damage: str, message: str
) -> None:
    given(db, *tables)
    assert relations.breaks(db, CATALOG) == []
    db.execute(damage)
    found = "\n".join(relations.breaks(db, CATALOG))
    assert message in found, found
    assert "is expected, found" in found


def test_a_relation_that_is_no_sql_is_an_error_that_names_it(db: duckdb.DuckDBPyConnection) -> None:
    given(db, PAIRS)
    wrong = replace(CATALOG, sql={**CATALOG.sql, "relation__crosswalk_shares": f"select happiness from {PAIRS}"})
    with pytest.raises(PipelineError, match=r"sql: model relation__crosswalk_shares: .*happiness"):
        relations.breaks(db, wrong)


def test_a_correction_goes_when_the_publisher_has_put_it_right(db: duckdb.DuckDBPyConnection) -> None:
    given(db, UNITS)
    db.execute(f"update {UNITS} set area_km2 = 56.73 where ags = '01001000'")
    found = relations.corrected(db, CATALOG, {"destatis_gv"})
    assert len(found) == 1
    assert re.match(r"- corrections\.yml: gv_flensburg_area: .* found none: the publisher has put it right", found[0])
    assert relations.corrected(db, CATALOG, set()) == [], "of a part of a source nobody can say that an error is gone"
    with pytest.raises(CheckError, match="1 relation"):
        relations.require(db, CATALOG, {"destatis_gv"})


def test_every_correction_is_used_by_the_sql_that_it_names() -> None:
    for correction in CATALOG.corrections.values():
        named = re.search(rf"corrections\.yml: .*\b{correction.id}\b", CATALOG.sql[correction.model])
        assert named, correction.id


def test_a_declared_break_of_a_series_has_a_reason() -> None:
    for source in CATALOG.sources.values():
        for steady in source.steady.values():
            assert bool(steady.breaks) <= bool(steady.why)
