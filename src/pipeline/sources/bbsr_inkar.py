"""INKAR's bulk file: one CSV of all indicators, regions and years (6.6 GB) as the one member of a zip.

The member is never unpacked to disk: it runs through a pipe into DuckDB's CSV reader, and only the declared levels,
years and indicators come out, some hundred thousand rows at a time.
"""

from __future__ import annotations

import csv
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import duckdb
import numpy as np
import pandas as pd

from pipeline.catalog import Layout, Part
from pipeline.members import open_member
from pipeline.read import ZIP_ERRORS, Place, Reading, Rejected, check_header
from pipeline.warehouse import literal

MEMORY_LIMIT = "200MB"
VECTORS = 60  # of DuckDB per batch, 2,048 rows each
PIECE = 1 << 20  # bytes
FILLER = "9{8,9}"
KEYS = {  # level: characters of a key and its pattern; some editions write keys as numbers, without the leading zero
    "Gemeinden": (8, r"(0[1-9]|1[0-6])\d{6}"),
    "Kreise": (8, r"(0[1-9]|1[0-6])\d{3}000"),
    "Gemeindeverbände (Verwaltungsgemeinschaft)": (9, r"(0[1-9]|1[0-6])\d{7}"),
}


def read_file(path: Path, layout: Layout, part: Part, place: Place) -> Iterator[Reading]:
    """Rows in scope as cells; the last reading says how many rows were left out for which reason."""
    names = {text: name for name, text in layout.values.items()}
    rejected, last = Rejected(), 1
    missing = {*names, *layout.where["level_text"]}  # a renamed one must not pass for one that has no rows
    reasons = [
        ("filler", "filler key of the publisher"),
        ("out_of_scope", f"the level is not one of {', '.join(layout.where['level_text'])}"),
        ("out_of_scope", "the year is not one of those that are declared"),
        ("out_of_scope", "the indicator is not one of those that are declared"),
    ]
    with open_member(path, part, place) as member:
        _check_header(member, layout, place)
        for batch in _batches(member, layout, list(names), place):
            last = int(batch["row_number"].iloc[-1])
            codes = batch["code"].to_numpy()
            for code, (rule, reason) in enumerate(reasons, 1):
                numbers = batch["row_number"].to_numpy()[codes == code]
                if len(numbers):
                    rejected.tally(int(numbers[0]), int(numbers[-1]), len(numbers), rule, reason)
            cells = _cells(batch[codes == 0], names, layout, place)
            missing -= {layout.values[name] for name in cells["variable"].unique()} | set(cells["level_text"].unique())
            yield Reading(cells, Rejected().frame(), len(batch))
    if missing:
        raise place.fail(f"rows of {', '.join(sorted(missing))} are expected, found none among {last} rows")
    yield Reading(pd.DataFrame(), rejected.frame(), 0)


def _check_header(member: IO[bytes], layout: Layout, place: Place) -> None:
    try:
        line = member.readline(10_000).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise place.fail(f"row 1: utf-8 is expected, found byte {error.start} that is not") from error
    except ZIP_ERRORS as error:
        raise place.fail(f"a whole zip is expected, found {error}; fetch it again") from error
    cells = next(csv.reader([line.rstrip("\r\n")], delimiter=layout.delimiter), [])
    check_header([(1, cells)], layout.model_copy(update={"values": {}}), place)  # the values are no columns here


def _batches(member: IO[bytes], layout: Layout, indicators: list[str], place: Place) -> Iterator[pd.DataFrame]:
    """All rows by number with a code: 0 in scope, with texts; else why not, without."""
    reading, writing = os.pipe()
    problems: list[BaseException] = []
    pump = threading.Thread(target=_pump, args=(member, writing, problems), daemon=True)
    pump.start()
    connection = duckdb.connect(config={"threads": "1", "memory_limit": MEMORY_LIMIT})
    try:
        connection.execute("set enable_progress_bar = false")
        connection.execute(_query(f"/dev/fd/{reading}", layout), {**layout.where, "indicators": indicators})
        os.close(reading)  # DuckDB has its own; if it stops, the pump must notice
        reading = -1
        while len(batch := connection.fetch_df_chunk(VECTORS)):
            yield batch
    except duckdb.Error as error:
        if not problems:
            found = " ".join(str(error).replace(f"/dev/fd/{reading}", "the file").split())[:300]
            raise place.fail(f"CSV with {layout.delimiter!r} between fields is expected, found {found}") from error
    finally:
        if reading >= 0:
            os.close(reading)
        connection.close()
        pump.join()
    for problem in problems:
        raise place.fail(f"a whole zip is expected, found {problem}; fetch it again") from problem


def _pump(member: IO[bytes], writing: int, problems: list[BaseException]) -> None:
    try:
        with open(writing, "wb", buffering=0) as pipe:  # a file number is no path
            while piece := member.read(PIECE):
                view = memoryview(piece)
                while view:
                    view = view[pipe.write(view) :]
    except BrokenPipeError:  # the reader stopped, and says why
        pass
    except ZIP_ERRORS as error:
        problems.append(error)


def _query(file: str, layout: Layout) -> str:
    columns = ", ".join(f"'{name}': 'varchar'" for name in layout.columns)
    options = f"delim = {literal(layout.delimiter)}, quote = '\"', escape = '\"', header = false, auto_detect = false"
    texts = ", ".join(
        f"case when code = 0 then {name} end as {name}" for name in ("level_text", "unit_key", "unit_name")
    )
    return f"""
    with rows as (
      select row_number() over () + 1 as row_number, *
      from read_csv({literal(file)}, columns = {{{columns}}}, {options})
    ), judged as (
      select *, cast(case
        when coalesce(level_text not in $level_text, true) then 2
        when regexp_full_match(unit_key, '{FILLER}') then 1
        when coalesce(period not in $period, true) then 3
        when coalesce(short_name not in $indicators, true) then 4
        else 0 end as utinyint) as code
      from rows
    )
    select row_number, code, {texts}, case when code = 0 then period end as period,
      case when code = 0 then short_name end as short_name, case when code = 0 then raw end as raw
    from judged
    """


def _cells(rows: pd.DataFrame, names: dict[str, str], layout: Layout, place: Place) -> pd.DataFrame:
    keys = rows["unit_key"].fillna("").str.strip()
    padded = pd.Series("", index=rows.index, dtype="object")
    for level, (width, pattern) in KEYS.items():
        here = (rows["level_text"] == level).to_numpy()
        padded[here] = keys[here].str.zfill(width)
        bad = here & ~padded.str.fullmatch(pattern).to_numpy(dtype=bool)
        if bad.any():
            row = rows[bad].iloc[0]
            raise place.fail(
                f"row {row['row_number']}, column Kennziffer: a key of {width} digits (a leading zero may be lost) is "
                f"expected at level {level}, found {row['unit_key']!r}"
            )
    cells = rows.drop(columns=["code", "short_name"]).assign(
        unit_key=padded, variable=rows["short_name"].map(names), source_column=layout.columns["raw"].split(":")[0]
    )
    return cells.astype({"row_number": np.int64})
