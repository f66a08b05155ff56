"""How a command ends that is stopped or breaks."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import duckdb
import pytest

from pipeline import cli


def ctrl_c_after(seconds: float) -> None:
    threading.Timer(seconds, signal.raise_signal, [signal.SIGINT]).start()


def a_long_query() -> None:
    ctrl_c_after(0.3)
    duckdb.connect().execute("select sum(a.range * b.range % 7) from range(1000000) a, range(1000000) b").fetchall()


def a_long_wait() -> None:
    ctrl_c_after(0.3)
    threading.Event().wait(60)


@pytest.mark.parametrize("body", [a_long_query, a_long_wait])
def test_a_command_that_is_stopped_says_so_and_is_no_bug(
    body: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.report.source_table", lambda _: body())
    monkeypatch.setattr("sys.argv", ["stadtrang", "sources"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 130
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
