"""The counts of the damage suite at the end of the run, also where tests run in several processes."""

from __future__ import annotations

from collections import Counter
from typing import Any

SILENT, LIMITS = "silent", "known limits"
counts: Counter[str] = Counter()


def pytest_runtest_logreport(report: Any) -> None:
    if report.when == "call":
        counts.update(str(what) for name, what in report.user_properties if name == "damage")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not counts:
        return
    silent, limits = counts.pop(SILENT, 0), counts.pop(LIMITS, 0)
    told = ", ".join(f"{what} {count}" for what, count in sorted(counts.items()))
    terminalreporter.section("damaged files")
    terminalreporter.line(f"silent wrong results {silent}; known limits {limits}; {told}")
