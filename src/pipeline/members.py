"""Members of publishers' zips: found by pattern, and streamed."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipeline.catalog import Part
from pipeline.read import ZIP_ERRORS, Place


@contextmanager
def open_member(path: Path, part: Part, place: Place) -> Iterator[IO[bytes]]:
    """The one member of a zip whose name fits the part's pattern, as a stream; a file that is no zip is its own.

    Raises ReadError when no member or more than one fits.
    """
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            file.seek(0)
            yield file
            return
        with open_zip(file, place) as packed:
            (info,) = matching(packed, [part.member or ".*"], place, at_most=1)
            with packed.open(info) as member:
                yield member


def open_zip(file: IO[bytes], place: Place) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except ZIP_ERRORS as error:
        raise place.fail(f"a whole zip is expected, found {error}; fetch it again") from error


def matching(
    packed: zipfile.ZipFile, patterns: list[str], place: Place, at_most: int | None = None
) -> list[zipfile.ZipInfo]:
    """Members that fit one of the patterns in any case, in natural order (_2 before _10); every pattern has one."""
    files = [info for info in packed.infolist() if not info.is_dir()]
    found: list[zipfile.ZipInfo] = []
    for pattern in patterns:
        fitting = [info for info in files if re.fullmatch(pattern, info.filename, re.IGNORECASE)]
        if not fitting or len(fitting) > (at_most or len(fitting)):
            names = ", ".join(info.filename for info in (fitting or files)[:8])
            wanted = "a member" if at_most is None else "one member"
            raise place.fail(f"{wanted} like {pattern!r} is expected, found {len(fitting)} among {names or 'none'}")
        found += [info for info in fitting if info not in found]
    return sorted(found, key=lambda info: _natural(info.filename))


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in re.split(r"(\d+)", name)]
