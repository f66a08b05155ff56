"""A box, an archive and a patient fetcher that does not wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from box import Box, opened

from pipeline import web
from pipeline.web import Settings

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)


@pytest.fixture
def box() -> Iterator[Box]:
    with opened(Box()) as there:
        yield there


@pytest.fixture
def settings(box: Box, tmp_path: Path) -> Callable[..., Settings]:
    """Settings that ask the box and wait for nothing; keyword arguments change them."""

    def make(**changes: object) -> Settings:
        values: dict[str, object] = {
            "archive": tmp_path / "archive",
            "home": tmp_path,
            "contact": "test@example.org",
            "mirror": box.address,
            "pause": 0,
            "waits": (0, 0, 0),
            "backoff": 0,
            "retry_after_max": 0.01,
            "poll_seconds": 0.01,
            "environment": {},
            "clock": lambda: NOW,
        }
        return web.Settings(**{**values, **changes})  # type: ignore[arg-type]

    return make
