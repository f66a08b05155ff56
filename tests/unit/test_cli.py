"""How a command ends that is stopped or breaks."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from pipeline import cli, warehouse


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """What a command does to the signals of its process ends with the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def a_long_query() -> None:
    warehouse.connect().execute("select sum(a.range * b.range % 7) from range(100000) a, range(100000) b").fetchall()


def a_long_wait() -> None:
    threading.Event().wait(60)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("body", [a_long_query, a_long_wait])
def test_a_command_that_is_stopped_says_so_and_is_no_bug(
    body: Callable[[], None],
    number: signal.Signals,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("pipeline.report.source_table", lambda _: body())
    monkeypatch.setattr("sys.argv", ["stadtrang", "sources"])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    threading.Timer(0.5, signal.pthread_kill, [threading.get_ident(), number]).start()
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == code
    assert capsys.readouterr().err == "stadtrang: stopped; what was published stands\n"


def test_what_nobody_expected_is_shown_and_called_a_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(_: object) -> str:
        raise RuntimeError("no such thing")

    monkeypatch.setattr("pipeline.report.source_table", breaks)
    monkeypatch.setattr("sys.argv", ["stadtrang", "sources"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 70
    assert "no such thing" in capsys.readouterr().err
