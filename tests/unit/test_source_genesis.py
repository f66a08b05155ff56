"""Tables of the Regionaldatenbank by its web service: as they were recorded, and damaged."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from interfaces import CATALOG, HTML, failures, incomplete, indicator, read, typed
from places import TWELVE

from pipeline import archive, figures
from pipeline.errors import ReadError
from pipeline.replies import bundle

# the library is held below 2.0, where conditions as text go; each use of one warns
pytestmark = pytest.mark.filterwarnings("ignore:.*(row_condition|condition_parser) parameter:DeprecationWarning")

CHANGE = {  # % on the year before in 2023 (AI0112), as recorded
    "01001000": "2,9", "02000000": "0,2", "03159016": "0,0", "05315000": "0,0", "05774032": "0,5", "05974040": "0,1",
    "07211000": "0,5", "07231021": "-", "08426118": "1,9", "08436064": "0,2", "09162000": "0,1", "16063105": "0,2",
}  # fmt: skip
DISSOLVED = ("03152012", "16056000")  # Göttingen and Eisenach before their districts were merged
SOURCE = CATALOG.sources["genesis"]
TABLE = "typed__genesis__values"
HEADER = "statistics_code;statistics_label;time_code;time_label;time;1_variable_code;1_variable_label;"
HEADER += "1_variable_attribute_code;1_variable_attribute_label;value;value_unit;"
HEADER += "value_variable_code;value_variable_label"


def flat(values: dict[str, str] = CHANGE, year: str = "2023", kind: str = "GEMEIN", header: str = HEADER) -> bytes:
    """The zip with one flat CSV: UTF-8 with BOM, LF, decimal comma, dissolved keys with a dash."""
    names = {town.ags: town.name for town in TWELVE}
    lines = [header] + [
        f"99910;Regionalatlas Deutschland;JAHR;Jahr;{year};{kind};Gemeinden;{ags};{names.get(ags, 'aufgelöst')};"
        f"{value};Prozent;AI0112;Veränderung der Siedlungs- und Verkehrsfläche"
        for ags, value in {**values, **dict.fromkeys(DISSOLVED, "-")}.items()
    ]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        target.writestr("AI-N-01-2-5_1773175147935_de_flat.csv", "\n".join(lines).encode("utf-8-sig"))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (flat()[:-40], "a whole zip is expected"),
        (HTML, "a zip of replies is expected, found an HTML page"),
        (flat(year="2022"), "years 2023 are expected, found 2022: without startyear and endyear"),
        (bundle({"readme.txt": b"x"}), "one CSV is expected in the zip, found 0"),
        (bundle({"a.csv": b"", "b.csv": b""}), "one CSV is expected in the zip, found 2"),
        (bundle({"a.csv": HTML}), "CSV is expected, found an HTML page"),
    ],
)
def test_what_is_no_table_of_the_years_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ReadError, match=f"genesis, edition 2023, .*{message}"):
        read("genesis", "2023", content)


def units(*keys: str, year: int = 2024) -> pd.DataFrame:
    return pd.DataFrame({"list_year": year, "level": "municipality", "unit_key": list(keys)})


def test_a_dash_is_zero_for_a_place_of_the_list_and_nothing_for_a_dissolved_key(tmp_path: Path) -> None:
    rows = typed(tmp_path, "genesis", {"2023": flat({**CHANGE, "08426118": "x"})})
    assert failures(TABLE, rows) == [] and any("min_value 27000" in failure for failure in incomplete(TABLE, rows))
    there = units(*(town.ags for town in TWELVE))
    found = {row[0]: row[1:] for row in indicator("land_take", "unit_key, value, value_status, sign_raw", **{
        TABLE: rows, "core__units": there,
    })}  # fmt: skip
    assert found["05974040"] == (0.1, "reported", None)
    assert found["03159016"] == (0.0, "reported", None)
    assert found["07231021"] == (0.0, "true_zero", "-")
    assert found["03152012"] == (None, "not_applicable", "-")
    assert found["16056000"] == (None, "not_applicable", "-")
    assert found["08426118"] == (None, "not_applicable", "x")


def test_a_changed_header_and_an_unknown_level_are_named() -> None:
    with pytest.raises(ReadError, match=r"column 10 \(raw\): expected 'value', found 'wert'"):
        read("genesis", "2023", flat(header=HEADER.replace(";value;", ";wert;")))
    with pytest.raises(ReadError, match=r"row 2, column level_text: 'GEMEIN' is expected, found 'KREISE'"):
        read("genesis", "2023", flat(kind="KREISE"))


# the recorded replies


@pytest.fixture(scope="module")
def recorded(upstream: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    import duckdb

    folder = tmp_path_factory.mktemp("recorded")
    archive.fetch_from(folder / "archive", upstream, [SOURCE])
    figures.make(CATALOG, folder / "archive", folder / "figures")
    return duckdb.connect().execute(f"from '{folder}/figures/{TABLE}.parquet' order by row_number").df()


def test_the_recorded_tables_are_read_to_the_last_row(recorded: pd.DataFrame) -> None:
    counts = recorded.groupby(["variable", "value_status"]).size().to_dict()
    assert counts == {
        ("AI0111", "not_applicable"): 2578, ("AI0111", "reported"): 10988,
        ("AI0112", "not_applicable"): 2793, ("AI0112", "reported"): 10773,
        ("BEVSTD", "not_applicable"): 74, ("BEVSTD", "reported"): 400,
    }  # fmt: skip
    assert failures(TABLE, recorded) == [] and incomplete(TABLE, recorded) == []


def test_the_list_of_districts_keeps_whole_districts_alone(recorded: pd.DataFrame) -> None:
    people = recorded[(recorded["variable"] == "BEVSTD") & (recorded["value_status"] == "reported")]
    assert set(people["unit_key"].str.len()) == {5}
    assert {"02000", "11000", "03241", "05334", "10041"} <= set(people["unit_key"])
    assert dict(zip(people["unit_key"], people["value"], strict=True))["02000"] == 1862565
