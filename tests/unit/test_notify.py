"""A message reaches whom the operator named, and one that cannot be sent stops nothing and tells no secret."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pipeline import notify
from pipeline.errors import UsageError


class Hook(BaseHTTPRequestHandler):
    received: list[dict[str, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/moved":
            self.send_response(307)
            self.send_header("Location", "/hook")
        else:
            self.received.append(json.loads(body))
            self.send_response(204 if self.path == "/hook" else 500)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.received = []
    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_webhook_gets_title_and_text(hook: str) -> None:
    assert notify.send("Titel", "Soest ist veraltet", {notify.WEBHOOK: f"{hook}/hook"}) == []
    assert Hook.received == [{"title": "Titel", "text": "Soest ist veraltet"}]


def test_a_webhook_that_fails_or_moves_is_reported_and_not_followed(hook: str) -> None:
    assert notify.send("t", "x", {notify.WEBHOOK: f"{hook}/broken"}) == [f"{notify.WEBHOOK}: the target answered 500"]
    Hook.received.clear()
    assert notify.send("t", "x", {notify.WEBHOOK: f"{hook}/moved"}) == [f"{notify.WEBHOOK}: the target answered 307"]
    assert Hook.received == []


def test_nobody_at_the_target_is_reported_without_its_secret_path() -> None:
    (lost,) = notify.send("t", "x", {notify.WEBHOOK: "http://127.0.0.1:9/secret-token"})
    assert "ConnectionError" in lost
    assert "secret-token" not in lost


@pytest.mark.parametrize("address", ["http://example.org/hook", "ftp://example.org", "file:///etc/passwd", "https://"])
def test_a_target_that_is_neither_https_nor_loopback_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="an https address is expected"):
        notify.webhook_target(address)


def test_a_command_gets_the_message_on_standard_input(tmp_path: Path) -> None:
    target = tmp_path / "mail.txt"
    script = f"import sys; open({str(target)!r}, 'w').write(sys.stdin.read())"
    command = f'{sys.executable} -c "{script}"'
    assert notify.send("Titel", "Text; $(rm -rf x)", {notify.COMMAND: command}) == []
    assert target.read_text() == "Titel\n\nText; $(rm -rf x)\n"


def test_a_command_that_does_not_exist_is_reported() -> None:
    assert notify.send("t", "x", {notify.COMMAND: "no-such-program-here"}) == [f"{notify.COMMAND}: FileNotFoundError"]


def test_without_a_target_nothing_is_sent() -> None:
    assert notify.send("t", "x", {}) == []
