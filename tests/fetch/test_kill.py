"""A fetch that is killed at any moment leaves nothing torn, and the next one goes on where it stopped."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from box import Asked, Box, Reply, place_of, publish_real_files

from pipeline import archive, catalog, fetch
from pipeline.web import Client, Settings

CATALOG = catalog.load()
SOURCES = [CATALOG.sources[name] for name in ("kba_fz1", "mobilitydata_gbfs", "oparl_endpoints", "rki_gisd")]
FEW = 4


@pytest.mark.parametrize("seed", [pytest.param(n, marks=[pytest.mark.long] if n >= FEW else []) for n in range(20)])
def test_after_a_kill_nothing_is_torn_and_nothing_whole_is_downloaded_again(
    seed: int, box: Box, settings: Callable[..., Settings], upstream: Path, tmp_path: Path
) -> None:
    chosen = settings()
    addresses = publish_real_files(box, SOURCES, upstream)
    for address in addresses:
        box.play(address, Reply(delay=0.001, piece=1 << 14, obeys_conditions=True))
    killed_after(seed, box, tmp_path, len(addresses))

    assert archive.verify(chosen.archive) == [], "what a receipt names is there and whole"
    whole, begun = state_after_the_kill(chosen, box, addresses)
    box.queued.clear()
    box.asked.clear()
    outcomes = fetch.fetch(SOURCES, chosen)
    assert {o.state for o in outcomes} <= {"stored", "unchanged"}, [o.line() for o in outcomes]
    assert archive.verify(chosen.archive) == []
    for source in SOURCES:
        for receipt in archive.read_receipts(chosen.archive, source.id):
            content = box.files[place_of(str(receipt.address))].content
            assert archive.fetch(chosen.archive, receipt.sha256) == content
    again = {a.place: a.status for a in box.asked}
    assert {again[place] for place in whole} <= {304}
    assert {again[place] for place in begun} <= {206}
    assert list((chosen.archive / "partial").glob("*.part")) == []


def killed_after(seed: int, box: Box, home: Path, files: int) -> None:
    """Run a fetch and kill it: in the middle of the answer of that number, or a few milliseconds behind its end."""
    chance = random.Random(seed)
    number, in_the_middle, delay = chance.randrange(files * 3 // 4), chance.random() < 0.5, chance.uniform(0, 0.03)
    process: list[subprocess.Popen[bytes]] = []
    answers = 0

    def end(_: Asked | None) -> None:
        nonlocal answers
        answers += 1
        if answers == number + 1:
            time.sleep(delay)
            process[0].send_signal(signal.SIGKILL)

    if in_the_middle:
        box.began = end
    else:
        box.watch = end
    environment = {**os.environ, "STADTRANG_HOME": str(home), "STADTRANG_MIRROR": box.address}
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "fetch", *(s.id for s in SOURCES)]
    process.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    output = process[0].communicate(timeout=60)
    assert process[0].returncode == -signal.SIGKILL, output
    box.watch = box.began = None


def state_after_the_kill(chosen: Settings, box: Box, addresses: list[str]) -> tuple[set[str], set[str]]:
    """Places whose bytes are whole in the archive (in the store or as a whole part), and those that have begun."""
    whole, begun = set(), set()
    parts = {p.stem: p for p in (chosen.archive / "partial").glob("*.part")}
    for source in SOURCES:
        for download in fetch.downloads(Client(chosen), source)[0]:
            place = place_of(download.request.address)
            content = box.files[place].content
            part = parts.get(download.key)
            note = chosen.archive / "partial" / f"{download.key}.json"
            digest = hashlib.sha256(content).hexdigest()
            known = [r for r in archive.read_retrievals(chosen.archive, source.id) if r.key == download.key]
            if part is not None and note.is_file() and part.stat().st_size == len(content):
                whole.add(place)
            elif part is not None and note.is_file() and part.stat().st_size:
                begun.add(place)
            elif archive.blob(chosen.archive, digest).is_file() and (known or note.is_file()):
                whole.add(place)
    return whole, begun
