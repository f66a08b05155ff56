"""Declarations are checked both ways on load; a wrong one is refused with the file and the key to look at."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import catalog, errors, figures, panel, publish, warehouse
from pipeline.errors import CatalogError, UsageError

FOLDERS = {
    "frame": catalog.PACKAGE / "frame",
    "sources": catalog.PACKAGE / "sources",
    "sql": catalog.shipped("sql"),
    "expectations": catalog.shipped("expectations"),
}
FRAME_FILES = sorted(path.name for path in FOLDERS["frame"].glob("*.yml"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The declared folders, to be damaged."""
    for name, folder in FOLDERS.items():
        shutil.copytree(folder, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def load(root: Path) -> catalog.Catalog:
    return catalog.load(**{name: root / name for name in FOLDERS})


def replace(path: Path, old: str, new: str) -> None:
    """Damage one place of a file; a place that is not there would leave the test without a damage."""
    text = path.read_text("utf-8")
    assert old in text, f"{path.name} does not hold {old!r}"
    path.write_text(text.replace(old, new, 1), "utf-8")


def add(path: Path, text: str) -> None:
    path.write_text(path.read_text("utf-8").rstrip("\n") + "\n" + text, "utf-8")


def refused(root: Path, *parts: str) -> None:
    """Loading fails and its message holds every part: the file, the key and what stands there."""
    with pytest.raises(CatalogError) as caught:
        load(root)
    message = str(caught.value)
    assert [part for part in parts if part not in message] == [], message


def test_the_declarations_as_they_are_load(copy: Path) -> None:
    assert load(copy).fingerprint == catalog.load().fingerprint


def test_the_fingerprint_sees_every_kind_of_declaration(copy: Path) -> None:
    found = {load(copy).fingerprint}
    for name in ("frame/methods.yml", "sources/kba_fz1.yml", "sql/2_core/core__units.sql"):
        add(copy / name, "# changed\n" if name.endswith("yml") else "-- changed\n")
        found.add(load(copy).fingerprint)
    add(copy / "expectations/rankings.json", " \n")
    found.add(load(copy).fingerprint)
    assert len(found) == 5


@pytest.mark.parametrize("name", FRAME_FILES)
def test_an_unknown_key_is_refused_with_file_and_key(copy: Path, name: str) -> None:
    path = copy / "frame" / name
    damaged = re.sub(r"(?m)^- (\{?)", _with_colour, path.read_text("utf-8"), count=1)
    path.write_text(damaged, "utf-8")
    refused(copy, name, "'colour'", "Extra inputs are not permitted")


def _with_colour(start: re.Match[str]) -> str:
    return f"- {start[1]}colour: red" + (", " if start[1] else "\n  ")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("id: kba_fz1\n", "id: kba_fz1\ncolour: red\n", "'colour'"),
        ("reader: excel", "reader: excel\n    colour: red", "colour'"),
        ("parts: [{", "parts: [{colour: red, ", "colour'"),
    ],
)
def test_an_unknown_key_of_a_source_layout_or_part_is_refused(copy: Path, old: str, new: str, key: str) -> None:
    replace(copy / "sources/kba_fz1.yml", old, new)
    refused(copy, "kba_fz1.yml", key, "Extra inputs are not permitted")


def test_a_missing_key_is_named(copy: Path) -> None:
    replace(copy / "sources/kba_fz1.yml", "publisher: ", "# publisher: ")
    refused(copy, "kba_fz1.yml", "'publisher'", "Field required")


@pytest.mark.parametrize("name", ["areas.yml", "indicators.yml", "leagues.yml", "methods.yml", "corrections.yml"])
def test_an_id_given_twice_is_refused(copy: Path, name: str) -> None:
    path = copy / "frame" / name
    entries = re.split(r"(?m)^(?=- )", path.read_text("utf-8"))
    first = re.search(r"id: (\w+)", entries[1])
    assert first
    add(path, entries[1])
    refused(copy, name, f"id '{first[1]}' stands twice")


def test_an_edition_year_given_twice_is_refused(copy: Path) -> None:
    path = copy / "frame/editions.yml"
    add(path, path.read_text("utf-8").splitlines()[-1] + "\n")
    refused(copy, "editions.yml", "year 2021 stands twice")


def test_a_key_given_twice_in_one_mapping_is_refused_and_not_overwritten(copy: Path) -> None:
    add(copy / "sources/kba_fz1.yml", '  "2021-01-01": {parts: []}\n')
    refused(copy, "kba_fz1.yml", "'2021-01-01' stands twice")


def test_an_indicator_without_sql_is_refused(copy: Path) -> None:
    (copy / "sql/3_indicators/indicator__doctors.sql").unlink()
    refused(copy, "indicators.yml", "doctors", "key 'id'", "indicator__doctors")


def test_an_indicator_model_without_a_declaration_is_refused(copy: Path) -> None:
    (copy / "sql/3_indicators/indicator__happiness.sql").write_text("select 1 as ags")
    refused(copy, "sql/3_indicators", "indicators.yml", "indicator__happiness")


def test_a_typed_model_that_no_source_declares_is_refused(copy: Path) -> None:
    (copy / "sql/1_typed/typed__nobody__rows.sql").write_text("select 1 as ags")
    refused(copy, "sql/1_typed", "'tables'", "typed__nobody__rows")


def test_a_declared_table_without_a_file_is_refused(copy: Path) -> None:
    (copy / "sql/1_typed/typed__kba_fz1__cars.sql").unlink()
    refused(copy, "kba_fz1.yml", "'tables'", "typed__kba_fz1__cars")


def test_a_table_of_two_sources_is_refused(copy: Path) -> None:
    replace(copy / "sources/rki_gisd.yml", "tables: [", "tables: [typed__kba_fz1__cars, ")
    refused(copy, "rki_gisd.yml", "'tables'", "typed__kba_fz1__cars", "kba_fz1.yml")


def test_two_models_of_one_name_are_refused(copy: Path) -> None:
    shutil.copy(copy / "sql/2_core/core__units.sql", copy / "sql/3_indicators/core__units.sql")
    refused(copy, "sql", "two models are called core__units")


def test_a_source_file_that_is_not_called_like_its_id_is_refused(copy: Path) -> None:
    (copy / "sources/kba_fz1.yml").rename(copy / "sources/kba.yml")
    refused(copy, "kba_fz1.yml", "'id'")


@pytest.mark.parametrize(
    ("file", "old", "new", "parts"),
    [
        ("indicators", "  area: strategy", "  area: sport", ("strategy_documented", "'area'", "unknown area: sport")),
        ("indicators", "  source: facts_strategies", "  source: hearsay", ("'source'", "unknown source: hearsay")),
        ("areas", "joins: strategy", "joins: sport", ("administration", "'joins'", "unknown area: sport")),
        ("editions", "method: default", "method: guess", ("2018", "'method'", "unknown method: guess")),
        ("aliases", "source: oparl_endpoints", "source: hearsay", ("munster", "'source'", "hearsay")),
        ("corrections", "source: bbsr_inkar_2024", "source: hearsay", ("inkar_abitur_zero", "'source'", "hearsay")),
        ("corrections", "model: core__broadband", "model: core__x", ("broadband_fall", "'model'", "core__x")),
        ("corrections", "table: typed__kba_fz1__cars", "table: typed__x", ("kba_trier", "'table'", "typed__x")),
        ("indicators", "label_en: Share of income tax", 'label_en: "=1+1"', ("income_tax", "'label_en'", "formula")),
        ("bounds", "- method: default", "- method: guess", ("guess", "'method'", "unknown method")),
        ("bounds", "    doctors:", "    happiness:", ("default", "'indicators'", "unknown indicator: happiness")),
        ("bounds", "doctors: [0.0, ", "doctors: [99.0, ", ("default", "'indicators.doctors'", "99.0")),
        ("methods", "{strategy: 1,", "{strategy: 1, sport: 1,", ("'area_weights'", "match no area: sport")),
        ("methods", "{strategy: 1,", "{", ("'area_weights'", "areas without a weight: strategy")),
        ("methods", "{strategy: 1,", "{strategy: 0,", ("'area_weights.strategy'", "0.0")),
        ("methods", "{strategy: 1,", "{strategy: -1,", ("'area_weights.strategy'", "-1.0")),
        ("methods", "{strategy: 1,", "{strategy: .nan,", ("'area_weights.strategy'", "nan")),
        ("methods", "{strategy: 1,", "{strategy: .inf,", ("'area_weights.strategy'", "inf")),
        ("methods", "{strategy: 1,", "{strategy: heavy,", ("'area_weights.strategy'", "'heavy'")),
        ("methods", "  area_minimum", "  indicator_weights: {happiness: 1}\n  area_minimum", ("match no indicator",)),
        ("methods", "  area_minimum", "  indicator_weights: {doctors: -1}\n  area_minimum", ("_weights.doctors'",)),
        ("leagues", "min_population: 1,", "min_population: few,", ("germany", "'min_population'", "'few'")),
        ("editions", "2018-12-31", "31.12.2018", ("2018", "'territory_date'", "'31.12.2018'")),
        ("aliases", '"09162000"', '"9162000"', ("munich", "'ags'", "'9162000'")),
    ],
)
def test_a_wrong_entry_of_the_frame_is_refused(
    copy: Path, file: str, old: str, new: str, parts: tuple[str, ...]
) -> None:
    replace(copy / f"frame/{file}.yml", old, new)
    refused(copy, f"{file}.yml", *parts)


def test_an_area_without_indicators_is_refused(copy: Path) -> None:
    add(copy / "frame/areas.yml", "- {id: sport, label_de: Sport, label_en: Sport}\n")
    refused(copy, "areas.yml", "'id'", "areas without an indicator: sport")


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("layout: before_2019", "layout: hearsay", ("editions.2018-01-01", "layout 'hearsay' is not declared")),
        ("editions:\n", "signs: {'x': perhaps}\neditions:\n", ("signs.'x'", "'perhaps' is not a value status")),
        ("kind: cells", "kind: heap", ("'kind'", "'heap'")),
        ("complete: true", "complete: [yes]", ("'complete'",)),
    ],
)
def test_a_wrong_source_is_refused(copy: Path, old: str, new: str, parts: tuple[str, ...]) -> None:
    path = copy / "sources/kba_fz1.yml"
    path.write_text(re.sub(r"(?m)^signs:.*\n", "", path.read_text("utf-8")), "utf-8")
    replace(path, old, new)
    refused(copy, "kba_fz1.yml", *parts)


def test_a_sign_of_one_edition_must_be_a_value_status_too(copy: Path) -> None:
    replace(copy / "sources/kba_fz1.yml", '"2018-01-01":\n', '"2018-01-01":\n    signs: {"x": perhaps}\n')
    refused(copy, "kba_fz1.yml", "signs.'x'", "'perhaps'")


@pytest.mark.parametrize("name", ["frame/areas.yml", "sources/kba_fz1.yml"])
@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda path: path.write_text("- {id: [", "utf-8"), "not readable as YAML"),
        (lambda path: path.write_bytes("id: Größe".encode("latin-1")), "not UTF-8"),
        (lambda path: path.write_text("", "utf-8"), "is expected"),
        (lambda path: path.write_text("- just\n- words\n", "utf-8"), "a mapping is expected"),
    ],
)
def test_a_file_that_is_no_declaration_is_refused(
    copy: Path, name: str, damage: Callable[[Path], object], part: str
) -> None:
    damage(copy / name)
    refused(copy, Path(name).name, part)


def test_a_missing_file_of_the_frame_is_named(copy: Path) -> None:
    (copy / "frame/leagues.yml").unlink()
    refused(copy, "leagues.yml")


def test_sql_that_is_not_utf8_is_refused_with_its_file(copy: Path) -> None:
    (copy / "sql/2_core/core__units.sql").write_bytes("-- Größe\nselect 1".encode("latin-1"))
    refused(copy, "core__units.sql", "not UTF-8")


def test_a_typed_table_without_a_suite_is_refused(copy: Path) -> None:
    (copy / "expectations/typed__kba_fz1__cars.json").unlink()
    refused(copy, "expectations", "typed__kba_fz1__cars")


def test_a_suite_without_a_table_is_refused(copy: Path) -> None:
    (copy / "expectations/typed__nobody__rows.json").write_text("{}")
    refused(copy, "expectations", "suites of no table", "typed__nobody__rows")


def test_every_published_file_but_the_findings_has_a_suite_and_no_other() -> None:
    suites = {path.stem for path in FOLDERS["expectations"].glob("*.json")}
    assert suites - set(catalog.load().typed_tables) == {*publish.FILES, panel.PANEL} - set(publish.FINDINGS)


def test_the_columns_name_exactly_the_published_files() -> None:
    named = {name for column in catalog.load().columns.values() for name in column.files}
    assert named == {*publish.FILES, panel.PANEL}


def test_an_unknown_edition_year_is_a_usage_error_that_lists_the_declared_ones() -> None:
    with pytest.raises(UsageError, match=r"no edition 1999 .*editions.yml.* 2018, 2019, 2020, 2021") as caught:
        catalog.load().edition(1999)
    assert caught.value.exit_code == 2


def test_exit_codes_are_those_of_the_contract() -> None:
    codes = {
        kind.__name__: kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.PipelineError)
    }
    assert codes == {"PipelineError": 1, "CatalogError": 1, "ReadError": 1, "UsageError": 2, "CheckError": 3}


def test_what_was_only_described_enters_no_edition(copy: Path) -> None:
    whole = load(copy)
    replace(copy / "sources/kba_fz1.yml", "evidence: original bytes", "evidence: described only")
    waiting = load(copy)
    gone = {i.id for i in whole.sorted_indicators} - {i.id for i in waiting.sorted_indicators}
    assert gone == {"battery_electric_cars"}
    assert set(figures.table_names(whole)) - set(figures.table_names(waiting)) == {"typed__kba_fz1__cars"}
    layers = ("1_typed", "2_core", "3_indicators", "4_rankings")
    lost = set(warehouse.layer(whole, *layers)) - set(warehouse.layer(waiting, *layers))
    assert lost == {"indicator__battery_electric_cars"}


def test_an_indicator_of_a_later_year_waits_for_its_edition(copy: Path) -> None:
    first = "- id: battery_electric_cars\n"
    replace(copy / "frame/indicators.yml", first, first + "  first_year: 2022\n")
    assert "battery_electric_cars" not in {i.id for i in load(copy).sorted_indicators}


def test_a_series_that_breaks_without_a_reason_or_without_a_rule_for_the_rest_is_refused(copy: Path) -> None:
    replace(copy / "sources/rki_gisd.yml", "coverage: 0.02}", "coverage: 0.02, breaks: [2020-12-31]}")
    refused(copy, "rki_gisd.yml", "'why' must say why")


def test_steadiness_of_some_columns_needs_an_entry_for_the_others(copy: Path) -> None:
    replace(copy / "sources/rki_gisd.yml", '"*": &steady', "every: &steady")
    refused(copy, "rki_gisd.yml", "'*'")


def test_a_share_that_moves_sums_needs_sums_and_a_denominator_a_share(copy: Path) -> None:
    path = copy / "frame/indicators.yml"
    before = path.read_text("utf-8")
    replace(path, "- id: doctors\n", "- id: doctors\n  moves_by: population\n")
    refused(copy, "indicators.yml: doctors: key 'moves_by'", "no numerator and denominator")
    path.write_text(before, "utf-8")
    replace(path, "  moves_by: area\n  denominator_from: area\n", "  denominator_from: area\n")
    refused(copy, "indicators.yml: other_renewables", "denominator_from: says how a sum that moves becomes a rate")
