"""The counts of the damage suite at the end of the run."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    suite = sys.modules.get("test_damage")
    if suite is None or not suite.outcomes:
        return
    counts = Counter(what for what, _ in suite.outcomes.values())
    declared = sum(case in suite.LIMITS for case, (what, _) in suite.outcomes.items() if what == suite.SILENT)
    silent = counts.pop(suite.SILENT, 0) - declared
    told = ", ".join(f"{what} {count}" for what, count in sorted(counts.items()))
    terminalreporter.section("damaged files")
    terminalreporter.line(f"silent wrong results {silent}; known limits {declared}; {told}")
