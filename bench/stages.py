"""Time and peak memory of each stage of a build, with its share of the whole.

    python bench/stages.py [ARCHIVE] [--threads N]

ARCHIVE is a filled archive (default: $STADTRANG_HOME/archive or ./archive); without one, reading and typing are not
measured and the table says so. The two bounds: calamine alone opening the same workbooks, NumPy alone taking the
same weighted means. Each stage runs in a process of its own, so that its peak is its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline import catalog, cli, figures


def measure(stage: Callable[..., None], *arguments: Any) -> tuple[float, float]:
    """Wall seconds and peak MB of a function in a fresh process, imports not counted in the seconds."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(sender, stage, arguments))
    process.start()
    sender.close()
    seconds, peak = receiver.recv()
    process.join()
    return seconds, peak


def _measured(sender: Any, stage: Callable[..., None], arguments: tuple[Any, ...]) -> None:

    started = time.perf_counter()
    stage(*arguments)
    seconds = time.perf_counter() - started
    sender.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def read(archive: Path) -> None:
    from pipeline import warehouse

    with warehouse.connect() as connection:
        figures.read_archive(connection, catalog.load(), archive)


def read_and_type(archive: Path, out: Path) -> None:
    figures.make(catalog.load(), archive, out)


def open_workbooks(archive: Path) -> None:
    """The bound for reading: calamine opens every declared workbook, and nothing is done with it."""
    import io

    from python_calamine import CalamineWorkbook

    from pipeline import archive as store

    for source in catalog.load().sources.values():
        for receipt in store.read_receipts(archive, source.id):
            if receipt.file.endswith((".xlsx", ".xls")):
                part = next(p for p in source.editions[receipt.edition].parts if store.part_name(p) == receipt.part)
                book = CalamineWorkbook.from_filelike(io.BytesIO(store.fetch(archive, receipt.sha256)))
                sheet = source.layouts[part.layout].sheet
                name = book.sheet_names[sheet] if isinstance(sheet, int) else sheet
                book.get_sheet_by_name(str(name)).to_python()


def check(folder: Path, work: Path) -> None:
    from pipeline import build

    declared = catalog.load()
    for source_id in sorted(declared.retrieved):
        build.check_source(declared, folder, source_id, work)


def prepare(folder: Path, work: Path, threads: int) -> None:
    from pipeline import build

    build.prepare(catalog.load(), folder, work, threads)


def score(work: Path, threads: int) -> None:
    from pipeline import build

    declared = catalog.load()
    for year in sorted(declared.editions):
        build.score_edition(declared, work, year, threads)


def conclude(work: Path, threads: int) -> None:
    from pipeline import build

    build.conclude(catalog.load(), work, threads)


def simulate(work: Path, threads: int) -> None:
    from pipeline import intervals

    declared = catalog.load()
    for year in sorted(declared.editions):
        intervals.simulate(declared, work, year, threads=threads)


def publish(work: Path, out: Path) -> None:
    from pipeline import build
    from pipeline import publish as pipeline_publish

    declared = catalog.load()
    with pipeline_publish.staging(out) as staged:
        for year in sorted(declared.editions):
            build.write_edition(declared, work, year, staged, out)
        build.place(declared, sorted(declared.editions), staged, out)


def weighted_means() -> None:
    """The bound for scoring: NumPy alone, four years x two sets of 10,800 places x 39 indicators."""
    import numpy as np

    rng = np.random.default_rng(1)
    values = rng.random((10_800, 39))
    weight = rng.random(39)
    for _ in range(8):
        scale = np.round(100 * np.clip((np.log1p(values) - 0.1) / 0.5, 0, 1), 10)
        score = (scale * weight).sum(axis=1) / weight.sum()
        np.sort(np.round(score, 10))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", nargs="?", type=Path, default=cli.home() / "archive")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--figures", type=Path, default=figures.BUNDLED)
    arguments = parser.parse_args()
    rows: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        work, made, out = (Path(name) / part for part in ("work", "figures", "out"))
        work.mkdir()
        out.mkdir()
        folder, threads = arguments.figures, arguments.threads
        if arguments.archive.is_dir():
            reading = measure(read, arguments.archive)
            typing = measure(read_and_type, arguments.archive, made)
            rows.append(("reading", *reading))
            rows.append(("typing and writing figures", typing[0] - reading[0], typing[1]))
        rows.append(("checking typed tables", *measure(check, folder, work)))
        rows.append(("SQL: core, indicators", *measure(prepare, folder, work, threads)))
        rows.append(("SQL: values; scoring", *measure(score, work, threads)))
        rows.append(("findings, panel", *measure(conclude, work, threads)))
        rows.append(("drawing", *measure(simulate, work, threads)))
        rows.append(("publishing: SQL, checks, files", *measure(publish, work, out)))
        total = sum(seconds for _, seconds, _ in rows)
        print(f"four editions, {threads} threads\n{'stage':32} {'seconds':>8} {'share':>6} {'peak MB':>8}")
        for stage, seconds, peak in rows:
            print(f"{stage:32} {seconds:8.2f} {seconds / total:6.0%} {peak:8.0f}")
        print(f"{'all':32} {total:8.2f} {1:6.0%} {max(peak for *_, peak in rows):8.0f}")
        if arguments.archive.is_dir():
            print(f"{'bound: calamine alone':32} {measure(open_workbooks, arguments.archive)[0]:8.2f}")
        else:
            print(f"no archive in {arguments.archive}: reading and typing not measured (stadtrang fetch --from DIR)")
        print(f"{'bound: NumPy means alone':32} {measure(weighted_means)[0]:8.2f}")
        print(json.dumps({"edition_bytes": sum(p.stat().st_size for p in (out / "latest").iterdir())}))


if __name__ == "__main__":
    main()
