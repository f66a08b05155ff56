"""A publisher in a box: a local server of real files under the publishers' real paths, which can misbehave on demand.

It answers under /<host>/<path>, as a mirror does (STADTRANG_MIRROR). `play` queues replies for an address; one request
takes one of them, and behind the last one the file itself is served, with validators, conditions and ranges.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import hashlib
import io
import ssl
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.catalog import Part, Source

PUBLISHED = dt.datetime(2026, 10, 1, 8, tzinfo=dt.UTC)


@dataclass
class File:
    """What a publisher has at an address."""

    content: bytes
    etag: str | None = ""  # "": made from the content
    modified: dt.datetime | None = PUBLISHED
    ranges: bool = True
    content_type: str = "application/octet-stream"

    def headers(self) -> dict[str, str]:
        tag = f'"{hashlib.sha256(self.content).hexdigest()[:16]}"' if self.etag == "" else self.etag
        found = {"Content-Type": self.content_type}
        found |= {"ETag": tag} if tag else {}
        found |= {"Last-Modified": email.utils.format_datetime(self.modified, usegmt=True)} if self.modified else {}
        return found | ({"Accept-Ranges": "bytes"} if self.ranges else {})


@dataclass(frozen=True)
class Reply:
    """One answer. `body` None: the file's own. `sent`: close the connection after so many bytes of the body."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    sent: int | None = None
    chunked: bool = False
    delay: float = 0  # seconds between pieces
    piece: int = 1 << 16  # bytes
    validators: bool = True
    obeys_conditions: bool = False  # as the file itself does
    compute: Callable[[str, bytes], bytes] | None = None  # method and body of the request to the reply's body


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    place: str  # host and path
    query: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    sent: int


def place_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.netloc}{parts.path}"


class Box:
    """The files by host and path, the replies to play, and what was asked."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.queued: dict[str, list[Reply]] = {}
        self.asked: list[Asked] = []
        self.changed = threading.Lock()
        self.address = ""
        self.watch: Callable[[Asked], None] | None = None  # called behind every answer
        self.began: Callable[[None], None] | None = None  # called when an answer's headers are sent

    def put(self, address: str, content: bytes, **options: Any) -> None:
        self.files[place_of(address)] = File(content, **options)

    def play(self, address: str, *replies: Reply) -> None:
        self.queued.setdefault(place_of(address), []).extend(replies)

    def next_reply(self, place: str) -> Reply:
        with self.changed:
            queue = self.queued.get(place)
            return queue.pop(0) if queue else Reply(obeys_conditions=True)

    def requests(self, address: str) -> list[Asked]:
        return [a for a in self.asked if a.place == place_of(address)]

    def downloaded(self) -> list[str]:
        """Places of which a body with status 200 or 206 was sent."""
        return [a.place for a in self.asked if a.status in (200, 206) and a.sent]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    box: Box
    prefix_is_host = True

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        parts = urlsplit(self.path)
        place = parts.path.lstrip("/") if self.prefix_is_host else f"{self.headers['Host']}{parts.path}"
        reply = self.box.next_reply(place)
        file = self.box.files.get(place)
        if file is None and reply.obeys_conditions:
            reply = Reply(404, body=b"<html><title>404</title>not here</html>")
        status, headers, content = self._answer(reply, file or File(b"", etag=None, modified=None), body)
        sent = 0
        try:
            sent = self._send(reply, status, headers, content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        asked = Asked(self.command, place, parts.query, dict(self.headers), body, status, sent)
        with self.box.changed:
            self.box.asked.append(asked)
        if self.box.watch:
            self.box.watch(asked)

    do_POST = do_GET  # noqa: N815

    def _answer(self, reply: Reply, file: File, body: bytes) -> tuple[int, dict[str, str], bytes]:
        content = file.content if reply.body is None else reply.body
        if reply.compute:
            content = reply.compute(self.command, body)
        headers = {**(file.headers() if reply.validators and reply.body is None else {}), **reply.headers}
        if not reply.obeys_conditions:
            return reply.status, headers, content
        if self._is_known(headers):
            return 304, headers, b""
        asked = self._range(file, headers)
        if asked is None:
            return 200, headers, content
        start, end = asked
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        return 206, headers, content[start:end]

    def _is_known(self, headers: Mapping[str, str]) -> bool:
        if "If-None-Match" in self.headers:
            return self.headers["If-None-Match"] == headers.get("ETag")
        return "If-Modified-Since" in self.headers and self.headers["If-Modified-Since"] == headers.get("Last-Modified")

    def _range(self, file: File, headers: Mapping[str, str]) -> tuple[int, int] | None:
        """First byte and the one behind the last of what is asked for; None: the whole file."""
        asked = self.headers.get("Range", "")
        condition = self.headers.get("If-Range")
        if not file.ranges or not asked or condition not in (None, headers.get("ETag"), headers.get("Last-Modified")):
            return None
        first, last = asked.removeprefix("bytes=").split("-")
        size = len(file.content)
        start, end = (int(first), int(last or size - 1) + 1) if first else (max(size - int(last), 0), size)
        return (start, min(end, size)) if start < size else None

    def _send(self, reply: Reply, status: int, headers: Mapping[str, str], content: bytes) -> int:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if reply.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif status != 304 and "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.box.began:
            self.box.began(None)
        body = content[: reply.sent] if reply.sent is not None else content
        for at in range(0, len(body), reply.piece):
            piece = body[at : at + reply.piece]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if reply.chunked else piece)
            time.sleep(reply.delay)
        if reply.sent is not None:
            self.close_connection = True
        elif reply.chunked:
            self.wfile.write(b"0\r\n\r\n")
        return len(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the box keeps what was asked."""


@contextlib.contextmanager
def opened(box: Box, context: ssl.SSLContext | None = None) -> Iterator[Box]:
    """The box, listening. With a TLS context it is one publisher itself and no mirror."""
    handler = type("BoxHandler", (Handler,), {"box": box, "prefix_is_host": context is None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme, host = ("http", "127.0.0.1") if context is None else ("https", "localhost")
    box.address = f"{scheme}://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        server.shutdown()
        server.server_close()


def packed(members: Mapping[str, bytes]) -> bytes:
    """A zip whose bytes depend on its members only."""
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w", zipfile.ZIP_STORED) as target:
        for name, content in sorted(members.items()):
            target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return text.getvalue()


def landing(*links: str) -> bytes:
    """A page with these links."""
    return ("<!doctype html><html>" + "".join(f'<a href="{link}">x</a>' for link in links) + "</html>").encode()


def with_real_files(sources: Iterable[Source], upstream: Path) -> list[Source]:
    """The sources with only those of their editions that have an address and lie in `upstream`."""
    found = []
    for source in sources:
        access = source.access
        if access is None or access.secrets or access.dialogue:
            continue
        editions = {
            name: edition
            for name, edition in source.retrieved_editions.items()
            if edition.no_access is None
            and (access.address or edition.address)
            and all((upstream / part.file).is_file() for part in edition.parts)
        }
        if editions:
            found.append(source.model_copy(update={"editions": editions}))
    return found


def addresses_of(source: Source) -> list[tuple[str, Part]]:
    """Address and part of all editions."""
    assert source.access is not None
    return [(source.access.request(e, part).address, part) for e in source.editions.values() for part in e.parts]


def publish_real_files(box: Box, sources: Iterable[Source], upstream: Path) -> list[str]:
    """The files of `upstream` under their publishers' addresses, for sources of `with_real_files`. Returns those."""
    members: dict[str, dict[str, bytes]] = {}
    whole: dict[str, bytes] = {}
    for source in sources:
        for address, part in addresses_of(source):
            content = (upstream / part.file).read_bytes()
            if part.member:
                members.setdefault(address, {})[f"daten/{Path(part.file).name}"] = content
            else:
                whole[address] = content
    whole |= {address: packed(files) for address, files in members.items()}
    for address, content in whole.items():
        box.put(address, content)
    return sorted(whole)
