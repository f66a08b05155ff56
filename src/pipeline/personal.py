"""Personal columns of a publisher's CSV file are taken out before anything of it is kept."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Collection
from pathlib import Path
from typing import IO

from pipeline.catalog import Layout
from pipeline.read import Place

COLUMN = re.compile(r"[a-z][a-z0-9_]{0,30}")  # anything else in a header may be somebody's name


class Hashing(io.RawIOBase):
    """A stream whose sha256 is known when it was read to its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.hash = stream, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        piece = self.stream.read(len(buffer))
        buffer[: len(piece)] = piece
        self.hash.update(piece)
        return len(piece)


def strip_personal(stream: IO[bytes], target: Path, drop: Collection[str], layout: Layout, place: Place) -> str:
    """Write a CSV file without the columns `drop` to `target`; returns the sha256 of the original.

    Every column must be dropped or declared in the layout (if that declares any), so that a new one with names in it is
    not kept unseen. No message repeats a cell. Raises ReadError, and leaves no target, for another header or a row of
    another width.
    """
    declared = [text.split(":", 1)[-1].strip() for text in layout.columns.values()]
    original = Hashing(stream)
    text = io.TextIOWrapper(io.BufferedReader(original, 1 << 20), encoding=layout.encoding, newline="")
    rows = csv.reader(text, delimiter=layout.delimiter, strict=True)
    try:
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=layout.delimiter, lineterminator="\n")
            header = next(rows, [])
            shown = [name if COLUMN.fullmatch(name) else "(no column's name)" for name in header]
            gone = sorted({*drop, *declared} - set(header))
            if gone:
                raise place.fail(f"column {', '.join(gone)} is expected, found {', '.join(shown)}")
            new = [text for name, text in zip(header, shown, strict=True) if name not in {*declared, *drop}]
            if declared and new:
                raise place.fail(
                    f"{len(declared) + len(drop)} columns are expected, found {', '.join(new)} too: say whether it "
                    "names persons (access.drop_columns) or is kept (columns of the layout)"
                )
            kept = [at for at, name in enumerate(header) if name not in drop]
            writer.writerow([header[at] for at in kept])
            for row in rows:
                if len(row) != len(header):
                    raise place.fail(f"row {rows.line_num}: {len(header)} fields are expected, found {len(row)}")
                writer.writerow([row[at] for at in kept])
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, csv.Error | UnicodeDecodeError):
            kind = type(error).__name__
            raise place.fail(f"row {rows.line_num + 1}: CSV in {layout.encoding} is expected, found {kind}") from None
        raise
    return original.hash.hexdigest()
