"""When steps that run beside each other can start, and what becomes of the processes they run in."""

from __future__ import annotations

import graphlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import processes
from pipeline.errors import PipelineError


@st.composite
def plans(draw: st.DrawFn) -> dict[str, list[str]]:
    """Steps in any order, each needing some of those with a smaller number."""
    count = draw(st.integers(0, 8))
    needs = {f"s{n}": [f"s{m}" for m in range(n) if draw(st.booleans())] for n in range(count)}
    return {step: needs[step] for step in draw(st.permutations(sorted(needs)))}


@given(needs=plans(), beside=st.integers(1, 3))
def test_every_step_runs_once_after_those_it_needs_and_few_at_a_time(needs: dict[str, list[str]], beside: int) -> None:
    ended: list[str] = []
    told: list[str] = []
    most = 0

    def step(name: str) -> None:
        assert set(needs[name]) <= set(told), "what it needs is done, and was told"
        ended.append(name)

    with ThreadPoolExecutor(9) as pool:
        running: list[Future[None]] = []

        def start(name: str) -> Future[None]:
            nonlocal most
            running.append(pool.submit(step, name))
            most = max(most, len(running) - len(told))
            return running[-1]

        processes.in_turn(needs, start, beside, told.append)
    assert sorted(ended) == sorted(told) == sorted(needs)
    assert most <= beside


def test_of_steps_that_can_start_the_first_one_goes_first() -> None:
    started: list[str] = []

    def start(name: str) -> Future[None]:
        started.append(name)
        future: Future[None] = Future()
        future.set_result(None)
        return future

    processes.in_turn({"late": ["early"], "early": [], "third": [], "second": []}, start, 1)
    assert started == ["early", "late", "third", "second"]


def test_a_circle_is_an_error_and_a_step_that_fails_ends_it() -> None:
    with pytest.raises(graphlib.CycleError):
        processes.in_turn({"a": ["b"], "b": ["a"]}, lambda _: Future())

    failed: Future[None] = Future()
    failed.set_exception(OSError("no space"))
    with pytest.raises(OSError, match="no space"):
        processes.in_turn({"a": [], "b": ["a"]}, lambda _: failed)


def test_workers_end_at_once_when_the_body_fails() -> None:
    with pytest.raises(RuntimeError, match="stopped"), processes.two_processes() as pool:
        assert pool.submit(abs, -1).result() == 1
        pool.submit(time.sleep, 600)
        raise RuntimeError("stopped")
    assert multiprocessing.active_children() == []


def test_a_worker_that_is_killed_is_told_with_what_to_do() -> None:
    with pytest.raises(PipelineError, match="want of memory"), processes.two_processes() as pool:
        pool.submit(_killed).result()


def _killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_processes_have_loaded_what_they_need_before_they_are_asked() -> None:
    with processes.two_processes() as pool:
        assert pool.submit(_is_loaded, "great_expectations").result()
        assert pool.submit(_is_loaded, "pipeline.build").result()


def _is_loaded(module: str) -> bool:
    return module in sys.modules and threading.active_count() <= 2
