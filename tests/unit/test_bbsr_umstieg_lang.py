"""The long crosswalk as R data: what the reader takes, leaves out and refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from pipeline import catalog
from pipeline.errors import PipelineError, ReadError
from pipeline.read import Reading, read_part

SOURCE = catalog.load().sources["bbsr_umstieg_lang"]
rdata = pytest.importorskip("rdata", reason="rdata is not installed")
PAIRS = pd.DataFrame(
    [
        (1990.0, "05974040", 1.0, 1.0, "05974040"),
        (2012.0, "05974040", 1.0, 1.0, "05974040"),
        (2013.0, "05974040", 1.0, 1.0, "05974040"),
        (2013.0, "14522610", 0.679824561403509, 0.68, "14522080"),
        (2013.0, "14522610", 0.320175438596491, 0.32, "14522570"),
        (2013.0, "09479444", 1.0, 6e-05, "09479455"),
        (2020.0, "05974040", 1.0, 1.0, "05974040"),
    ],
    columns=["year_xw", "ags_xw", "pop_conv", "size_conv", "ags20"],
)
PAIRS.insert(4, "emp_conv", [float("nan")] * len(PAIRS))


def packed(folder: Path, **tables: pd.DataFrame) -> bytes:
    path = folder / "sysdata.rda"
    rdata.write_rda(path, tables)
    return path.read_bytes()


def read(content: bytes) -> Reading:
    return read_part(SOURCE, "2020", SOURCE.editions["2020"].parts[0], content)


def test_the_years_of_the_lists_are_read_as_text_and_the_others_accounted_for(tmp_path: Path) -> None:
    other = PAIRS.assign(ags20="01001000")
    found = read(packed(tmp_path, xm19=other, xm20=PAIRS))
    assert found.rows_read == len(PAIRS)
    assert found.rows["row_number"].tolist() == [3, 4, 5, 6]
    row = found.rows.iloc[1]
    shares = (row["population_weight"], row["area_weight"])
    assert (row["source_year"], row["source_ags"], row["target_ags"], *shares) == (
        "2013", "14522610", "14522080", "0.679824561403509", "0.68",
    )  # fmt: skip
    assert found.rows["target_date"].unique().tolist() == ["2020-12-31"]
    runs = found.rejected[["row_first", "row_last", "rule", "rows"]].values.tolist()
    assert runs == [[1, 2, "out_of_scope", 2], [7, 7, "out_of_scope", 1]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (PAIRS.assign(year_xw=2031.0), "row 1, column 1: year_xw: .*2013, .*found '2031'"),
        (PAIRS.assign(ags_xw="5974040"), "row 3, column source_ags: .*leading zeros"),
        (PAIRS.assign(size_conv=1.5).head(3), None),
        (PAIRS.rename(columns={"size_conv": "area"}), "6 columns, among them .*size_conv.* found .*'area'"),
        (PAIRS.drop(columns="emp_conv"), "6 columns, .* found"),
        (PAIRS.head(2), "rows in scope are expected, found none"),
        (PAIRS.assign(pop_conv=float("nan")), "row 3, column population_weight"),
    ],
)
def test_what_nobody_declared_stops_the_reading(tmp_path: Path, wrong: pd.DataFrame, message: str | None) -> None:
    content = packed(tmp_path, xm20=wrong)
    if message is None:  # a share above 1 is a number like any other; the suite of the table asks
        assert read(content).rows["area_weight"].tolist() == ["1.5"]
        return
    with pytest.raises(ReadError, match=f"bbsr_umstieg_lang, edition 2020, sysdata.rda .*{message}"):
        read(content)


def test_a_file_without_the_table_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"a data frame 'xm20' .* is expected, found \['xm19'\]"):
        read(packed(tmp_path, xm19=PAIRS))
    whole = packed(tmp_path, xm20=PAIRS)
    for content in (whole[: len(whole) // 2], b"", b"<!DOCTYPE html>", whole[:20] + b"\0" * 40 + whole[60:]):
        with pytest.raises(ReadError, match="a whole file of R data is expected"):
            read(content)


def test_without_the_extra_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdata", None)
    with pytest.raises(PipelineError, match=r"bbsr_umstieg_lang: .*stadtrang\[rda\]"):
        read(b"")
