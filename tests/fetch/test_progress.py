"""Bars show how far a fetch is: on a terminal, and only there."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from box import Box, Reply
from fz1 import ADDRESS, GOOD

COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()", "fetch", "kba_fz1", "--year", "2021"]
COLOUR = "\x1b[38;"


def on_a_terminal(box: Box, home: Path, *more: str, **environment: str) -> tuple[str, str]:
    """Standard output and what a terminal at standard error is sent."""
    box.put(ADDRESS, GOOD)
    box.play(ADDRESS, Reply(delay=0.1, piece=len(GOOD) // 5))
    usual = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM", "CI")}
    usual |= {"STADTRANG_HOME": str(home), "STADTRANG_MIRROR": box.address, "TERM": "xterm-256color", "COLUMNS": "100"}
    ours, theirs = pty.openpty()
    shown: list[bytes] = []

    def look() -> None:
        try:
            while piece := os.read(ours, 4096):
                shown.append(piece)
        except OSError:  # how a terminal ends
            pass

    watching = threading.Thread(target=look)
    watching.start()
    try:
        done = subprocess.run(
            [*COMMAND, *more], env={**usual, **environment}, stdout=subprocess.PIPE, stderr=theirs, timeout=60
        )
    finally:
        os.close(theirs)
        watching.join()
        os.close(ours)
    assert done.returncode == 0, b"".join(shown)
    return done.stdout.decode(), b"".join(shown).decode()


def test_a_terminal_shows_sources_and_the_file_that_comes_in(box: Box, tmp_path: Path) -> None:
    out, shown = on_a_terminal(box, tmp_path)
    assert "kba_fz1 2021-01-01" in shown and "0.0 MB" in shown and "1 of 1" in shown and COLOUR in shown
    assert "\x1b" not in out and "1 stored" in out


def test_no_color_is_respected(box: Box, tmp_path: Path) -> None:
    _, shown = on_a_terminal(box, tmp_path, NO_COLOR="1")
    assert "kba_fz1 2021-01-01" in shown and COLOUR not in shown


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_who_wants_silence_or_a_document_sees_no_bar(option: str, box: Box, tmp_path: Path) -> None:
    assert on_a_terminal(box, tmp_path, option)[1] == ""


def test_where_nobody_looks_there_is_no_bar(box: Box, tmp_path: Path) -> None:
    box.put(ADDRESS, GOOD)
    environment = {**os.environ, "STADTRANG_HOME": str(tmp_path), "STADTRANG_MIRROR": box.address, "FORCE_COLOR": "1"}
    done = subprocess.run(COMMAND, env=environment, capture_output=True, timeout=60, check=True)
    assert done.stderr == b"" and b"\x1b" not in done.stdout
