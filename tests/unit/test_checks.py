"""Every suite passes on the bundled figures and fails on damaged ones, with the table, the column and the rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from pipeline import catalog, checks, figures, publish, warehouse
from pipeline.errors import CatalogError

# the library is held below 2.0, where conditions as text go; each use of one warns
pytestmark = pytest.mark.filterwarnings("ignore:.*(row_condition|condition_parser) parameter:DeprecationWarning")

CATALOG = catalog.load()
TYPED = sorted(CATALOG.typed_tables)
BUNDLED = [table for table in TYPED if CATALOG.typed_tables[table].is_retrieved]
PUBLISHED = sorted(set(publish.FILES) - set(publish.FINDINGS))
CELLS = [table for table in BUNDLED if CATALOG.typed_tables[table].kind == "cells" and not table.endswith("__regions")]

BROADBAND = "typed__bnetza_breitbandatlas__households"
CARS = "typed__kba_fz1__cars"
POWER = "typed__bnetza_mastr__power"
UNITS = "typed__destatis_gv__units"
UNITS_2018 = "typed__destatis_gv100ad__units"
PAIRS = "typed__bbsr_umstieg__pairs"
DWELLINGS = "typed__regionalstatistik__dwellings"
INKAR = "typed__bbsr_inkar_2024__values"
INKAR_2021 = "typed__bbsr_inkar_2021__values"
EXPORT = "typed__bbsr_inkar_export__values"
STATIONS = "typed__bnetza_ladesaeulenregister__stations"
PLACES_2018 = "typed__destatis_population_2018__places"
REGIONS = "typed__bbsr_inkar_2021__regions"
MEMBERS = "typed__facts_funding__members"
PROJECTS = "typed__facts_funding__projects"
EVIDENCE = "typed__facts_strategies__evidence"
DOMAINS = "typed__german_gov_domains__domains"
SYSTEMS = "typed__mobilitydata_gbfs__systems"


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect() as connection:
        yield connection


def run(connection: duckdb.DuckDBPyConnection, table: str, folder: Path | None = None) -> checks.Outcome:
    """A table's suite, fed the way a build feeds it."""
    wanted = checks.columns_of(table, folder)
    there = [column for column in warehouse.columns(connection, table) if column in wanted]
    return checks.run_suite(table, warehouse.category_frame(connection, f'from "{table}"', there), folder)


def only(folder: Path, table: str, kind: str | None, column: str = "") -> Path:
    """A folder with the entries of a table's suite that are of one kind (None: any) and column, so that a test
    runs no others."""
    declared = checks.load_suite(table)
    declared["expectations"] = [
        entry
        for entry in declared["expectations"]
        if kind in (None, entry["type"]) and checks._columns(entry["kwargs"]) == column
    ]
    (folder / f"{table}.json").write_text(json.dumps(declared), "utf-8")
    return folder


def bundled(
    connection: duckdb.DuckDBPyConnection, table: str, *damages: str, folder: Path | None = None
) -> checks.Outcome:
    """The suite of a bundled table after some SQL has damaged it; `t` in the SQL is the table."""
    path = figures.BUNDLED / f"{table}.parquet"
    connection.execute(f"create table \"{table}\" as from read_parquet('{path}')")
    for damage in damages:
        connection.execute(re.sub(r"\bt\b", f'"{table}"', damage))
    return run(connection, table, folder)


def suite(tmp_path: Path, *expectations: dict[str, Any], **changes: Any) -> Path:
    """A folder with the suite of a table called `places`."""
    content = {"name": "places", "meta": {}, "expectations": list(expectations), **changes}
    (tmp_path / "places.json").write_text(json.dumps(content), "utf-8")
    return tmp_path


def expectation(kind: str = "expect_column_values_to_not_be_null", **kwargs: Any) -> dict[str, Any]:
    meta = {"why": "a test", **({"condition_columns": ["kind"]} if "row_condition" in kwargs else {})}
    return {"type": kind, "kwargs": kwargs or {"column": "ags"}, "severity": "critical", "meta": meta}


FRAME = pd.DataFrame(
    {
        "ags": pd.Categorical(["01", None, "03", "03"]),
        "kind": pd.Categorical(list("abab")),
        "value": [1.0, 2.0, 3.0, 4.0],
    }
)


# suites as they are written


@pytest.mark.parametrize("table", [*TYPED, *PUBLISHED])
def test_every_suite_loads_in_the_library_without_losing_an_expectation(table: str) -> None:
    declared = checks.load_suite(table)
    gx, _, _ = checks._great_expectations()
    assert len(gx.ExpectationSuite(**declared).expectations) == len(declared["expectations"])
    assert any(entry["severity"] == "critical" for entry in declared["expectations"])


@pytest.mark.parametrize("table", [*TYPED, *PUBLISHED])
def test_the_columns_of_a_condition_are_the_declared_ones(table: str) -> None:
    """They leave the warehouse because meta.condition_columns names them; a name too few is an error at run time."""
    for entry in checks.load_suite(table)["expectations"]:
        condition = entry["kwargs"].get("row_condition", "")
        assert set(re.findall(r"(\w+) (?:[!=]=|in \[|not in \[)", condition)) == set(
            entry["meta"].get("condition_columns", [])
        )


@pytest.mark.parametrize("table", [*TYPED, *PUBLISHED])
def test_no_expectation_stands_twice(table: str) -> None:
    entries = [json.dumps([e["type"], e["kwargs"]], sort_keys=True) for e in checks.load_suite(table)["expectations"]]
    assert len(entries) == len(set(entries))


@pytest.mark.parametrize("table", TYPED)
def test_every_declared_edition_has_a_row_count_of_its_own(table: str) -> None:
    """So that a cut file of one year cannot hide behind the others."""
    counted = {
        re.sub(r'^edition == "(.*)"$', r"\1", entry["kwargs"].get("row_condition", ""))
        for entry in checks.load_suite(table)["expectations"]
        if entry["type"] == "expect_table_row_count_to_be_between" and entry["severity"] == "critical"
    }
    assert set(CATALOG.typed_tables[table].retrieved_editions) - counted == set()


@pytest.mark.parametrize("table", CELLS)
def test_a_measure_that_an_indicator_reads_has_bounds(table: str) -> None:
    """Every variable that the SQL names is held by bounds or a mean, so that a factor 1,000 cannot pass."""
    models = [text for name, text in CATALOG.sql.items() if CATALOG.sql_layer[name] != "relations"]
    sql = " ".join(text for text in models if table in warehouse.references(text))
    with warehouse.connect() as connection:
        figures.load_table(connection, figures.BUNDLED, table)
        there = {row[0] for row in connection.execute(f'select distinct variable from "{table}"').fetchall()}
    bounded = {
        variable
        for entry in checks.load_suite(table)["expectations"]
        if entry["severity"] == "critical" and entry["kwargs"].get("column") == "value"
        for variable in re.findall(r'variable == "(\w+)"', entry["kwargs"].get("row_condition", ""))
    }
    read = {variable for variable in there if f"'{variable}'" in sql}
    assert read - bounded == set()


# suites that are wrong


def test_an_unknown_expectation_type_is_an_error(tmp_path: Path) -> None:
    folder = suite(tmp_path, expectation(), expectation("expect_magic", column="ags"))
    with pytest.raises(CatalogError, match=r"places\.json.*unknown expectation type expect_magic"):
        checks.run_suite("places", FRAME, folder)


def test_a_misspelt_argument_is_an_error_that_names_file_and_argument(tmp_path: Path) -> None:
    folder = suite(tmp_path, expectation("expect_column_values_to_be_between", column="value", min_valu=1))
    with pytest.raises(CatalogError, match=r"(?s)places\.json.*min_valu"):
        checks.run_suite("places", FRAME, folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"severity": None}, "entry 1 .*'severity' must be one of critical, warning, info, found None"),
        ({"severity": "fatal"}, "entry 1 .*'severity' .* found 'fatal'"),
        ({"meta": {}}, r"entry 1 .*'meta\.why'"),
        ({"meta": {"why": ""}}, r"entry 1 .*'meta\.why'"),
        ({"kwargs": None}, "entry 1 .*'kwargs'"),
        ({"kwargs": {"column": "ags", "row_condition": 'kind == "a"'}}, r"entry 1 .*'meta\.condition_columns'"),
    ],
)
def test_an_incomplete_entry_is_refused_with_file_entry_and_key(
    tmp_path: Path, damage: dict[str, Any], message: str
) -> None:
    with pytest.raises(CatalogError, match=rf"places\.json, {message}"):
        checks.load_suite("places", suite(tmp_path, {**expectation(), **damage}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"name": "places", "expectations": []}', "no expectations"),
        ('{"name": "places"}', "no expectations"),
        ('{"name": "towns", "expectations": [{}]}', "'name' is 'towns'"),
        ("[]", "a suite is expected, found list"),
        ("{", "is not JSON"),
    ],
)
def test_a_file_that_is_no_suite_of_its_table_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "places.json").write_text(content)
    with pytest.raises(CatalogError, match=rf"places\.json.*{message}"):
        checks.load_suite("places", tmp_path)


def test_a_missing_suite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"places\.json does not exist"):
        checks.load_suite("places", tmp_path)


# what a run tells


def test_failing_rows_are_listed_by_their_position_in_the_frame(tmp_path: Path) -> None:
    folder = suite(tmp_path, expectation(), expectation("expect_column_values_to_be_unique", column="ags"))
    outcome = checks.run_suite("places", FRAME.set_axis([10, 11, 12, 13]), folder)
    found = sorted(zip(outcome.failing["expectation"], outcome.failing["position"], strict=True))
    assert found == [
        ("expect_column_values_to_be_unique", 2),
        ("expect_column_values_to_be_unique", 3),
        ("expect_column_values_to_not_be_null", 1),
    ]


def test_under_a_condition_the_position_is_still_that_of_the_whole_frame(tmp_path: Path) -> None:
    bounds = {"column": "value", "max_value": 3, "row_condition": 'kind == "b"', "condition_parser": "pandas"}
    outcome = checks.run_suite(
        "places", FRAME, suite(tmp_path, expectation("expect_column_values_to_be_between", **bounds))
    )
    assert list(outcome.failing["position"]) == [3]


def test_a_failure_is_told_with_table_column_condition_and_finding(tmp_path: Path) -> None:
    bounds = {"column": "value", "max_value": 3, "row_condition": 'kind == "b"', "condition_parser": "pandas"}
    folder = suite(
        tmp_path,
        expectation("expect_column_values_to_be_between", **bounds),
        expectation("expect_table_row_count_to_be_between", min_value=5),
        expectation("expect_column_values_to_be_in_set", column="kind", value_set=["a", *map(str, range(30))]),
    )
    outcome = checks.run_suite("places", FRAME, folder)
    assert checks.critical_failures(outcome.checks) == [
        '- places: expect_column_values_to_be_between on value: max_value 3 where kind == "b", found 1 unexpected of 2',
        "- places: expect_column_values_to_be_in_set on kind: value_set a, 0, 1, 2, 3 and 26 more, "
        "found 2 unexpected of 4",
        "- places: expect_table_row_count_to_be_between on the table: min_value 5, found 4",
    ]
    assert 'max_value 3 where kind == "b"' in outcome.failing["reason"].iloc[0]


def test_what_a_column_lacks_is_counted_and_named(tmp_path: Path) -> None:
    wanted = {"column": "kind", "value_set": ["a", "c", "d"]}
    outcome = checks.run_suite(
        "places", FRAME, suite(tmp_path, expectation("expect_column_distinct_values_to_contain_set", **wanted))
    )
    assert checks.critical_failures(outcome.checks)[0].endswith("found 2 missing: c, d")


def test_only_critical_checks_stop_a_publication(tmp_path: Path) -> None:
    folder = suite(
        tmp_path, {**expectation(), "severity": "warning"}, {**expectation(column="kind"), "severity": "info"}
    )
    outcome = checks.run_suite("places", FRAME, folder)
    assert list(outcome.checks["success"]) == [False, True]
    assert list(outcome.failing["severity"]) == ["warning"]
    assert checks.critical_failures(outcome.checks) == []


def test_a_column_that_is_not_there_fails_and_says_so(tmp_path: Path) -> None:
    outcome = checks.run_suite("places", FRAME, suite(tmp_path, expectation(column="name")))
    assert re.search(r"on name, found could not be evaluated: .*name", checks.critical_failures(outcome.checks)[0])


def test_an_average_of_no_rows_is_a_failure(tmp_path: Path) -> None:
    mean = {"column": "value", "min_value": 0, "row_condition": 'kind == "c"', "condition_parser": "pandas"}
    outcome = checks.run_suite(
        "places", FRAME, suite(tmp_path, expectation("expect_column_mean_to_be_between", **mean))
    )
    assert checks.critical_failures(outcome.checks)[0].endswith("found nothing")


def test_a_run_without_failures_has_an_empty_list_of_rows_with_the_same_columns(tmp_path: Path) -> None:
    outcome = checks.run_suite("places", FRAME, suite(tmp_path, expectation(column="kind")))
    assert list(outcome.failing.columns) == list(checks.FAILING_COLUMNS)
    assert len(outcome.failing) == 0


def test_the_same_frame_gives_the_same_rows_and_nothing_in_them_is_a_clock_or_an_id(
    db: duckdb.DuckDBPyConnection,
) -> None:
    damage = "update t set value = value * 1000"
    first, second = bundled(db, CARS, damage), run(db, CARS)
    pd.testing.assert_frame_equal(first.checks, second.checks)
    pd.testing.assert_frame_equal(first.failing, second.failing)
    text = first.checks.to_csv() + first.failing.to_csv()
    assert not re.search(r"\d\d:\d\d|[0-9a-f]{8}-[0-9a-f]{4}|batch_id|pass_through", text)


# the bundled figures, whole and damaged


@pytest.mark.parametrize("table", BUNDLED)
def test_the_bundled_figures_pass_and_half_of_them_do_not(
    db: duckdb.DuckDBPyConnection, tmp_path: Path, table: str
) -> None:
    assert checks.critical_failures(bundled(db, table).checks) == []
    db.execute(f'create table half as from "{table}" where row_number % 2 = 0; drop table "{table}"')
    db.execute(f'alter table half rename to "{table}"')
    failures = "\n".join(checks.critical_failures(run(db, table, only(tmp_path, table, COUNT)).checks))
    for edition in CATALOG.typed_tables[table].retrieved_editions:
        assert re.search(rf'{table}: .* on the table: min_value \d+ where edition == "{edition}", found \d+', failures)


UNIQUE, REGEX = "expect_compound_columns_to_be_unique", "expect_column_values_to_match_regex"
BETWEEN, MEAN, SUM = (f"expect_column_{what}_to_be_between" for what in ("values", "mean", "sum"))
COUNT, FILLED = "expect_table_row_count_to_be_between", "expect_column_values_to_not_be_null"
IN_SET, EMPTY = "expect_column_values_to_be_in_set", "expect_column_values_to_be_null"
HAS_ALL = "expect_column_distinct_values_to_contain_set"
CELL_KEY = "edition, part, variable, reference_date, unit_key"
LIST_KEY = "edition, record_type, land_code, district_key, association_key, name"
ONE_ROW = "where row_number = (select min(row_number) from t)"
ONE_TOWN = "where ags = '05334002'"


def scaled(column: str, factor: float, where: str = "true") -> str:
    kind = "integer" if column == "population" else "double"
    return f"update t set {column} = cast({column} * {factor} as {kind}) where {where}"


def swapped(first: str, second: str) -> str:
    """Two variables of a table of cells in each other's place."""
    return (
        f"update t set variable = case variable when '{first}' then '{second}' else '{first}' end "
        f"where variable in ('{first}', '{second}')"
    )


def without_zero(column: str) -> str:
    return f"update t set {column} = ltrim({column}, '0')"


DAMAGES = {
    "a doubled row": (CARS, "insert into t from t limit 1", UNIQUE, CELL_KEY),
    "a doubled edition": (DWELLINGS, "insert into t from t", UNIQUE, CELL_KEY),
    "a lost leading zero": (CARS, without_zero("unit_key"), REGEX, "unit_key"),
    "a key that is missing": (CARS, f"update t set unit_key = null {ONE_ROW}", FILLED, "unit_key"),
    "a cell that nobody understands": (CARS, f"update t set value_status = null {ONE_ROW}", FILLED, "value_status"),
    "an unknown status": (CARS, f"update t set value_status = 'maybe' {ONE_ROW}", IN_SET, "value_status"),
    "a year that is missing": (CARS, "delete from t where edition = '2019-01-01'", COUNT, ""),
    "thousands of cars in one year": (CARS, scaled("value", 0.001, "edition = '2018-01-01'"), MEAN, "value"),
    "swapped kinds of car": (CARS, swapped("cars", "battery_electric"), MEAN, "value"),
    "shares for per cent": (BROADBAND, scaled("value", 0.01, "edition = '2020-12'"), MEAN, "value"),
    "a factor 1,000 in per cent": (BROADBAND, scaled("value", 1000, "edition = '2020-12'"), BETWEEN, "value"),
    "a speed class missing": (
        BROADBAND,
        "delete from t where variable = 'speed_50' and edition = '2018-12'",
        COUNT,
        "",
    ),
    "MW for kW in one edition": (POWER, scaled("value", 0.001, "edition = '2021-12-31'"), MEAN, "value"),
    "W for kW in one edition": (POWER, scaled("value", 1000, "edition = '2021-12-31'"), MEAN, "value"),
    "wind and biomass swapped": (POWER, swapped("wind_kw", "biomass_kw"), MEAN, "value"),
    "a municipality twice": (UNITS, f"insert into t from t {ONE_TOWN}", UNIQUE, "edition, ags"),
    "an AGS without its zero": (UNITS, without_zero("ags"), REGEX, "ags"),
    "a municipality without AGS": (UNITS, f"update t set ags = null {ONE_TOWN}", FILLED, "ags"),
    "a municipality without people": (UNITS, f"update t set population = null {ONE_TOWN}", FILLED, "population"),
    "hectares for km2": (UNITS, scaled("area_km2", 100, "edition = '2017-12-31'"), SUM, "area_km2"),
    "thousands of people": (UNITS, scaled("population", 0.001, "edition = '2013-12-31'"), SUM, "population"),
    "the smallest Land missing": (
        UNITS,
        "delete from t where land_code = '04' and edition = '2019-12-31'",
        SUM,
        "population",
    ),
    "swapped coordinates": (UNITS, "update t set longitude = latitude, latitude = longitude", BETWEEN, "latitude"),
    "a postcode without its zero": (UNITS, without_zero("plz"), REGEX, "plz"),
    "hectares for km2 in 2018": (UNITS_2018, scaled("area_km2", 100), SUM, "area_km2"),
    "a municipality twice in 2018": (UNITS_2018, f"insert into t from t {ONE_TOWN}", UNIQUE, "edition, ags"),
    "a doubled list": (PLACES_2018, "insert into t from t", "expect_column_values_to_be_unique", "ags"),
    "thousands of people in 2018": (PLACES_2018, scaled("population", 0.001), SUM, "population"),
    "hundreds of people in 2020": (PAIRS, scaled("population", 0.01), SUM, "population"),
    "weights in per cent": (PAIRS, scaled("area_weight", 100), BETWEEN, "area_weight"),
    "weights for areas": (PAIRS, "update t set area_weight = area_km2, area_km2 = area_weight", SUM, "area_km2"),
    "m2 for 1,000 m2": (DWELLINGS, scaled("value", 1000, "variable = 'living_space_1000_m2'"), MEAN, "value"),
    "dwellings for living space": (DWELLINGS, swapped("living_space_1000_m2", "dwellings"), MEAN, "value"),
    "a year of one measure missing": (
        DWELLINGS,
        "delete from t where variable = 'dwellings' and reference_date = date '2018-12-31'",
        COUNT,
        "",
    ),
    "EUR for 1,000 EUR": (INKAR, scaled("value", 1000, "variable = 'q_bip_ew'"), BETWEEN, "value"),
    "doctors per 10": (INKAR, scaled("value", 0.001, "variable = 'q_hausarzt_bev'"), MEAN, "value"),
    "a year of one share missing": (
        INKAR,
        "delete from t where variable = 'a_smin' and reference_date = date '2019-12-31'",
        COUNT,
        "",
    ),
    "values without a date": (INKAR_2021, f"update t set reference_date = null {ONE_ROW}", FILLED, "reference_date"),
    "hectares for m2": (INKAR_2021, scaled("value", 0.0001, "variable = 'x240'"), MEAN, "value"),
    "an empty column": (EXPORT, "update t set value = null where variable = 'unemployed'", FILLED, "value"),
    "tax for unemployed": (EXPORT, swapped("unemployed", "income_tax"), MEAN, "value"),
    "swapped coordinates of stations": (
        STATIONS,
        "update t set longitude = latitude, latitude = longitude",
        BETWEEN,
        "latitude",
    ),
    "power read as points": (STATIONS, "update t set points = 22 where edition = '2022-01-01'", MEAN, "points"),
    "a variable without a name": (CARS, f"update t set variable = null {ONE_ROW}", FILLED, "variable"),
    "a level that nobody said": (POWER, "update t set level = null", FILLED, "level"),
    "a district's value passed off as a town's": (CARS, "update t set level = 'municipality'", IN_SET, "level"),
    "a report without a number": (CARS, f"update t set value = null {ONE_ROW}", FILLED, "value"),
    "a number that is none": (BROADBAND, f"update t set value = 'nan'::double {ONE_ROW}", FILLED, "value"),
    "an absent value as zero": (EXPORT, "update t set value = 0 where value is null", EMPTY, "value"),
    "a zero that is five": (DWELLINGS, "update t set value = 5 where value_status = 'true_zero'", BETWEEN, "value"),
    "the year after": (
        INKAR,
        "update t set reference_date = reference_date + interval 1 year",
        IN_SET,
        "reference_date",
    ),
    "Bremen missing": (CARS, "delete from t where unit_key like '04%' and edition = '2020-01-01'", HAS_ALL, "unit_key"),
    "Bremen missing on a long list": (
        BROADBAND,
        "delete from t where unit_key like '04%' and edition = '2020-12'",
        HAS_ALL,
        "unit_key",
    ),
    "the newest year in another unit": (
        INKAR,
        scaled("value", 0.001, "variable = 'q_aerzte_bev' and reference_date = date '2021-12-31'"),
        MEAN,
        "value",
    ),
    "permits for completions": (DWELLINGS, swapped("dwellings_completed", "dwellings_permitted"), MEAN, "value"),
    "an association without its zero": (UNITS, without_zero("association_key"), REGEX, "association_key"),
    "a district without its zero": (UNITS, without_zero("district_key"), REGEX, "district_key"),
    "a long key without its zero": (UNITS_2018, without_zero("ars"), REGEX, "ars"),
    "a Land twice": (UNITS, "insert into t from t where record_type = '10' limit 1", UNIQUE, LIST_KEY),
    "the inhabitants of another year": (
        UNITS,
        "update t set population_date = population_date + interval 1 year",
        IN_SET,
        "population_date",
    ),
    "inhabitants without a place": (PLACES_2018, f"update t set ags = null {ONE_ROW}", FILLED, "ags"),
    "a pair without its target": (PAIRS, f"update t set target_ags = null {ONE_ROW}", FILLED, "target_ags"),
    "a region without its key": (REGIONS, f"update t set unit_key = null {ONE_ROW}", FILLED, "unit_key"),
    "stations without points": (STATIONS, f"update t set points = null {ONE_ROW}", FILLED, "points"),
    "stations of next year": (
        STATIONS,
        "update t set commissioned = commissioned + interval 1 year",
        REGEX,
        "commissioned",
    ),
    "a member without a source": (MEMBERS, "update t set source_url = null", FILLED, "source_url"),
    "members without a year": (MEMBERS, f"update t set year = null {ONE_ROW}", FILLED, "year"),
    "towns without their key": (MEMBERS, "update t set ags = null", FILLED, "ags"),
    "a project without a funder": (PROJECTS, "update t set funder_level = null", FILLED, "funder_level"),
    "a tenth of the projects": (PROJECTS, "delete from t where row_number % 10 = 0", COUNT, ""),
    "a strategy twice": (
        EVIDENCE,
        "insert into t from t limit 1",
        UNIQUE,
        "place_name, entity_type, kind, documented_date, source_url",
    ),
    "strategies without a date": (EVIDENCE, "update t set documented_date = null", FILLED, "documented_date"),
    "a doubled list of domains": (DOMAINS, "insert into t from t", UNIQUE, "edition, domain"),
    "a doubled list of systems": (SYSTEMS, "insert into t from t", UNIQUE, "edition, system_id"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_is_a_critical_failure_with_table_and_column(
    db: duckdb.DuckDBPyConnection, tmp_path: Path, name: str
) -> None:
    table, damage, kind, column = DAMAGES[name]
    failures = checks.critical_failures(bundled(db, table, damage, folder=only(tmp_path, table, kind, column)).checks)
    assert any(f.startswith(f"- {table}: {kind} on {column or 'the table'}") for f in failures), failures


def test_the_listed_rows_are_the_damaged_ones(db: duckdb.DuckDBPyConnection) -> None:
    outcome = bundled(db, UNITS, "update t set population = 5000000 where ags = '05334002' and edition = '2021-12-31'")
    listed = outcome.failing[outcome.failing["severity"] == "critical"]
    rows = warehouse.frame(db, f'from "{UNITS}"').iloc[listed["position"]]
    assert list(zip(rows["edition"], rows["ags"], strict=True)) == [("2021-12-31", "05334002")]


def test_a_text_column_that_is_wholly_empty_fails_and_does_not_break_the_run(db: duckdb.DuckDBPyConnection) -> None:
    failures = checks.critical_failures(bundled(db, CARS, "update t set unit_key = null").checks)
    assert any("not_be_null on unit_key, found 4800 unexpected of 4800" in failure for failure in failures)


# published files: one good row, damaged; the counts of a whole edition fail either way

RANKING = {
    "league": "germany", "ags": "05334002", "status": "ranked", "rank": 1, "score": 50.0, "availability": 0.9,
    "share_inherited": 0.2, "population": 250_000, "name": "Aachen", "district_name": "x", "land_name": "y",
    "unit_key": "ags:05334002", "district_key": "05334", "land_code": "05", "size_class": "size_100_500k",
    "score_potential": 60.0, "score_implementation": 40.0,
}  # fmt: skip
INDICATOR = {
    "ags": "05334002", "indicator_id": "doctors", "value": 3.0, "value_status": "reported", "level": "municipality",
    "normalised": 40.0, "weight_effective": 0.02, "weight_effective_city": 0.02, "area": "health",
    "dimension": "potential", "unit": "per 10,000", "source_id": "x", "source_edition": "2024", "source_row": 3,
    "reference_year": 2021, "missing_because": None,
}  # fmt: skip
AREA_SCORE = {"league": "germany", "ags": "05334002", "area": "health", "score": 50.0, "rank": 1, "availability": 1.0}
FUNDING = {
    "ags": "05334002", "name": "Aachen", "project_id": "x", "role": "lead", "programme": "x", "funder": "x",
    "funder_level": "federal", "year": 2019, "source_url": "https://example.org",
}  # fmt: skip
SOURCE = {
    "source_id": "x", "edition": "2021", "part": "1", "file": "x.csv", "publisher": "x", "sha256": "0" * 64,
    "bytes": 7, "licence": "x", "attribution": "x",
}  # fmt: skip
AREA = {"indicator_set": "city", "area": "health", "status": "scored", "reason": "", "weight": 0.1}
WEIGHT = {
    "indicator_set": "city", "indicator_id": "doctors", "status": "scored", "reason": "", "weight": 0.1,
    "coverage": 1.0, "share_at_0": 0.1, "share_at_100": 0.1,
}  # fmt: skip
REGION = {
    "region_kind": "district", "region_key": "05334", "region_name": "x", "members": 10, "members_scored": 9,
    "population": 500_000, "share_scored": 0.9, "score": 50.0, "rank": 7, "status": "ranked",
}  # fmt: skip
MEMBER = {
    "region_kind": "smart_region", "region_key": "x", "ags": "05334002", "role": "lead", "named_as": "municipality",
}  # fmt: skip
COVERAGE = {
    "area": "health", "indicator_id": "doctors", "size_class": "size_0_5k", "places": 9, "share_own_values": 1.0,
}  # fmt: skip
LEFT_OUT = {
    "league": "germany", "left_out_kind": "area", "left_out": "health", "weight": 0.1, "shift_mean": 9.0,
    "ags": "05334002",
}  # fmt: skip
WORD = {"kind": "column", "name": "ags", "label_de": "x", "label_en": "x", "text_de": "x", "text_en": "x"}


@pytest.mark.parametrize(
    ("table", "row", "damage", "column"),
    [
        ("rankings", RANKING, {"ags": "5334002"}, "ags"),
        ("rankings", RANKING, {"league": "world"}, "league"),
        ("rankings", RANKING, {"rank": None}, "rank"),
        ("rankings", RANKING, {"rank": 2}, "rank"),
        ("rankings", RANKING, {"status": "availability"}, "rank"),
        ("rankings", RANKING, {"status": "fine"}, "status"),
        ("rankings", RANKING, {"score": None}, "score"),
        ("rankings", RANKING, {"score": 101.0}, "score"),
        ("rankings", RANKING, {"availability": 90.0}, "availability"),
        ("rankings", RANKING, {"population": None}, "population"),
        ("rankings", RANKING, {"name": None}, "name"),
        ("rankings", RANKING, {"ags": None}, "ags"),
        ("rankings", RANKING, {"unit_key": "05334002"}, "unit_key"),
        ("rankings", RANKING, {"league": None}, "league"),
        ("rankings", RANKING, {"status": None}, "status"),
        ("rankings", RANKING, {"status": "availability", "rank": None}, "score"),
        ("rankings", RANKING, {"score_potential": None}, "score_potential"),
        ("rankings", RANKING, {"score_implementation": 101.0}, "score_implementation"),
        ("rankings", RANKING, {"district_key": "5334"}, "district_key"),
        ("indicators", INDICATOR, {"value": None}, "value"),
        ("indicators", INDICATOR, {"value_status": "suppressed"}, "value"),
        ("indicators", INDICATOR, {"value_status": "not_collected"}, "value"),
        ("indicators", INDICATOR, {"value_status": None}, "value_status"),
        ("indicators", INDICATOR, {"normalised": -1.0}, "normalised"),
        ("indicators", INDICATOR, {"weight_effective": 0.5}, "weight_effective"),
        ("indicators", INDICATOR, {"level": "street"}, "level"),
        ("indicators", INDICATOR, {"level": "district"}, "level"),
        ("indicators", INDICATOR, {"level": None}, "level"),
        ("indicators", INDICATOR, {"value_status": "inherited"}, "level"),
        ("indicators", INDICATOR, {"indicator_id": None}, "indicator_id"),
        ("indicators", INDICATOR, {"source_row": None}, "source_row"),
        ("indicators", INDICATOR, {"value_status": "imputed"}, "missing_because"),
        ("indicators", INDICATOR, {"value_status": "imputed", "normalised": None}, "normalised"),
        ("indicators", INDICATOR, {"value_status": "suppressed", "value": None}, "normalised"),
        ("area_scores", AREA_SCORE, {"area": "weather"}, "area"),
        ("area_scores", AREA_SCORE, {"league": None}, "league"),
        ("area_scores", AREA_SCORE, {"score": None}, "score"),
        ("funding", FUNDING, {"source_url": None}, "source_url"),
        ("funding", FUNDING, {"year": 1821}, "year"),
        ("funding", FUNDING, {"funder_level": "Bund"}, "funder_level"),
        ("sources", SOURCE, {"sha256": "abc"}, "sha256"),
        ("sources", SOURCE, {"bytes": 0}, "bytes"),
        ("sources", SOURCE, {"attribution": None}, "attribution"),
        ("areas", AREA, {"status": "left_out", "reason": ""}, "reason"),
        ("weights", WEIGHT, {"status": "coverage", "reason": ""}, "reason"),
        ("regions", REGION, {"region_name": None}, "region_name"),
        ("regions", REGION, {"rank": 0}, "rank"),
        ("regions", REGION, {"score": 101.0}, "score"),
        ("regions", REGION, {"population": 80_000_000}, "population"),
        ("region_members", MEMBER, {"ags": "5334002"}, "ags"),
        ("region_members", MEMBER, {"role": "guest"}, "role"),
        ("quality_coverage", COVERAGE, {"share_own_values": 1.1}, "share_own_values"),
        ("quality_areas", {"cronbach_alpha": 0.5}, {"cronbach_alpha": 1.1}, "cronbach_alpha"),
        ("quality_correlations", {"rank_correlation": 0.5}, {"rank_correlation": 1.1}, "rank_correlation"),
        ("quality_leave_out", LEFT_OUT, {"shift_mean": None}, "shift_mean"),
        ("dictionary", WORD, {"label_de": None}, "label_de"),
    ],
)
def test_a_wrong_published_row_is_a_critical_failure(
    tmp_path: Path, table: str, row: dict[str, Any], damage: dict[str, Any], column: str
) -> None:
    folder = only(tmp_path, table, None, column)

    def failed(values: dict[str, Any]) -> set[str]:
        return set(checks.critical_failures(checks.run_suite(table, pd.DataFrame([values]), folder).checks))

    assert failed({**row, **damage}) - failed(row)
