"""Steps beside each other: when each can start, and the two processes for those that compute much.

Threads of one process would wait for each other and keep its memory. The two branch off one that loads all libraries,
which takes seconds; it can be started before anything else is known. So this imports nothing that takes time itself.
"""

from __future__ import annotations

import atexit
import graphlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import forkserver

from pipeline.errors import PipelineError

START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
LOADED = "pipeline.loaded"  # what the workers have in common
KILLED = (
    "one of the processes that compute was killed from outside, most likely for want of memory (2 GB are enough); "
    "nothing was published from this run and the last good edition stands: free memory and run again"
)
BESIDE = 2  # steps at a time: what two processors and the promised memory are enough for


def in_turn(
    needs: Mapping[str, Collection[str]],
    start: Callable[[str], Future[None]],
    beside: int = BESIDE,
    done: Callable[[str], None] = lambda _: None,
) -> None:
    """Start each step as soon as those that it needs are done, `beside` at a time; `done` hears of each at its end.

    needs: step to the steps before it; of those that can start, the first here goes first. Raises what a step raises,
    and graphlib.CycleError for a circle.
    """
    waiting = graphlib.TopologicalSorter(needs)
    waiting.prepare()
    place = {step: number for number, step in enumerate(needs)}
    ready: list[str] = []
    running: dict[Future[None], str] = {}
    while waiting.is_active():
        ready = sorted([*ready, *waiting.get_ready()], key=place.__getitem__)
        while ready and len(running) < beside:
            step = ready.pop(0)
            running[start(step)] = step
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            future.result()
            step = running.pop(future)
            waiting.done(step)
            done(step)


def warm_up() -> None:
    """Start the process that loads the libraries, and return at once.

    One thread each for NumPy's products: as many per process as there are processors only wait for each other.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if START == "forkserver":
        forkserver.set_forkserver_preload([LOADED])
        with _deaf():
            forkserver.ensure_running()


@contextmanager
def _deaf() -> Iterator[None]:
    """A process that starts in the body does not hear Ctrl-C: it ends with this one, and not with a traceback."""
    if threading.current_thread() is not threading.main_thread():  # which alone may say so
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def two_processes() -> Iterator[ProcessPoolExecutor]:
    """The pool; its workers end at once when the body fails or is stopped. PipelineError where one was killed."""
    warm_up()
    with ProcessPoolExecutor(BESIDE, multiprocessing.get_context(START), initializer=_start_worker) as pool:
        try:
            yield pool
        except BaseException as error:
            for worker in multiprocessing.active_children():
                worker.kill()
            if isinstance(error, BrokenProcessPool | EOFError):  # the latter: the one that they branch off
                raise PipelineError(KILLED) from error
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
