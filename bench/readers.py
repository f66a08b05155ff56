"""Each reader's time beside the fastest general reader that does no more than open the same bytes.

    python bench/readers.py [ARCHIVE]

ARCHIVE is a filled archive (default: $STADTRANG_HOME/archive or ./archive), as `stadtrang fetch --from DIR` makes it.
A reader gives checked text with row numbers and accounts for every row; the general readers know no layout: calamine
opens a workbook's sheet; DuckDB takes CSV as text, fixed width as whole lines, of Parquet the declared columns alone;
pyshp, libyaml and json take the rest; a zip is unpacked first. A format without one has a dash. Every part is read
twice by both, in turn, and the smaller time counts; MB are the bytes as they are stored. A workbook counts once per
sheet that is read. A general reader that finds fewer rows than the reader did not open the same, and stops the run.

At the end `figures.make` on the whole archive, in a process of its own and without what the system keeps of the
files in memory (where it can be told to drop it): reading, typing and writing must take at most 60 s on two cores.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import resource
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import shapefile
import yaml
from python_calamine import CalamineWorkbook
from stages import measure, read_and_type

from pipeline import archive as store
from pipeline import catalog, cli
from pipeline.catalog import Layout, Part, Source
from pipeline.read import read_batches, read_part

LIMIT = 60  # seconds for the whole archive, cold, on two cores


def by_calamine(path: Path, layout: Layout, part: Part) -> int:
    book = CalamineWorkbook.from_filelike(io.BytesIO(path.read_bytes()))
    if isinstance(layout.sheet, int):
        name = book.sheet_names[layout.sheet]
    else:  # a sheet of a year is declared as "{year}", and blanks in names come and go
        wanted = str(layout.sheet).replace("{year}", part.constants.get("source_date", "")[:4]).replace(" ", "")
        name = next(name for name in book.sheet_names if name.replace(" ", "") == wanted)
    return len(book.get_sheet_by_name(name).to_python(skip_empty_area=False))


def by_duckdb(path: Path, layout: Layout, part: Part) -> int:
    if layout.reader == "parquet":
        specs = {**layout.columns, **layout.values}.values()
        columns = ", ".join(f'"{spec.split(":", 1)[-1].strip()}"' for spec in specs)
        query = f"select {columns} from read_parquet($path)"
    else:
        encoding = next((name for name in ("utf-8", "utf-16") if layout.encoding.startswith(name)), "latin-1")
        lines = r"delim = '\x01', quote = '', columns = {'line': 'varchar'}, auto_detect = false"
        fields = f"delim = '{layout.delimiter}', quote = '\"', all_varchar = true, null_padding = true"
        options = lines if layout.reader == "fixed_width" else fields
        query = f"select * from read_csv($path, header = false, encoding = '{encoding}', {options})"
    (rows,) = duckdb.execute(f"create or replace table opened as {query}", {"path": str(path)}).fetchone() or (0,)
    return int(rows)


def by_pyshp(path: Path, layout: Layout, part: Part) -> int:
    content = io.BytesIO(path.read_bytes())
    if part.name == "shp":
        with shapefile.Reader(shp=content) as reader:
            return len(reader.shapes())
    with shapefile.Reader(dbf=content, encoding="utf-8") as reader:
        return len(reader.records())


def by_libyaml(path: Path, layout: Layout, part: Part) -> int:
    return len(yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader))


def by_json(path: Path, layout: Layout, part: Part) -> None:
    """How many rows an answer holds is not known without its layout."""
    json.loads(path.read_bytes())


General = Callable[[Path, Layout, Part], int | None]
GENERAL: dict[str, General] = {
    ".asc": by_duckdb,
    ".csv": by_duckdb,
    ".dbf": by_pyshp,
    ".json": by_json,
    ".parquet": by_duckdb,
    ".shp": by_pyshp,
    ".txt": by_duckdb,
    ".xls": by_calamine,
    ".xlsx": by_calamine,
    ".yml": by_libyaml,
}


@dataclass
class Tally:
    """Stored bytes, rows read, seconds of the project's readers; of those that have a general reader beside them
    (`compared`) and of that reader (`beside`)."""

    parts: int = 0
    rows: int = 0
    bytes: int = 0
    ours: float = 0.0
    compared: float = 0.0
    beside: float = 0.0

    def add(self, other: Tally) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def line(self) -> str:
        megabytes = self.bytes / 1e6
        beside = f"{self.beside:8.2f} {self.compared / self.beside:6.1f}" if self.beside else f"{'-':>8} {'-':>6}"
        return f"{self.parts:5} {self.rows:9,} {megabytes:7.1f} {self.ours:8.2f} {beside} {megabytes / self.ours:7.1f}"


def parts_in(root: Path) -> Iterator[tuple[Source, str, Part, store.Receipt]]:
    """Every stored part that figures are made from."""
    for source in catalog.load().retrieved.values():
        for receipt in store.read_receipts(root, source.id):
            if receipt.edition in source.retrieved_editions:
                parts = source.editions[receipt.edition].parts
                part = next(part for part in parts if store.part_name(part) == receipt.part)
                yield source, receipt.edition, part, receipt


def files_in(path: Path, part: Part) -> tuple[list[str], bool]:
    """Names of the files that a part is read from, and whether they are members of a zip."""
    if Path(part.file).suffix == ".xlsx" or not zipfile.is_zipfile(path):
        return [part.file], False
    with zipfile.ZipFile(path) as packed:
        return [n for n in packed.namelist() if re.fullmatch(part.member or ".*", n, re.IGNORECASE)], True


def open_packed(path: Path, names: list[str], general: General, layout: Layout, part: Part) -> int | None:
    """Rows of all members, each unpacked into a folder for the time of the reading."""
    with zipfile.ZipFile(path) as packed, tempfile.TemporaryDirectory() as folder:
        rows = [general(Path(packed.extract(name, folder)), layout, part) for name in names]
    return None if None in rows else sum(row or 0 for row in rows)


def timed(work: Callable[[], int | None]) -> tuple[float, int | None]:
    started = time.perf_counter()
    rows = work()
    return time.perf_counter() - started, rows


def measure_part(source: Source, edition: str, part: Part, path: Path) -> tuple[str, Tally]:
    """The general reader's name, or a dash, and the smaller of two times of both."""
    layout = source.layouts[part.layout]
    names, is_packed = files_in(path, part)
    suffixes = {Path(name).suffix.lower() for name in names}
    general = GENERAL.get(suffixes.pop()) if len(suffixes) == 1 else None

    def ours() -> int:
        if layout.reader == "stream":
            return sum(reading.rows_read for reading in read_batches(source, edition, part, path))
        return read_part(source, edition, part, content).rows_read

    def beside() -> int | None:
        assert general is not None
        return open_packed(path, names, general, layout, part) if is_packed else general(path, layout, part)

    content = b"" if layout.reader == "stream" else path.read_bytes()
    times: list[float] = []
    times_beside: list[float] = []
    rows = 0
    for _ in range(2):
        seconds, read = timed(ours)
        times.append(seconds)
        rows = read or 0
        if general is None:
            continue
        seconds, opened = timed(beside)
        times_beside.append(seconds)
        if opened is not None and opened < rows:
            where = f"{source.id}, edition {edition}, {part.file}"
            sys.exit(f"{where}: {general.__name__} is expected to open at least the {rows} rows read, found {opened}")
    size = path.stat().st_size
    if general is None:
        return "-", Tally(1, rows, size, min(times))
    return general.__name__.removeprefix("by_"), Tally(1, rows, size, min(times), min(times), min(times_beside))


def forget(root: Path) -> bool:
    """Ask the system to keep nothing of the stored files in memory; whether it can be asked."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for path in (root / "sha256").rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", nargs="?", type=Path, default=cli.home() / "archive")
    root = parser.parse_args().archive
    if not root.is_dir():
        print(f"no archive in {root}: readers not measured (stadtrang fetch --from DIR)")
        return
    tallies: dict[tuple[str, str, str], Tally] = {}
    for source, edition, part, receipt in parts_in(root):
        general, tally = measure_part(source, edition, part, store.locate(root, receipt.sha256))
        tallies.setdefault((source.id, source.layouts[part.layout].reader, general), Tally()).add(tally)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    head = f"{'parts':>5} {'rows':>9} {'MB':>7} {'seconds':>8} {'beside':>8} {'ratio':>6} {'MB/s':>7}"
    print(f"{'source':28} {'reader':11} {'beside it':9} {head}")
    both = Tally()
    for (name, reader, general), tally in sorted(tallies.items()):
        print(f"{name:28} {reader:11} {general:9} {tally.line()}")
        both.add(tally)
    print(f"{'all readers':28} {'':11} {'':9} {both.line()}\npeak of this process: {peak:.0f} MB")
    cold = "cold" if forget(root) else "with the files in memory"
    with tempfile.TemporaryDirectory() as folder:
        seconds, peak = measure(read_and_type, root, Path(folder) / "figures")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime  # what a shared machine does not blur
    print(f"figures.make, {cold}: {seconds:.1f} s of at most {LIMIT}, {cpu:.1f} s of CPU, peak {peak:.0f} MB")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
