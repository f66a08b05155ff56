"""Members of a zip on a server: only the wanted ones are transferred, and a file that changes meanwhile is refused."""

from __future__ import annotations

import io
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from pipeline import members
from pipeline.errors import ReadError
from pipeline.read import Place

PLACE = Place("bnetza_mastr_export", "2025-12-31", "export.zip", "units")
PATTERNS = [r"(.*/)?EinheitenSolar(_\d+)?\.xml", r"(.*/)?EinheitenWind\.xml"]
LARGE = bytes(range(256)) * 40_000  # 10 MB; stored, not deflated, so that a transfer would show


def publisher_zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name in ("Marktakteure_1.xml", "EinheitenSolar_2.xml", "EinheitenWind.xml", "EinheitenSolar_10.xml"):
            packed.writestr(name, LARGE if "Markt" in name else name.encode() * 1000)
    return content.getvalue()


@dataclass
class Server:
    """Serves one file by Range; `twist` may change a reply (status, headers, body) by the number of the request."""

    content: bytes
    twist: Callable[[int, int, dict[str, str], bytes], tuple[int, dict[str, str], bytes]] | None = None
    sent: int = 0
    asked: list[Mapping[str, str]] = field(default_factory=list)
    address: str = ""

    def reply(self, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(headers)
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", headers["Range"])
        assert found
        start, end = int(found[1]), int(found[2])
        body = self.content[start : end + 1]
        status = 206
        given = {"ETag": '"v1"', "Content-Range": f"bytes {start}-{end}/{len(self.content)}"}
        if self.twist:
            status, given, body = self.twist(len(self.asked), status, given, body)
        self.sent += len(body)
        return status, given, body


@pytest.fixture
def server() -> Iterator[Server]:
    played = Server(publisher_zip())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = played.reply(dict(self.headers))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        played.address = f"http://127.0.0.1:{http.server_port}/Stichtag/export.zip"
        yield played
        http.shutdown()


def get(address: str, headers: Mapping[str, str]) -> requests.Response:
    return requests.get(address, headers=dict(headers), timeout=10)


def fetched(server: Server, target: Path) -> str:
    return members.fetch_members(members.RangeFile(get, server.address, PLACE), PATTERNS, target, PLACE)


def refused(server: Server, target: Path) -> str:
    with pytest.raises(ReadError) as caught:
        fetched(server, target)
    message = str(caught.value)
    assert not target.exists()
    assert [fact for fact in ("bnetza_mastr_export", server.address, "expected", "found") if fact not in message] == []
    return message


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "RANGE_BUFFER", 30_000)


@pytest.mark.usefixtures("small_pieces")
def test_only_the_wanted_members_are_transferred(server: Server, tmp_path: Path) -> None:
    note = fetched(server, tmp_path / "kept.zip")
    assert note == f"3 of 4 members of the publisher's zip of {len(server.content):,} bytes, packed again"
    with zipfile.ZipFile(tmp_path / "kept.zip") as kept:
        assert kept.namelist() == ["EinheitenSolar_2.xml", "EinheitenSolar_10.xml", "EinheitenWind.xml"]
        assert all(kept.read(name) == name.encode() * 1000 for name in kept.namelist())
    assert server.sent < 400_000 < len(server.content)
    assert {headers.get("If-Range") for headers in server.asked[1:]} == {'"v1"'}


def test_equal_members_give_equal_bytes(server: Server, tmp_path: Path) -> None:
    fetched(server, tmp_path / "first.zip")
    fetched(server, tmp_path / "second.zip")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


@pytest.mark.usefixtures("small_pieces")
def test_a_body_cut_short_is_asked_for_again(server: Server, tmp_path: Path) -> None:
    server.twist = lambda number, status, headers, body: (status, headers, body[:7] if number % 2 else body)
    fetched(server, tmp_path / "kept.zip")
    with zipfile.ZipFile(tmp_path / "kept.zip") as kept:
        assert kept.testzip() is None


def test_a_body_that_is_always_short_is_refused(server: Server, tmp_path: Path) -> None:
    server.twist = lambda number, status, headers, body: (status, headers, body[:-1])
    assert "4 times" in refused(server, tmp_path / "kept.zip")


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    ("later", "told"),
    [
        (lambda headers, body: (404, {}, b"gone"), "404"),
        (lambda headers, body: (200, headers, publisher_zip()), "200"),
        (lambda headers, body: (206, {**headers, "ETag": '"v2"'}, body), "replaced meanwhile"),
        (lambda headers, body: (206, {**headers, "Content-Range": headers["Content-Range"] + "1"}, body), "replaced"),
        (lambda headers, body: (206, {"ETag": '"v1"'}, body), "Content-Range"),
    ],
)
def test_a_file_that_goes_or_changes_while_it_is_read_is_refused(
    server: Server, tmp_path: Path, later: Callable[..., tuple[int, dict[str, str], bytes]], told: str
) -> None:
    server.twist = lambda number, status, headers, body: later(headers, body) if number > 3 else (status, headers, body)
    assert told in refused(server, tmp_path / "kept.zip")


def test_a_damaged_member_is_refused(server: Server, tmp_path: Path) -> None:
    at = server.content.index(b"EinheitenWind.xmlEinheitenWind.xml") + 30
    server.content = server.content[:at] + b"?" + server.content[at + 1 :]
    assert "CRC" in refused(server, tmp_path / "kept.zip")


def test_a_member_that_is_not_there_is_refused_before_any_is_transferred(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="Biomasse"):
        remote = members.RangeFile(get, server.address, PLACE)
        members.fetch_members(remote, [*PATTERNS, "EinheitenBiomasse.xml"], tmp_path / "kept.zip", PLACE)
    assert server.sent < len(server.content)
