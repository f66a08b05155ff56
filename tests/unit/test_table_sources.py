"""Spreadsheets and geodata, from the publishers' bytes to what the core makes of them.

The figures are made here, of the sources under test only, from the publishers' files; the rows of single tests are
written down by hand.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import samples
from places import TWELVE
from tables import given, rows, run

from pipeline import archive, catalog, figures, warehouse
from pipeline.catalog import Catalog
from pipeline.errors import PipelineError, ReadError
from pipeline.outlines import OUTLINE_CRS
from pipeline.read import read_part

CATALOG = catalog.load()
DAY = dt.date
READ = (
    "bbsr_umstieg", "bbsr_umstieg_kreise", "destatis_changes", "destatis_gv", "destatis_gv100ad",
    "destatis_population_2018", "kba_fz3", "kba_fz27", "zensus_2022", "bkg_vg250", "db_stations",
    "german_gov_domains", "mobilitydata_gbfs", "musterdatenkatalog", "oparl_endpoints",
)  # fmt: skip
BROADBAND, STATIONS = "typed__bnetza_breitbandatlas__households", "typed__bnetza_ladesaeulenregister__stations"
MUNICIPALITIES = ("core__territory", "core__unit_names", "core__units", "core__municipalities")


@pytest.fixture(scope="module")
def made(upstream: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Figures of the sources under test."""
    folder = tmp_path_factory.mktemp("tables")
    _, missing = archive.fetch_from(folder / "archive", upstream, [CATALOG.sources[name] for name in READ])
    assert missing == []
    figures.make(CATALOG, folder / "archive", folder / "figures")
    return folder / "figures"


@pytest.fixture
def real(made: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with these figures as views."""
    with warehouse.connect() as connection:
        for path in sorted(made.glob("*.parquet")):
            figures.load_table(connection, made, path.stem)
        warehouse.declare(connection, CATALOG)
        yield connection


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect() as connection:
        yield connection


def as_if_retrieved(source: str, edition: str) -> Catalog:
    """The catalog with an edition that is only described as if its bytes had been seen: tests of its layout."""
    known = CATALOG.sources[source]
    assert known.evidence_of(edition) == "described only"
    seen = known.editions[edition].model_copy(update={"evidence": "original bytes"})
    changed = known.model_copy(update={"editions": {**known.editions, edition: seen}})
    return replace(CATALOG, sources={**CATALOG.sources, source: changed})


def typed(
    catalog: Catalog, folder: Path, table: str, files: dict[tuple[str, str, str], bytes]
) -> list[tuple[Any, ...]]:
    """The rows of a typed table that these files give."""
    sources = samples.publish(folder / "publisher", catalog, files)
    archive.fetch_from(folder / "archive", folder / "publisher", sources)
    figures.make(catalog, folder / "archive", folder / "figures")
    return duckdb.sql(f"from '{folder / 'figures' / table}.parquet'").fetchall()


# Changes of territory

CHANGES = (
    "edition varchar, row_number bigint, source_ags varchar, target_ags varchar, is_dissolution boolean, "
    "is_partial boolean, is_key_change boolean, area_m2 bigint, population integer, statistical_date date"
)
DISSOLVED, PARTIAL, OTHER_KEY, OTHER_NAME = (
    (True, False, False),
    (False, True, False),
    (False, False, True),
    (False, False, False),
)
NEW_YEAR = DAY(2024, 1, 1)


def changes(db: duckdb.DuckDBPyConnection, *moves: tuple[Any, ...]) -> None:
    """Moves as (giver, receiver, kind, m2, inhabitants), all on one day."""
    listed = [("2024", n, s, t, *kind, area, count, NEW_YEAR) for n, (s, t, kind, area, count) in enumerate(moves, 5)]
    given(db, "typed__destatis_changes__changes", CHANGES, *listed)
    run(db, "core__territory_changes")


def test_a_place_that_gives_a_part_goes_on_with_the_rest_and_is_no_merger(db: Any) -> None:
    changes(db, ("14627340", "14627360", PARTIAL, 410_000, 0), ("14627340", "14627340", PARTIAL, 27_590_000, 1618))
    found = "select target_ags, is_end, is_rest, round(area_weight, 4), population_weight from core__territory_changes"
    assert rows(db, f"{found} order by target_ags") == [
        ("14627340", False, True, 0.9854, 1.0),
        ("14627360", False, False, 0.0146, 0.0),
    ]


def test_a_place_that_ends_is_shared_out_by_area_where_nobody_lives_there(db: Any) -> None:
    forest = "09672457"
    changes(db, (forest, "09672163", DISSOLVED, 1_000_000, 0), (forest, "09672145", DISSOLVED, 3_000_000, 0))
    found = "select target_ags, is_end, area_weight, population_weight from core__territory_changes"
    assert rows(db, f"{found} order by target_ags") == [("09672145", True, 0.75, None), ("09672163", True, 0.25, None)]


def test_another_key_moves_a_place_whole_and_another_name_or_association_not_at_all(db: Any) -> None:
    changes(
        db, ("16056000", "16063105", OTHER_KEY, None, None), ("08118071", "08118071", OTHER_NAME, None, None),
        ("01058053", "01058053", OTHER_KEY, None, None),
    )  # fmt: skip
    assert rows(db, "select source_ags, target_ags, is_end, area_weight from core__territory_changes") == [
        ("16056000", "16063105", True, 1.0)
    ]


def test_the_list_of_a_year_is_that_of_the_year_before_with_the_changes_between(real: Any) -> None:
    run(real, "core__territory_changes")
    pairs = "typed__bbsr_umstieg__pairs where source_date = date '2022-12-31'"
    lists = {
        2022: f"select source_ags from {pairs}",
        2023: f"select target_ags from {pairs}",
        # BBSR leaves out the areas that two countries share
        2024: "select ags from typed__destatis_gv__units where record_type = '60' and territory_date = '2024-12-31' "
        "and right(ags, 3) <> '999'",
    }
    keys = {year: {ags for (ags,) in rows(real, sql)} for year, sql in lists.items()}
    assert {year: len(found) for year, found in keys.items()} == {2022: 10990, 2023: 10978, 2024: 10956}
    for year in (2023, 2024):
        moved = "select source_ags, target_ags, is_end from core__territory_changes "
        moved += f"where list_year = {year} order by statistical_date, is_end desc"
        expected = set(keys[year - 1])
        for source, target, is_end in rows(real, moved):
            expected -= {source} if is_end else set()
            expected |= {target}
        assert expected == keys[year]


def test_the_shares_of_divided_places_are_those_of_bbsr(real: Any) -> None:
    run(real, "core__territory_changes")
    compared = rows(
        real,
        """
        select source_ags, target_ags, moves.area_weight, pairs.area_weight,
          moves.population_weight, pairs.population_weight
        from core__territory_changes as moves
        join typed__bbsr_umstieg__pairs as pairs using (source_ags, target_ags)
        where moves.list_year = 2023 and pairs.source_date = date '2022-12-31'
        """,
    )
    assert len(compared) == 28
    for *_, area, area_bbsr, population, population_bbsr in compared:
        assert area == pytest.approx(area_bbsr, abs=0.0006)
        assert population is None or population == pytest.approx(population_bbsr, abs=0.0006)


def test_numbers_as_text_and_dates_that_differ_are_read_as_they_are_meant(real: Any) -> None:
    columns = "kinds, area_m2, population, legal_date, statistical_date, is_rest"
    found = f"select {columns} from typed__destatis_changes__changes where source_ags = '12065251' order by row_number"
    assert rows(real, found) == [
        ("2", 45447, 86, DAY(2021, 10, 1), DAY(2023, 12, 1), False),
        ("2", 103619465, 11747, DAY(2021, 10, 1), DAY(2023, 12, 1), True),
    ]
    of = "from rejected where source_id = 'destatis_changes'"
    assert rows(real, f"select rule, count(*) {of} group by rule order by rule") == [
        ("footer", 18),
        ("other_level", 30),
    ]


@pytest.mark.parametrize("written", ["3, 4", "3,4", "3.4"])
def test_several_kinds_in_one_cell_are_each_of_them(db: Any, written: str) -> None:
    columns = (
        "edition, row_number, number, unit_kind, source_ars, source_ags, source_name, kinds, area_m2, population, "
    )
    columns += "target_ars, target_ags, target_name, legal_date, statistical_date"
    names = ("160565051001", "16056001", " Altdorf ", written, None, None, "160565051002", "16056002", "Neudorf")
    values = ("2024", 5, "16/2024/0001-R", "Gemeinde", *names, "31.12.2023", "2024-01-01")
    given(db, "raw__destatis_changes", ", ".join(f"{c} varchar" for c in columns.split(", ")), values)
    run(db, "typed__destatis_changes__changes")
    found = "select kinds, is_dissolution, is_partial, is_key_change, is_name_change, source_name, legal_date, "
    found += "statistical_date from typed__destatis_changes__changes"
    day = (DAY(2023, 12, 31), NEW_YEAR)
    assert rows(db, found) == [("3, 4", False, False, True, True, "Altdorf", *day)]


def test_every_district_since_1990_is_given_away_whole_and_eisenach_to_its_neighbour(real: Any) -> None:
    of = "from typed__bbsr_umstieg_kreise__pairs"
    sums = f"select source_date, source_key {of} group by all having abs(sum(area_weight) - 1) > 1e-9 "
    assert rows(real, sums + "or abs(sum(population_weight) - 1) > 1e-9") == []
    assert rows(real, f"select count(distinct source_date), count(distinct target_key) {of}") == [(31, 400)]
    moved = f"select distinct target_key, target_name, area_weight {of} where source_key = '16056'"
    assert rows(real, f"{moved} and source_date >= date '2018-12-31'") == [("16063", "Wartburgkreis", 1.0)]


# Cars

PLACES = "list_year bigint, ags varchar, district_key varchar, name varchar"
FZ27 = "edition varchar, part varchar, row_number bigint, district_key varchar, name varchar, reference_date date"
FZ3 = FZ27.replace("district_key", "ags varchar, district_key")
JANUARY = DAY(2021, 1, 1)


def meant(db: duckdb.DuckDBPyConnection, places: dict[str, str], *names: tuple[str, str]) -> list[str | None]:
    """What (district, name) of FZ 3 mean among the municipalities (AGS to name) of the year before."""
    given(db, "core__municipalities", PLACES, *[(2020, ags, ags[:5], name) for ags, name in places.items()])
    listed = [("2021-01-01", "by_text", n, None, *place, JANUARY) for n, place in enumerate(names, 1)]
    given(db, "typed__kba_fz3__cars", FZ3, *listed)
    given(db, "typed__kba_fz27__cars", FZ27)
    run(db, "core__kba_places")
    return [ags for (ags,) in rows(db, "select ags from core__kba_places order by row_number")]


OTHERS = {"08117001": "Adelberg", "08117002": "Aichelberg"}


@pytest.mark.parametrize(
    ("official", "written"),
    [
        ("Geislingen an der Steige, Stadt", "GEISLINGEN A.D.STEIGE,ST."),
        ("Süßen, Stadt", "SUESSEN"),
        ("Pfaffenhofen a.d.Ilm, St", "PFAFFENHOFEN A.D.I.,ST."),
        ("Bad Homburg v.d. Höhe, Stadt", "HOMBURG V.D.HOEHE,BAD,ST."),
        ("Sankt Peter", "ST.PETER"),
        ("Boxberg/O.L. / Hamor", "BOXBERG/O.L."),
        ("Dietfurt a.d.Altmühl, St", "DIETFURT A.D.ALTM.ST."),
        ("Droyßig", "DROYßIG"),
    ],
)
def test_a_name_as_the_kba_writes_it_is_understood(db: Any, official: str, written: str) -> None:
    assert meant(db, {**OTHERS, "08117019": official}, ("08117", written)) == ["08117019"]


@pytest.mark.parametrize(
    ("places", "written"),
    [
        ({"08117019": "Bad Boll"}, "BOLL"),  # might be another place: nothing is added to a name
        ({"08117019": "Neuenkirchen bei Anklam", "08117020": "Neuenkirchen bei Greifswald"}, "NEUENKIRCHEN B."),
        ({"08118019": "Boll"}, "BOLL"),  # another district's
        ({"08117019": "Steinau an der Straße"}, "STEINAU AD STRASSE"),  # abbreviated without a full stop
    ],
)
def test_a_name_that_fits_none_or_several_of_its_district_means_nobody(
    db: Any, places: dict[str, str], written: str
) -> None:
    assert meant(db, {**OTHERS, **places}, ("08117", written)) == [None]


def test_the_title_tells_two_places_of_one_name_apart(db: Any) -> None:
    two = {"01054035": "Garding, Kirchspiel", "01054036": "Garding, Stadt"}
    assert meant(db, two, ("01054", "GARDING,ST."), ("01054", "GARDING,KIRCHSPIEL")) == ["01054036", "01054035"]


def test_a_district_that_is_one_municipality_needs_no_name_and_two_rows_for_one_place_mean_nobody(db: Any) -> None:
    hamburg = {"02000000": "Hamburg, Freie und Hansestadt"}
    assert meant(db, hamburg, ("02000", "HAMBURG-STADT")) == ["02000000"]
    assert meant(db, hamburg, ("02000", "HAMBURG-STADT"), ("02000", "HAMBURG-HAFEN")) == [None, None]
    assert meant(db, hamburg, ("02000", "HAMBURG"), ("02000", "HAMBURG,ST.")) == [None, None]


def test_the_office_of_trier_saarburg_names_places_of_both_districts(db: Any) -> None:
    places = {"07211000": "Trier, Stadt", "07235118": "Saarburg, Stadt"}
    assert meant(db, places, ("07211", "TRIER,ST."), ("07211", "SAARBURG,ST.")) == ["07211000", "07235118"]


def test_nearly_all_municipalities_have_their_cars_and_the_sum_is_the_publishers(real: Any) -> None:
    run(real, *MUNICIPALITIES, "core__kba_places", "indicator__car_density", "indicator__private_electric_cars")
    matched = rows(real, "select source_id, count(*), count(ags) from core__kba_places group by source_id order by all")
    assert matched == [("kba_fz27", 10781, 10665), ("kba_fz3", 10791, 10676)]
    # with what no municipality is known for: 1,220 in the Uckermark, 40,706 of the authorities, 4 suppressed counts
    (total,) = rows(real, "select sum(value) from typed__kba_fz3__cars")[0]
    assert 48248584 - 40706 - 1220 - total == 0
    found = "select unit_key, numerator, denominator, round(value, 3) from indicator__car_density "
    towns = ("02000000", "05774032", "05974040", "08426118")
    assert rows(real, f"{found} where unit_key in {towns} order by unit_key") == [
        ("02000000", 805780.0, 1852480, 434.974),
        ("05774032", 83449.0, 151860, 549.513),
        ("05974040", 29253.0, 47210, 619.636),
        ("08426118", 378.0, 550, 687.273),
    ]
    statuses = (
        "select value_status, count(*), count(value) from indicator__private_electric_cars group by all order by all"
    )
    assert {status for status, *_ in rows(real, statuses)} == {"reported", "suppressed", "true_zero"}
    assert all(counted == (0 if status == "suppressed" else both) for status, both, counted in rows(real, statuses))


def test_described_layout_of_fz_3_with_keys_is_read_by_its_header_wherever_the_columns_stand(tmp_path: Path) -> None:
    """Built from the guide alone: no file of 2023 or later has been seen."""
    seen = as_if_retrieved("kba_fz3", "2026-01-01")
    kinds = {("kba_fz3", f"{year}-01-01", "by_text"): samples.kba_fz3(year=year) for year in (2021, 2026)}
    typed(seen, tmp_path, "typed__kba_fz3__cars", kinds)
    found = "select edition, ags, plz, district_key, name, value, value_status from "
    found += f"'{tmp_path}/figures/typed__kba_fz3__cars.parquet' where district_key in ('05974', '07231') order by all"
    assert duckdb.sql(found).fetchall() == [
        ("2021-01-01", None, "54533", "07231", "DIERFELD", None, "suppressed"),
        ("2021-01-01", None, "59494", "05974", "SOEST,ST.", 29253.0, "reported"),
        ("2026-01-01", "05974040", None, "05974", "SOEST,ST.", 29253.0, "reported"),
        ("2026-01-01", "07231021", None, "07231", "DIERFELD", None, "suppressed"),
    ]


def test_what_is_only_described_enters_no_figures_even_when_a_file_is_there(tmp_path: Path) -> None:
    described = ("kba_fz3", "2026-01-01", "by_text")
    known = typed(
        CATALOG, tmp_path, "typed__kba_fz3__cars",
        {described: samples.kba_fz3(year=2026), ("kba_fz3", "2021-01-01", "by_text"): samples.kba_fz3()},
    )  # fmt: skip
    assert {row[0] for row in known} == {"2021-01-01"}
    with pytest.raises(PipelineError, match="is empty"):
        typed(CATALOG, tmp_path / "alone", "typed__kba_fz3__cars", {described: samples.kba_fz3(year=2026)})


def test_a_header_whose_wording_is_unknown_is_refused_with_what_was_found(tmp_path: Path) -> None:
    renamed = samples.kba_fz3(header={"PLZ, Gemeinde": "Ort"})
    with pytest.raises(ReadError, match=r"row 8, 9: one column 'PLZ, Gemeinde' or .* is expected, found 0.*'Ort'"):
        typed(CATALOG, tmp_path, "typed__kba_fz3__cars", {("kba_fz3", "2021-01-01", "by_text"): renamed})
    without = samples.kba_fz3(header={"Zulassungsbezirk": "Bezirk"})
    with pytest.raises(ReadError, match="a header with 'Zulassungsbezirk' is expected, found none"):
        typed(CATALOG, tmp_path / "b", "typed__kba_fz3__cars", {("kba_fz3", "2021-01-01", "by_text"): without})


# Census


def test_the_census_is_keyed_by_the_key_without_the_association(real: Any) -> None:
    found = "select unit_key, unit_name, value from typed__zensus_2022__population where unit_key in "
    found += "('02000000', '05974040', '09276130') order by unit_key"
    assert rows(real, found) == [
        ("02000000", "Hamburg, Freie und Hansestadt", 1808846.0),
        ("05974040", "Soest, Stadt", 46453.0),
        ("09276130", "Lindberg", 2294.0),
    ]
    assert rows(real, "select count(*), sum(value) from typed__zensus_2022__population") == [(10786, 82711282.0)]


def test_the_deviation_is_that_of_the_last_list_before_the_census(real: Any) -> None:
    run(real, *MUNICIPALITIES, "indicator__census_deviation")
    found = (
        "select round(value, 3), numerator, denominator from indicator__census_deviation where unit_key = '05974040'"
    )
    assert rows(real, found) == [(3.177, 1476.0, 46453.0)]  # 47,929 at the end of 2021
    statuses = "select value_status, count(*) from indicator__census_deviation group by all order by all"
    # two inhabited areas that belong to no municipality are counted by the census too
    assert rows(real, statuses) == [("not_convertible", 2), ("reported", 10784)]


def test_described_dwellings_of_the_census_are_read_by_their_codes_and_of_municipalities_only(tmp_path: Path) -> None:
    """Built from the guide and the codes that public readers of the file use: no file has been seen."""
    files = {("zensus_2022_housing", "2022-05-15", "dwellings"): samples.zensus_dwellings()}
    typed(CATALOG, tmp_path, "typed__zensus_2022_housing__dwellings", files)
    with warehouse.connect() as connection:
        figures.load_table(connection, tmp_path / "figures", "typed__zensus_2022_housing__dwellings")
        run(connection, "indicator__vacant_dwellings")
        found = "select unit_key, value, numerator, denominator, value_status from indicator__vacant_dwellings"
        assert rows(connection, f"{found} where unit_key in ('05974040', '07231021') order by unit_key") == [
            ("05974040", 1.5, 300.0, 20000.0, "reported"),
            ("07231021", None, None, 4.0, "rounded_to_zero"),
        ]
        assert rows(connection, "select count(*) from indicator__vacant_dwellings") == [(12,)]


# Layouts of real sources that are only described


def test_described_broadband_of_2025_is_read_by_technology_and_speed_and_of_municipalities_only(tmp_path: Path) -> None:
    """Built from the guide alone: no workbook has been seen."""
    seen = as_if_retrieved("bnetza_breitbandatlas", "2025-12")
    part = ("bnetza_breitbandatlas", "2025-12", "households")
    typed(seen, tmp_path, BROADBAND, {part: samples.breitbandatlas_xlsx()})
    table = f"'{tmp_path}/figures/{BROADBAND}.parquet'"
    found = f"select variable, value, source_column from {table} where unit_key = '05974040' order by variable"
    assert duckdb.sql(found).fetchall() == [
        ("fibre_1000", 12.25, "X"), ("speed_100", 98.0, "G"), ("speed_1000", 95.5, "J"), ("speed_16", 99.5, "D"),
        ("speed_50", 98.5, "F"),
    ]  # fmt: skip
    assert duckdb.sql(f"select count(distinct unit_key) from {table}").fetchall() == [(12,)]
    with pytest.raises(ReadError, match=r"cell C3: expected to hold '12\.2025', found 'Festnetz: 06\.2026'"):
        typed(seen, tmp_path / "newer", BROADBAND, {part: samples.breitbandatlas_xlsx(date="06.2026")})


def test_what_another_method_puts_lower_says_nothing_about_the_years_before(db: Any) -> None:
    columns = "edition varchar, part varchar, row_number bigint, source_column varchar, level varchar, "
    columns += "unit_key varchar, reference_date date, variable varchar, value double, value_status varchar, "
    columns += "sign_raw varchar"
    days = ((DAY(2020, 12, 31), 60.0), (DAY(2021, 6, 30), 40.0), (DAY(2025, 12, 31), 20.0))
    given(
        db, BROADBAND, columns,
        *[(str(d), "p", 1, "K", "municipality", "05974040", d, "speed_1000", v, "reported", None) for d, v in days],
    )  # fmt: skip
    run(db, "core__broadband")
    assert rows(db, "select value, value_status from core__broadband order by reference_date") == [
        (None, "unreliable"),
        (40.0, "reported"),
        (20.0, "reported"),
    ]


@pytest.mark.parametrize(
    ("edition", "layout", "date", "encoding"),
    [("2026-09-01", "csv_utf8", "01.09.2026", "utf-8-sig"), ("2025-07-18", "csv_latin1", "18.07.2025", "iso-8859-1")],
)
def test_described_charging_register_as_csv_is_read_below_its_text_and_through_its_quotes(
    tmp_path: Path, edition: str, layout: str, date: str, encoding: str
) -> None:
    """Built from the guide alone: no CSV of the register has been seen."""
    seen = as_if_retrieved("bnetza_ladesaeulenregister", edition)
    part = ("bnetza_ladesaeulenregister", edition, layout)
    typed(seen, tmp_path, STATIONS, {part: samples.ladesaeulen_csv(date=date, encoding=encoding)})
    found = "select row_number, place_name, plz, district_name, commissioned, points, status, latitude "
    found += f"from '{tmp_path}/figures/{STATIONS}.parquet' order by row_number"
    devices = duckdb.sql(found).fetchall()
    assert len(devices) == 12
    day = DAY(int(date[-4:]), 7, 11)
    assert devices[0] == (12, "Flensburg", "24937", "Kreisfreie Stadt Flensburg", day, 2, "In Wartung", 54.78252)
    assert devices[3][:4] == (15, "Köln", "50667", "Kreisfreie Stadt Köln")


def test_a_charging_register_of_another_day_or_without_its_header_is_refused(tmp_path: Path) -> None:
    seen = as_if_retrieved("bnetza_ladesaeulenregister", "2026-09-01")
    part = ("bnetza_ladesaeulenregister", "2026-09-01", "csv_utf8")
    with pytest.raises(ReadError, match=r"cell A8: expected to hold '01\.09\.2026', found .*03\.06\.2026"):
        typed(seen, tmp_path, STATIONS, {part: samples.ladesaeulen_csv(date="03.06.2026")})
    renamed = samples.ladesaeulen_csv().replace(b";Betreiber;", b";Betreibername;")
    with pytest.raises(ReadError, match="a header with 'Betreiber' is expected, found none"):
        typed(seen, tmp_path / "b", STATIONS, {part: renamed})


# Outlines

VG250 = ("bkg_vg250", "2025-01-01", "geopackage")
KEYS_2020 = [{"16063105": "16056000"}.get(place.ags, place.ags) for place in TWELVE]


def test_the_municipalities_of_vg250_are_those_of_the_list_with_the_changes_of_that_day(real: Any) -> None:
    run(real, "core__territory_changes")
    listed = "select source_ags from typed__bbsr_umstieg__pairs where source_date = date '2022-12-31'"
    expected = {ags for (ags,) in rows(real, listed)}
    moved = "select source_ags, target_ags from core__territory_changes "
    moved += "where statistical_date = date '2023-01-01' and is_end"
    for source, target in rows(real, moved):
        expected = expected - {source} | {target}
    assert {ags for (ags,) in rows(real, "select ags from typed__bkg_vg250__municipalities")} == expected
    assert len(expected) == 10981
    water = "select sum(row_last - row_first + 1) from rejected where source_id = 'bkg_vg250'"
    assert rows(real, water) == [(129,)]


@pytest.fixture(scope="module")
def outlines(upstream: Path) -> dict[str, bytes]:
    """The outlines of the twelve places in VG5000, moved to the system of VG250, by AGS."""
    shapely, pyproj = pytest.importorskip("shapely"), pytest.importorskip("pyproj")
    source = CATALOG.sources["bkg_vg5000"]
    keys, shapes = (
        read_part(source, "2021-01-01", part, (upstream / part.file).read_bytes()).rows
        for part in source.editions["2021-01-01"].parts
    )
    wanted = keys.merge(shapes, on="row_number").set_index("ags")["wkb"]
    move = pyproj.Transformer.from_crs(OUTLINE_CRS, "EPSG:25832", always_xy=True).transform
    places = [place.ags if place.name != "Eisenach, Stadt" else "16056000" for place in TWELVE]
    return {
        ags: shapely.to_wkb(shapely.transform(shapely.from_wkb(wanted[ags]), move, interleaved=False)) for ags in places
    }


@pytest.mark.parametrize("envelope", [True, False])
def test_described_geopackage_gives_each_municipality_its_own_outline(
    outlines: dict[str, bytes], envelope: bool
) -> None:
    """Built from the guide and the outlines of VG5000: no GeoPackage of VG250 has been seen."""
    shapely, pyproj = pytest.importorskip("shapely"), pytest.importorskip("pyproj")
    packed = samples.vg250_zip(outlines, water=["01001000", "02000000"], envelope=envelope)
    source = CATALOG.sources["bkg_vg250"]
    found = read_part(source, VG250[1], source.editions[VG250[1]].parts[0], packed)
    assert found.rows_read == 14 and found.rejected["rule"].to_list() == ["out_of_scope"]
    move = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:25832", always_xy=True).transform
    around = found.rows.set_index("ags")["wkb"]
    for ags, place in zip(KEYS_2020, TWELVE, strict=True):
        degrees = (float(text.replace(",", ".")) for text in (place.longitude, place.latitude))
        point = shapely.points(*move(*degrees))
        assert [key for key, wkb in around.items() if shapely.from_wkb(wkb).intersects(point)] == [ags]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"date": "01.01.2024"}, "aktualitaet.txt: '01.01.2025' is expected, found '01.01.2024'"),
        ({"layer": "vg250_lan"}, "one layer vg250_gem is expected, found vg250_lan, vg250_krs"),
        ({"crs": 31467}, "EPSG:25832 is expected, found EPSG:31467"),
    ],
)
def test_another_day_layer_or_system_of_vg250_is_refused(change: dict[str, Any], message: str) -> None:
    square = bytes.fromhex("0101000000000000000000000000000000000000000000")[:21]
    source = CATALOG.sources["bkg_vg250"]
    with pytest.raises(ReadError, match=re.escape(message)):
        packed = samples.vg250_zip({"05974040": square}, **change)
        read_part(source, VG250[1], source.editions[VG250[1]].parts[0], packed)


def test_two_rows_of_land_for_one_key_and_a_damaged_package_are_refused(upstream: Path) -> None:
    source = CATALOG.sources["bkg_vg250"]
    (part,) = source.editions["2023-01-01"].parts
    content = (upstream / part.file).read_bytes()
    wide = source.layouts["attributes"].model_copy(update={"where": {"land_or_water": ["4", "2"]}})
    with_water = source.model_copy(update={"layouts": {**source.layouts, "attributes": wide}})
    with pytest.raises(ReadError, match="each AGS is expected once, found 01001000 again"):
        read_part(with_water, "2023-01-01", part, content)
    broken = io.BytesIO()
    with zipfile.ZipFile(broken, "w") as packed:
        packed.writestr("aktualitaet.txt", "01.01.2025")
        packed.writestr("DE_VG250.gpkg", b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(ReadError, match="a whole GeoPackage is expected, found 5016 bytes"):
        read_part(source, VG250[1], source.editions[VG250[1]].parts[0], broken.getvalue())


# Stations


def test_the_largest_station_of_a_place_counts_and_a_place_that_no_address_names_has_none(real: Any) -> None:
    run(real, *MUNICIPALITIES, "core__place_names", "core__named_places", "indicator__station_category")
    towns = ("02000000", "05774032", "05974040", "08426118")
    found = (
        f"select unit_key, value, row_number from indicator__station_category where unit_key in {towns} order by all"
    )
    assert rows(real, found) == [("02000000", 1.0, 1211), ("05774032", 2.0, 4744), ("05974040", 3.0, 4843)]
    counted = "select count(*), count(ags) from core__named_places where source_id = 'db_stations'"
    ((stations, matched),) = rows(real, counted)
    assert stations == 5393 and matched > 3500
