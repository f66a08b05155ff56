"""A fetch that is killed at any moment leaves nothing torn, and the next one goes on where it stopped."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from box import Asked, Box, Reply, place_of, publish_real_files

from pipeline import archive, catalog, fetch
from pipeline.web import Client, Settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
import test_points as points

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
    killed(box, home, [source.id for source in SOURCES], number, in_the_middle, delay)


def killed(box: Box, home: Path, sources: list[str], number: int, in_the_middle: bool, delay: float) -> None:
    """Run a fetch and kill it so many seconds into the answer of that number, or behind its end."""
    process: list[subprocess.Popen[bytes]] = []
    answers = 0

    def end(_: Asked | None) -> None:
        nonlocal answers
        answers += 1
        if answers == number + 1:
            threading.Timer(delay, process[0].send_signal, [signal.SIGKILL]).start()  # the answer goes on meanwhile

    if in_the_middle:
        box.began = end
    else:
        box.watch = end
    environment = {**os.environ, "STADTRANG_HOME": str(home), "STADTRANG_MIRROR": box.address}
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "fetch", *sources]
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


SCHOOLS = CATALOG.sources["jedeschule"]
LATEST = "https://jedeschule.codefor.de/csv-data/latest.csv"


def with_names(root: Path) -> list[str]:
    """Files of the archive in which a person is named."""
    return [path.name for path in root.rglob("*") if path.is_file() and points.SECRET.encode() in path.read_bytes()]


def test_names_of_persons_do_not_outlive_the_next_fetch_of_anything(
    box: Box, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    chosen = settings()
    box.put(LATEST, points.list_of_schools(points.all_schools() * 80))

    def begun() -> list[str]:
        box.play(LATEST, Reply(delay=0.02, piece=1 << 14, obeys_conditions=True))
        killed(box, tmp_path, ["jedeschule"], 0, True, 0.6)
        return with_names(chosen.archive)

    (name,) = begun()
    assert name.endswith(".personal")
    assert [line.split(":")[0] for line in archive.verify(chosen.archive)] == [f"partial/{name}"]
    fetch.fetch([CATALOG.sources["rki_gisd"].model_copy(update={"editions": {}})], chosen)
    assert with_names(chosen.archive) == [] and archive.verify(chosen.archive) == []
    (name,) = begun()
    assert archive.prune(chosen.archive, tmp_path / "editions", dry_run=True) != []
    archive.prune(chosen.archive, tmp_path / "editions")
    assert with_names(chosen.archive) == []
    begun()
    scratch = chosen.archive / "partial" / "check-x"  # of a check that was killed, and of one that is running
    (scratch / "partial").mkdir(parents=True)
    (scratch / ".fetching").touch()
    left = scratch / "partial" / f"ab{archive.PERSONAL}"
    left.write_text(points.SECRET)
    with archive.locked(scratch, ".fetching", "--archive"):
        archive.forget_personal(chosen.archive)
        assert with_names(chosen.archive) == [left.name]
    assert archive.verify(chosen.archive)[0].startswith(f"partial/check-x/partial/{left.name}: an unfinished download")
    archive.forget_personal(chosen.archive)
    assert with_names(chosen.archive) == []
    archive.prune(chosen.archive, tmp_path / "editions")
    assert [o.state for o in fetch.fetch([SCHOOLS], chosen)] == ["stored"]
    assert with_names(chosen.archive) == [] and list((chosen.archive / "partial").iterdir()) == []


@pytest.mark.parametrize(("moment", "again"), [("keep", [304, 200]), ("write_receipts", [304])])
def test_a_kill_behind_the_stripping_mixes_nothing(
    moment: str, again: list[int], box: Box, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings()
    content = points.list_of_schools(points.all_schools())
    box.put(LATEST, content)

    def stop(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(archive, moment, stop)
        fetch.fetch([SCHOOLS], chosen)
    assert with_names(chosen.archive) == [], "not even for the moment"
    box.asked.clear()
    assert [o.state for o in fetch.fetch([SCHOOLS], chosen)] == ["stored"]
    assert [a.status for a in box.asked] == again, "what was in the store is not downloaded again"
    (receipt,) = archive.read_receipts(chosen.archive, "jedeschule")
    kept = archive.fetch(chosen.archive, receipt.sha256).decode()
    assert kept.splitlines()[0] == "id,zip,city,school_type,legal_status,update_timestamp,location"
    assert receipt.note is not None and receipt.note.endswith(hashlib.sha256(content).hexdigest())
