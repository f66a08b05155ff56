"""Members of publishers' zips: found by pattern, streamed, and of a zip at an address only those that are wanted."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from pipeline.catalog import Part
from pipeline.read import ZIP_ERRORS, Place

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

PIECE = 1 << 20  # bytes
RANGE_BUFFER = 8 << 20  # bytes per request for a member
RANGE_TRIES = 4


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


class Reply(Protocol):
    """What a GET gives back; a reply of requests is one."""

    @property
    def status_code(self) -> int: ...
    @property
    def content(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


Get = Callable[[str, Mapping[str, str]], Reply]  # address and headers


class RangeFile(io.RawIOBase):
    """A file at an address, read by Range: every read is one request, so put a buffer of some megabytes around it.

    The file must stay the same from the first request to the last: where the server names a strong ETag it is sent as
    If-Range, and size and ETag are compared with each reply. A body cut short is asked for again.
    """

    def __init__(self, get: Get, address: str, place: Place) -> None:
        self.get, self.address, self.place = get, address, place
        self.at, self.size, self.etag = 0, -1, ""
        self._ask(0, 1)

    def _ask(self, start: int, end: int) -> bytes:
        """Bytes start to end (exclusive)."""
        headers = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
        if self.etag.startswith('"'):
            headers["If-Range"] = self.etag
        for _ in range(RANGE_TRIES):
            reply = self.get(self.address, headers)
            size = self._size(reply, start, end)
            if self.size < 0:
                self.size, self.etag = size, reply.headers.get("ETag", "")
            if size != self.size or reply.headers.get("ETag", "") != self.etag:
                raise self.place.fail(
                    f"{self.address}: the file of {self.size} bytes is expected that was read so far, found another of "
                    f"{size} bytes; it was replaced meanwhile, fetch it again"
                )
            if len(reply.content) == end - start:
                return reply.content
        raise self.place.fail(
            f"{self.address}: {end - start} bytes from byte {start} are expected, found {len(reply.content)}, "
            f"{RANGE_TRIES} times"
        )

    def _size(self, reply: Reply, start: int, end: int) -> int:
        if reply.status_code != 206:
            raise self.place.fail(
                f"{self.address}: status 206 for bytes {start}-{end - 1} is expected, found {reply.status_code}; the "
                "file was replaced or removed meanwhile, or the server no longer serves pieces: look at the page again"
            )
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", reply.headers.get("Content-Range", ""))
        if not found or (int(found[1]), int(found[2])) != (start, end - 1):
            raise self.place.fail(
                f"{self.address}: Content-Range bytes {start}-{end - 1} is expected, found "
                f"{reply.headers.get('Content-Range')!r}"
            )
        return int(found[3])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        return self.at

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        end = min(self.at + len(view), self.size)
        if end <= self.at:
            return 0
        content = self._ask(self.at, end)
        view[: len(content)] = content
        self.at = end
        return len(content)


def fetch_members(remote: RangeFile, patterns: list[str], target: Path, place: Place) -> str:
    """The members of a zip at an address that fit the patterns, as a zip of their own; nothing else is transferred.

    Every member is compared with its checksum on the way. The new zip holds no clock, so equal members give equal
    bytes. Returns a note for the receipt.
    """
    try:
        buffered = io.BufferedReader(remote, RANGE_BUFFER)
        with open_zip(buffered, place) as packed, zipfile.ZipFile(target, "w", compresslevel=3) as kept:
            wanted = matching(packed, patterns, place)
            for info in wanted:
                entry = zipfile.ZipInfo(info.filename)
                entry.compress_type = zipfile.ZIP_DEFLATED
                with packed.open(info) as member, kept.open(entry, "w", force_zip64=True) as copy:
                    shutil.copyfileobj(member, copy, PIECE)
            members = len(packed.infolist())
    except BaseException as error:
        target.unlink(missing_ok=True)  # it would be a whole zip with too few members
        if not isinstance(error, ZIP_ERRORS):
            raise
        raise place.fail(f"{remote.address}: whole members are expected, found {error}; fetch it again") from error
    return f"{len(wanted)} of {members} members of the publisher's zip of {remote.size:,} bytes, packed again"
