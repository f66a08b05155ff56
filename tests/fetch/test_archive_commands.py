"""The archive re-hashes itself, keeps what anything names, and says what is stale; the doctor names remedies."""

from __future__ import annotations

import datetime as dt
import json
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import samples
from box import Box, Reply, place_of
from fz1 import ADDRESS, GOOD, KBA, cli_code

from pipeline import archive, catalog, doctor, fetch
from pipeline.archive import Retrieval
from pipeline.catalog import Catalog
from pipeline.errors import PipelineError, ReadError
from pipeline.web import Settings

CATALOG = catalog.load()
SECOND = samples.kba_fz1(cells={"E10": 1})


@pytest.fixture
def home(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose archive has FZ 1 of 2021 twice: as it was first, and as it was changed later."""
    monkeypatch.setenv("STADTRANG_HOME", str(tmp_path))
    monkeypatch.setenv("STADTRANG_MIRROR", box.address)
    for content in (GOOD, SECOND):
        box.put(ADDRESS, content)
        assert cli_code("fetch", "kba_fz1", "--year", "2021", "--quiet") == 0
    return tmp_path


def blobs(home: Path) -> dict[bytes, Path]:
    return {path.read_bytes(): path for path in (home / "archive" / "sha256").glob("??/*")}


def test_verify_finds_nothing_and_then_each_damage(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli_code("archive", "verify") == 0
    assert capsys.readouterr().out == "everything has the bytes that its name says\n"
    path = blobs(home)[SECOND]
    path.chmod(0o644)
    path.write_bytes(SECOND[:-1] + b"x")
    (home / "archive" / "sha256" / "ab").mkdir(exist_ok=True)
    (home / "archive" / "sha256" / "ab" / "notes.txt").write_text("mine")
    assert cli_code("archive", "verify", "--json") == 5
    wrong = json.loads(capsys.readouterr().out)["differing"]
    assert len(wrong) == 2
    assert any(path.name in line and "found" in line and "fetch the source again" in line for line in wrong)
    assert any("notes.txt: a file named by its sha256 is expected" in line for line in wrong)
    path.unlink()
    assert any(
        "edition 2021-01-01, y2021" in line and "not stored" in line for line in archive.verify(home / "archive")
    )


def test_verify_looks_at_what_was_refused_too(home: Path, box: Box) -> None:
    box.play(ADDRESS, Reply(403, body=b"<!DOCTYPE html><title>403</title>"))
    assert cli_code("fetch", "kba_fz1", "--year", "2021", "--quiet") == 1
    assert archive.verify(home / "archive") == []
    (refused,) = (p for p in (home / "archive" / "quarantine" / "kba_fz1").iterdir() if p.suffix != ".json")
    refused.write_bytes(b"other")
    (line,) = archive.verify(home / "archive")
    assert line.startswith(f"quarantine/kba_fz1/{refused.name}: its own name is expected as sha256, found")


def test_prune_removes_what_nothing_names_and_old_parts(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    partial = home / "archive" / "partial" / "ab.part"
    partial.write_bytes(b"half")
    assert set(blobs(home)) == {GOOD, SECOND}
    assert cli_code("archive", "prune", "--dry-run") == 0
    assert "2 would be removed" in capsys.readouterr().out and set(blobs(home)) == {GOOD, SECOND}
    assert cli_code("archive", "prune") == 0
    assert set(blobs(home)) == {SECOND} and not partial.exists()


def test_prune_keeps_what_a_lock_names(home: Path) -> None:
    lock = home / "editions" / "2021" / "1.0.0" / "sources.lock.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"inputs": [{"sha256": blobs(home)[GOOD].name}]}))
    assert cli_code("archive", "prune") == 0
    assert set(blobs(home)) == {GOOD, SECOND}


def test_prune_removes_what_was_refused_long_ago_but_for_what_a_lock_names(home: Path, box: Box) -> None:
    root, page, other = home / "archive", b"<!DOCTYPE html><title>403</title>", b"<!DOCTYPE html><title>503</title>"
    for content in (page, other):
        box.play(ADDRESS, Reply(403, body=content))
        assert cli_code("fetch", "kba_fz1", "--year", "2021", "--quiet") == 1
    folder = root / "quarantine" / "kba_fz1"
    refused = {path.read_bytes(): path for path in folder.iterdir() if path.suffix != ".json"}
    assert set(refused) == {page, other}
    lock = home / "editions" / "2021" / "1.0.0" / "sources.lock.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"inputs": [{"sha256": refused[other].name}, {"sha256": blobs(home)[GOOD].name}]}))
    now = dt.datetime.now(dt.UTC)
    soon, later = (now + dt.timedelta(archive.QUARANTINE_DAYS + days) for days in (-1, 1))
    assert archive.prune(root, home / "editions", now=soon) == []
    (folder / ("ab" * 32)).write_bytes(b"a kill came before its record")
    gone = {path.name for path in archive.prune(root, home / "editions", now=later)}
    assert gone == {refused[page].name, f"{refused[page].name}.json", "ab" * 32}
    assert {path.name for path in folder.iterdir()} == {refused[other].name, f"{refused[other].name}.json"}
    assert set(blobs(home)) == {GOOD, SECOND}


def test_prune_goes_through_no_link_and_takes_only_what_the_archive_stored(home: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear")
    stray = home / "archive" / "sha256" / "notes.txt"
    stray.write_text("not stored by its sha256")
    assert stray not in archive.prune(home / "archive", home / "editions", dry_run=True)
    stored = home / "archive" / "sha256"
    stored.rename(tmp_path / "stored")
    stored.symlink_to(mine)
    with pytest.raises(PipelineError, match="a folder of the archive is expected, found a link"):
        archive.prune(home / "archive", home / "editions")
    assert (mine / "letter.txt").exists()


def test_prune_stops_at_receipts_that_cannot_be_read(home: Path) -> None:
    (home / "archive" / "receipts" / "kba_fz1.json").write_text("[")
    with pytest.raises(ReadError, match="a list of receipts is expected"):
        archive.prune(home / "archive", home / "editions")
    assert set(blobs(home)) == {GOOD, SECOND}


def test_the_list_says_what_is_stale_and_why(home: Path, box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    del box.files[place_of(ADDRESS)]
    assert cli_code("fetch", "kba_fz1", "--year", "2021") == 4
    capsys.readouterr()
    assert cli_code("archive", "list") == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"kba_fz1 2021-01-01 y2021: {len(SECOND):,} bytes, ")
    assert "STALE: HTTP 404: nothing is at this address" in shown


def test_files_from_a_folder_are_never_stale(tmp_path: Path, settings: Callable[..., Settings]) -> None:
    root = tmp_path / "archive"
    folder = tmp_path / "folder"
    samples.publish(folder, CATALOG, {("kba_fz1", "2021-01-01", "y2021"): GOOD})
    archive.fetch_from(root, folder, [KBA])
    assert [(row["retrieved_at"], row["stale"]) for row in archive.listing(root)] == [(None, None)]


def test_the_network_takes_over_what_a_folder_brought(
    box: Box, tmp_path: Path, settings: Callable[..., Settings]
) -> None:
    chosen = settings()
    folder = tmp_path / "folder"
    samples.publish(folder, CATALOG, {("kba_fz1", "2021-01-01", "y2021"): GOOD})
    archive.fetch_from(chosen.archive, folder, [KBA])
    box.put(ADDRESS, GOOD)
    (outcome,) = fetch.fetch([KBA], chosen, 2021)
    assert outcome.state == "stored"
    (receipt,) = archive.read_receipts(chosen.archive, "kba_fz1")
    assert receipt.retrieved_at and receipt.address == f"{ADDRESS}?__blob=publicationFile"


def test_the_torn_last_line_of_a_killed_run_is_mended(tmp_path: Path) -> None:
    def retrieval(number: int) -> Retrieval:
        return Retrieval(
            "kba_fz1", f"k{number}", [], "stored", None, "get", "https://x", {}, None, [], 200, {}, 1, "0", "now"
        )

    archive.write_retrieval(tmp_path, retrieval(1))
    path = tmp_path / "retrievals" / "kba_fz1.jsonl"
    with path.open("ab") as file:
        file.write(b'{"source_id": "kba_fz1", "key": "torn')
    assert [r.key for r in archive.read_retrievals(tmp_path, "kba_fz1")] == ["k1"]
    archive.write_retrieval(tmp_path, retrieval(2))
    assert [r.key for r in archive.read_retrievals(tmp_path, "kba_fz1")] == ["k1", "k2"]
    path.write_bytes(b"[]\n")
    with pytest.raises(ReadError, match="one retrieval per line is expected"):
        archive.read_retrievals(tmp_path, "kba_fz1")


def test_keeping_a_file_in_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file")
    (tmp_path / "new").write_bytes(b"1")
    with pytest.raises(PipelineError, match="cannot be written: Not a directory"):
        archive.keep(tmp_path / "archive", tmp_path / "new", "ab" * 32)


def examined(home: Path, declared: Catalog = CATALOG, **environment: str) -> dict[str, doctor.Line]:
    lines = doctor.examine(declared, home, home / "archive", environment)
    assert all(line.remedy for line in lines if line.state != "ok"), "every finding has a remedy"
    return {line.name: line for line in lines}


def test_the_doctor_finds_a_good_machine_good(home: Path) -> None:
    lines = examined(home, STADTRANG_CONTACT="a@example.org")
    assert lines["archive"].text == "1 files of 1 sources" and lines["contact"].state == "ok"
    assert lines["prefect"].state == "ok" and lines["STADTRANG_HOME"].state == "ok"


def test_the_doctor_says_how_to_add_a_missing_certificate(tmp_path: Path) -> None:
    host = "www.bbr-server.de"
    line = examined(tmp_path)[host]
    assert line.state == "note" and line.remedy is not None
    assert f"openssl s_client -connect {host}:443" in line.remedy
    place = tmp_path / "certificates" / f"{host}.pem"
    assert str(place) in line.remedy
    place.parent.mkdir()
    place.write_text("no certificate")
    assert examined(tmp_path)[host].state == "problem"
    usual = Path(ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt")
    place.write_text(usual.read_text("ascii").split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")
    assert examined(tmp_path)[host].state == "ok"


def test_the_doctor_names_missing_credentials_and_contact(tmp_path: Path) -> None:
    assert KBA.access is not None
    access = KBA.access.model_copy(update={"secrets": {"username": "KBA_USER"}})
    declared = replace(CATALOG, sources={"kba_fz1": KBA.model_copy(update={"access": access})})
    lines = examined(tmp_path, declared)
    assert lines["kba_fz1"].remedy is not None and "set KBA_USER" in lines["kba_fz1"].remedy
    assert lines["contact"].state == "note"
    line = examined(tmp_path, declared, KBA_USER="a secret")["kba_fz1"]
    assert line == doctor.Line("kba_fz1", "ok", "credentials are set")


def test_the_doctors_command_fails_on_a_problem(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli_code("doctor") == 0
    assert "ok      prefect: " in capsys.readouterr().out
    (home / "archive" / "receipts" / "kba_fz1.json").write_text("[")
    assert cli_code("doctor") == 1
    assert "problem archive: archive: receipts/kba_fz1.json" in capsys.readouterr().out
