"""The only place of the package that knows Prefect: settings for a quiet local run, and the flow file's address.

`build` never comes here; the flow itself is flows/yearly_ranking.py.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import threading
from pathlib import Path
from types import ModuleType

from pipeline import processes
from pipeline.catalog import shipped
from pipeline.cli import STOPPED, STOPPED_WORDS
from pipeline.publish import Published

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}
STOP_SECONDS = 10


def run_yearly(
    years: list[int] | None,
    figures: Path | None,
    out: Path,
    archive: Path | None = None,
    sources: list[str] | None = None,
    dry_run: bool = False,
) -> list[Published]:
    """Run the yearly flow in this process, on the configured server or a temporary one. A dry run publishes nothing."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    signal.signal(signal.SIGINT, _stop_in_time)
    processes.warm_up()  # while Prefect starts
    flow = load_flow("yearly_ranking").yearly_ranking
    result: list[dict[str, object]] = flow(
        years=years,
        figures=str(figures) if figures else None,
        archive=str(archive) if archive else None,
        sources=sources,
        out=str(out.resolve()),
        dry_run=dry_run,
    )
    return [
        Published(int(str(r["year"])), str(r["revision"]), Path(str(r["folder"])), bool(r["is_new"])) for r in result
    ]


def _stop_in_time(_signal: int, _frame: object) -> None:
    """Ctrl-C, which the temporary server hears too: Prefect then asks for it on and on, when all that the run leaves is
    long in order."""
    last = threading.Timer(STOP_SECONDS, _end)
    last.daemon = True
    last.start()
    raise KeyboardInterrupt


def _end() -> None:
    print(STOPPED_WORDS, file=sys.stderr, flush=True)
    os._exit(STOPPED)


def load_flow(name: str) -> ModuleType:
    """A module of flows/, which stands at the top of a checkout and inside the wheel."""
    path = shipped("flows") / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no flow file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
