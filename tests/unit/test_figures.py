"""The typed tables are the archive's rows to the last one, the same bytes every time, and whole or not there."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import samples

from pipeline import archive, catalog, figures
from pipeline.catalog import Catalog
from pipeline.errors import CheckError, PipelineError, ReadError

CATALOG = catalog.load()
GV = ("destatis_gv", "2021-12-31", "auszug")
KBA = ("kba_fz1", "2021-01-01", "y2021")
CHARGING = ("bnetza_ladesaeulenregister", "2022-01-01", "preamble_10")
DBF, SHP = ("bkg_vg5000", "2021-01-01", "dbf"), ("bkg_vg5000", "2021-01-01", "shp")
FLENSBURG = {"01001000": (3_520_000.0, 6_060_000.0, 30_000.0)}  # a made-up square around the middle of the town
OUTLINES = samples.vg5000(FLENSBURG)
FILES = {
    GV: samples.gv_isys(),
    KBA: samples.kba_fz1(),
    CHARGING: samples.ladesaeulenregister(),
    DBF: OUTLINES[0],
    SHP: OUTLINES[1],
}
MADE = [
    "ATTRIBUTION.csv",
    "accounts.parquet",
    "receipts.parquet",
    "rejected.parquet",
    "typed__bkg_vg5000__outlines.parquet",
    "typed__bnetza_ladesaeulenregister__stations.parquet",
    "typed__destatis_gv__units.parquet",
    "typed__kba_fz1__cars.parquet",
]


def archive_of(folder: Path, files: dict[tuple[str, str, str], bytes]) -> Path:
    sources = samples.publish(folder / "publisher", CATALOG, files)
    archive.fetch_from(folder / "archive", folder / "publisher", sources)
    return folder / "archive"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def table(folder: Path, name: str) -> pd.DataFrame:
    return duckdb.connect().execute(f"from '{folder / name}.parquet'").df()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive_of(tmp_path_factory.mktemp("samples"), FILES)


@pytest.fixture(scope="module")
def made(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("made") / "figures"
    before = os.umask(0o022)
    try:
        figures.make(CATALOG, root, target)
    finally:
        os.umask(before)
    return target


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Path]:
    """A folder of figures that stands, and stands alone, whatever the test does."""
    target = tmp_path / "figures"
    target.mkdir()
    (target / "typed__old.parquet").write_bytes(b"old")
    yield target
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_making_twice_gives_the_same_bytes(root: Path, made: Path, tmp_path: Path) -> None:
    figures.make(CATALOG, root, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(made)
    assert sorted(contents(made)) == MADE


def test_every_row_is_accounted_for(made: Path) -> None:
    accounts = table(made, "accounts").set_index("source_id")
    assert accounts[["rows_read", "rows_used", "rows_rejected"]].to_dict("index") == {
        "bkg_vg5000": {"rows_read": 1, "rows_used": 1, "rows_rejected": 0},
        "bnetza_ladesaeulenregister": {"rows_read": 12, "rows_used": 12, "rows_rejected": 0},
        "destatis_gv": {"rows_read": 47, "rows_used": 44, "rows_rejected": 3},
        "kba_fz1": {"rows_read": 16, "rows_used": 13, "rows_rejected": 3},
    }


def test_a_charging_device_gets_the_municipality_around_it(made: Path) -> None:
    stations = table(made, "typed__bnetza_ladesaeulenregister__stations").sort_values("row_number")
    assert stations["located_ags"].dropna().to_list() == ["01001000"]


def test_figures_can_be_read_by_others(made: Path) -> None:
    assert stat.S_IMODE(made.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.iterdir()} == {0o644}


def test_an_unknown_sign_in_a_value_column_is_refused_with_its_row(tmp_path: Path) -> None:
    cars = [*samples.CARS, ("16071  WEIMARER-LAND", 48697, "k.A.", 165)]
    root = archive_of(tmp_path, {KBA: samples.kba_fz1(cars=cars)})
    with pytest.raises(ReadError) as caught:
        figures.make(CATALOG, root, tmp_path / "figures")
    message = str(caught.value)
    for fact in (
        "kba_fz1",
        "2021-01-01",
        "fz1_2021.xlsx",
        "row 23",
        "column J (plugin_hybrid)",
        "'k.A.'",
        "sources/kba_fz1.yml",
    ):
        assert fact in message, message
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize(("sign", "status"), [("-", "true_zero"), (".", "suppressed")])
def test_a_declared_sign_becomes_its_status(tmp_path: Path, sign: str, status: str) -> None:
    cars = [("16071  WEIMARER-LAND", 48697, sign, 165)]
    figures.make(CATALOG, archive_of(tmp_path, {KBA: samples.kba_fz1(cars=cars)}), tmp_path / "figures")
    found = table(tmp_path / "figures", "typed__kba_fz1__cars").set_index("variable").loc["plugin_hybrid"]
    assert (found["sign_raw"], found["value_status"]) == (sign, status)
    assert found["value"] == 0 if sign == "-" else pd.isna(found["value"])


def test_an_edition_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    root = archive_of(tmp_path, {KBA: FILES[KBA]})
    (receipt,) = archive.read_receipts(root, "kba_fz1")
    archive.write_receipts(root, "kba_fz1", [replace(receipt, edition="2031-01-01")])
    with pytest.raises(ReadError, match="kba_fz1: the archive holds edition '2031-01-01', declared are 2018-01-01"):
        figures.make(CATALOG, root, tmp_path / "figures")


def test_a_part_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    root = archive_of(tmp_path, {KBA: FILES[KBA]})
    (receipt,) = archive.read_receipts(root, "kba_fz1")
    archive.write_receipts(root, "kba_fz1", [replace(receipt, part="y2022")])
    with pytest.raises(ReadError, match="edition 2021-01-01: the archive holds part 'y2022', declared are y2021"):
        figures.make(CATALOG, root, tmp_path / "figures")


def test_an_empty_archive_is_an_error_that_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="is empty; fill it with `stadtrang fetch --from DIR`"):
        figures.make(CATALOG, tmp_path, tmp_path / "figures")


def test_keys_and_outlines_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    two = samples.vg5000({**FLENSBURG, "02000000": (3_550_000.0, 5_900_000.0, 30_000.0)})
    root = archive_of(tmp_path, {CHARGING: FILES[CHARGING], DBF: two[0], SHP: OUTLINES[1]})
    with pytest.raises(ReadError, match="bkg_vg5000: as many keys"):
        figures.make(CATALOG, root, tmp_path / "figures")


def losing(name: str, condition: str) -> Catalog:
    """The catalog with a model that forgets rows."""
    return replace(CATALOG, sql={**CATALOG.sql, name: f"select * from ({CATALOG.sql[name]}) where not ({condition})"})


def test_a_row_that_vanishes_in_typing_stops_everything(root: Path, old: Path) -> None:
    forgetful = losing("typed__destatis_gv__units", "row_number = 10")
    with pytest.raises(CheckError, match=r"rows read are not rows used \+ rows rejected") as caught:
        figures.make(forgetful, root, old)
    assert "destatis_gv" in str(caught.value) and "kba_fz1" not in str(caught.value)
    assert contents(old) == {"typed__old.parquet": b"old"}


def test_a_cell_that_vanishes_with_its_whole_row_stops_everything(root: Path, old: Path) -> None:
    with pytest.raises(CheckError, match="kba_fz1"):
        figures.make(losing("typed__kba_fz1__cars", "unit_key = '05974'"), root, old)


def test_new_figures_take_the_place_of_old_ones(root: Path, made: Path, old: Path) -> None:
    figures.make(CATALOG, root, old)
    assert contents(old) == contents(made)


def test_a_write_that_fails_leaves_the_old_figures(root: Path, old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Catalog) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figures, "attribution", full)
    with pytest.raises(PipelineError, match=r"figures .*: cannot be written: .*No space left on device.* --out"):
        figures.make(CATALOG, root, old)
    assert contents(old) == {"typed__old.parquet": b"old"}


def test_a_move_that_fails_brings_the_old_figures_back(root: Path, old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def refuses_the_new(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuses_the_new)
    with pytest.raises(PipelineError, match="Input/output error"):
        figures.make(CATALOG, root, old)
    assert contents(old) == {"typed__old.parquet": b"old"}


def test_a_target_that_cannot_be_written_is_an_error_with_a_remedy(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PipelineError, match=r"cannot be written: .*; name a folder that can be written with --out"):
        figures.make(CATALOG, root, tmp_path / "file" / "figures")


def test_a_folder_with_other_files_is_never_taken_away(root: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(PipelineError, match=r"found letter.txt; name a new folder with --out"):
        figures.make(CATALOG, root, tmp_path / "home")
    with pytest.raises(PipelineError, match="found a file"):
        figures.make(CATALOG, root, tmp_path / "home" / "letter.txt")
    assert (tmp_path / "home" / "letter.txt").read_text() == "dear"


def test_a_folder_of_somebodys_tables_is_never_taken_away(root: Path, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "sales.parquet").write_bytes(b"mine")
    with pytest.raises(PipelineError, match=r"found sales.parquet; name a new folder with --out"):
        figures.make(CATALOG, root, tmp_path / "tables")
    assert (tmp_path / "tables" / "sales.parquet").read_bytes() == b"mine"


def test_what_a_killed_run_left_is_put_right_by_the_next(
    root: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = old.with_name(".figures.killed")
    (killed / "new").mkdir(parents=True)
    old.rename(killed / "old")
    monkeypatch.setattr(figures, "STALE_SECONDS", -1)
    with pytest.raises(PipelineError, match="is empty"):
        figures.make(CATALOG, root / "nothing", old)
    assert contents(old) == {"typed__old.parquet": b"old"}


def test_a_hidden_folder_that_is_not_ours_stays(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".figures.backup").mkdir()
    (tmp_path / ".figures.backup" / "letter.txt").write_text("dear")
    (tmp_path / ".figures.txt").write_text("dear")
    monkeypatch.setattr(figures, "STALE_SECONDS", -1)
    figures.make(CATALOG, root, tmp_path / "figures")
    assert (tmp_path / ".figures.backup" / "letter.txt").exists() and (tmp_path / ".figures.txt").exists()


def test_receipts_of_a_source_that_is_not_declared_are_refused(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "archive")
    (tmp_path / "archive" / "receipts" / "happiness.json").write_text("[]")
    with pytest.raises(ReadError, match=r"happiness: the archive holds receipts/happiness.json, and no source"):
        figures.make(CATALOG, tmp_path / "archive", tmp_path / "figures")


def test_an_error_of_the_spreadsheet_is_refused_with_its_row(tmp_path: Path) -> None:
    root = archive_of(tmp_path, {KBA: samples.kba_fz1(cells={"K12": "#VALUE!"})})
    with pytest.raises(
        ReadError, match=r"kba_fz1, edition 2021-01-01, .*row 12, column K \(battery_electric\): '#VALUE!' is neither"
    ):
        figures.make(CATALOG, root, tmp_path / "figures")


def test_missing_and_damaged_figures_are_named(made: Path, tmp_path: Path) -> None:
    connection = duckdb.connect()
    with pytest.raises(PipelineError, match=r"rejected.parquet is missing; make it with `stadtrang figures`"):
        figures.load_table(connection, tmp_path, "rejected")
    (tmp_path / "rejected.parquet").write_bytes((made / "rejected.parquet").read_bytes()[:-20])
    with pytest.raises(ReadError, match=r"rejected.parquet is not readable"):
        figures.load_table(connection, tmp_path, "rejected")


def test_text_of_publishers_that_must_not_be_passed_on_is_not_in_the_figures(made: Path) -> None:
    rejected = table(made, "rejected")
    for source in CATALOG.retrieved.values():
        if source.redistribute != "yes" or source.personal:
            assert rejected.loc[rejected["source_id"] == source.id, "raw"].isna().all()
    bundled = duckdb.connect().execute(f"from '{figures.BUNDLED / 'rejected.parquet'}' where raw is not null").df()
    closed = {s.id for s in CATALOG.retrieved.values() if s.redistribute != "yes" or s.personal}
    assert not closed & set(bundled["source_id"])


def test_the_attribution_names_every_source_that_was_retrieved(made: Path) -> None:
    lines = (made / "ATTRIBUTION.csv").read_text("utf-8").splitlines()
    assert lines[0] == "source_id,title,publisher,licence,attribution,page"
    assert [line.split(",")[0] for line in lines[1:]] == list(CATALOG.retrieved)


def bundle(folder: Path) -> Path:
    return Path(shutil.copytree(figures.BUNDLED, folder / "figures"))


def test_the_bundled_figures_are_what_the_sql_makes() -> None:
    figures.require_schema(CATALOG, figures.BUNDLED)
    assert set(figures.schemas(CATALOG)) == {t for s in CATALOG.retrieved.values() for t in s.tables}


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ("* exclude (value)", "value DOUBLE is expected, found none"),
        ("* replace (cast(row_number as varchar) as row_number)", "row_number BIGINT is expected, found VARCHAR"),
        ("*, 1 as extra", "extra not there is expected, found INTEGER"),
        ("* rename (unit_key as key)", "unit_key VARCHAR is expected, found none"),
    ],
)
def test_figures_of_another_program_version_are_refused_with_table_and_column(
    tmp_path: Path, select: str, message: str
) -> None:
    folder = bundle(tmp_path)
    path = folder / "typed__kba_fz1__cars.parquet"
    duckdb.execute(f"copy (select {select} from '{figures.BUNDLED / path.name}') to '{path}' (format parquet)")
    with pytest.raises(
        ReadError, match=r"typed__kba_fz1__cars\.parquet is a table of another program version"
    ) as caught:
        figures.require_schema(CATALOG, folder)
    assert message in str(caught.value) and "stadtrang figures" in str(caught.value)


def test_a_number_too_large_for_its_column_is_refused_with_its_source(tmp_path: Path) -> None:
    other = replace(
        CATALOG, sql={**CATALOG.sql, "typed__kba_fz1__cars": CATALOG.sql["typed__kba_fz1__cars"].replace(
            "variable, value,", "variable, cast(value * 1e9 as integer) as value,"
        )}
    )  # fmt: skip
    with pytest.raises(ReadError, match="kba_fz1: typed__kba_fz1__cars: values that fit their columns are expected"):
        figures.make(other, archive_of(tmp_path, {KBA: FILES[KBA]}), tmp_path / "figures")


def test_names_with_the_signs_of_sql_stay_names(tmp_path: Path) -> None:
    name = "Soest'; drop table rejected; --\" $1 {x} %s"
    root = archive_of(tmp_path, {GV: samples.gv_isys(cells={"H47": name})})
    figures.make(CATALOG, root, tmp_path / "figures")
    units = table(tmp_path / "figures", "typed__destatis_gv__units")
    assert units.loc[units["row_number"] == 47, "name"].to_list() == [name]
