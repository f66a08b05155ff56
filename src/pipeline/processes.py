"""The two processes that steps run in: threads of one would wait for each other and keep its memory.

They branch off one that loads all libraries, which takes seconds; it can be started before anything else is known.
Imports nothing that takes time itself.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver

START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
LOADED = "pipeline.loaded"  # what the workers have in common


def warm_up() -> None:
    """Start the process that loads the libraries, and return at once.

    One thread each for NumPy's products: as many per process as there are processors only wait for each other.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if START == "forkserver":
        forkserver.set_forkserver_preload([LOADED])
        forkserver.ensure_running()


@contextmanager
def two_processes() -> Iterator[ProcessPoolExecutor]:
    """The pool; its workers end at once when the body fails or is stopped."""
    warm_up()
    with ProcessPoolExecutor(2, multiprocessing.get_context(START), initializer=_start_worker) as pool:
        try:
            yield pool
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.kill()
            raise


def _start_worker() -> None:
    """In a worker: end when the main process is gone, which alone holds the right to write and hears Ctrl-C."""
    main = multiprocessing.parent_process()

    def watch() -> None:
        if main:
            main.join()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit.register(os._exit, 0)  # it need not be taken apart at the end
    threading.Thread(target=watch, daemon=True).start()
