"""The publishers' bytes are kept as they are, known by their sha256, and nothing about their origin is guessed."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import samples

from pipeline import archive, catalog
from pipeline.archive import Receipt
from pipeline.errors import PipelineError, ReadError

CATALOG = catalog.load()
KBA = ("kba_fz1", "2021-01-01", "y2021")
CONTENT = samples.kba_fz1()
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FILE = "kba/fz1-2021/fz1_2021.xlsx"
MANIFEST = {"path": FILE, "sha256": DIGEST, "found_in_repository": "someone/cars:fz1_2021.xlsx", "commit": "ab" * 20}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one publisher's file as it was found in somebody's repository."""
    path = tmp_path / "folder"
    samples.publish(path, CATALOG, {KBA: CONTENT})
    manifest(path, MANIFEST)
    return path


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def manifest(folder: Path, *rows: dict[str, str]) -> None:
    with (folder / "MANIFEST.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(MANIFEST))
        writer.writeheader()
        writer.writerows(rows)


def fetch(root: Path, folder: Path) -> list[Receipt]:
    return archive.fetch_from(root, folder, [CATALOG.sources["kba_fz1"]])[0]


def stored_files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_bytes_are_stored_once_under_their_sha256_and_read_only(root: Path) -> None:
    assert archive.store(root, b"bytes") == archive.store(root, b"bytes") == hashlib.sha256(b"bytes").hexdigest()
    (path,) = stored_files(root)
    assert path.read_bytes() == b"bytes"
    assert path.relative_to(root) == Path("sha256", path.name[:2], path.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_what_is_stored_comes_back(root: Path) -> None:
    assert archive.fetch(root, archive.store(root, CONTENT)) == CONTENT


def test_a_flipped_byte_in_the_archive_is_refused(root: Path) -> None:
    digest = archive.store(root, CONTENT)
    path = root / "sha256" / digest[:2] / digest
    path.chmod(0o644)
    path.write_bytes(bytes([CONTENT[0] ^ 1]) + CONTENT[1:])
    with pytest.raises(ReadError, match=f"{digest}.*expected.*found.*damaged.*fetch the source again"):
        archive.fetch(root, digest)


def test_storing_the_bytes_again_heals_a_damaged_archive(root: Path) -> None:
    digest = archive.store(root, CONTENT)
    path = root / "sha256" / digest[:2] / digest
    path.chmod(0o644)
    path.write_bytes(CONTENT[:-1])
    assert archive.fetch(root, archive.store(root, CONTENT)) == CONTENT


def test_an_empty_file_is_refused_and_replaces_nothing(root: Path, folder: Path) -> None:
    kept = fetch(root, folder)
    manifest(folder)
    samples.publish(folder, CATALOG, {KBA: b""})
    with pytest.raises(ReadError, match=f"kba_fz1, edition 2021-01-01, {FILE}: data is expected, found an empty file"):
        fetch(root, folder)
    assert archive.read_receipts(root, "kba_fz1") == kept


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("kba/x.xls\n", "row 2: a sha256 is expected, found 'None'"),
        ("kba/x.xls,12ab\n", "row 2: a sha256 is expected, found '12ab'"),
        (f"a,{'0' * 64}\na,{'1' * 64}\n", "row 3: a is listed with two sha256"),
        ('a,"12', "below row 1: CSV is expected, found unexpected end of data"),
    ],
)
def test_a_damaged_manifest_is_refused_with_its_row(root: Path, folder: Path, rows: str, message: str) -> None:
    (folder / "MANIFEST-more.csv").write_text("path,sha256\n" + rows)
    with pytest.raises(ReadError, match=f"MANIFEST-more.csv: {message}"):
        fetch(root, folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [("bytes", "many"), ("bytes", None), ("edition", None), ("part", 3), ("sha256", ["ab"]), ("licence", {})],
)
def test_a_receipt_with_a_value_of_another_kind_is_refused(root: Path, folder: Path, key: str, value: object) -> None:
    fetch(root, folder)
    path = root / "receipts" / "kba_fz1.json"
    (entry,) = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps([{**entry, key: value}]), "utf-8")
    with pytest.raises(ReadError, match=f"receipts of kba_fz1 are expected, found {key} .*fetch the source again"):
        archive.read_receipts(root, "kba_fz1")


def test_bytes_that_are_not_there_are_named(root: Path) -> None:
    with pytest.raises(ReadError, match=f"{DIGEST} is named by a receipt and not stored"):
        archive.fetch(root, DIGEST)


def test_a_file_that_is_not_the_listed_one_is_refused_and_not_stored(root: Path, folder: Path) -> None:
    manifest(folder, {**MANIFEST, "sha256": "0" * 64})
    with pytest.raises(ReadError, match=f"kba_fz1, edition 2021-01-01, {FILE}: the manifest says sha256 000000000000"):
        fetch(root, folder)
    assert not root.exists()


def test_a_manifest_without_the_needed_columns_is_refused(root: Path, folder: Path) -> None:
    (folder / "MANIFEST.csv").write_text("file,hash\nx,y\n")
    with pytest.raises(
        ReadError, match=r"MANIFEST.csv: columns path and sha256 are expected, found \['file', 'hash'\]"
    ):
        fetch(root, folder)
    (folder / "MANIFEST.csv").write_bytes(b"path,sha256\nK\xf6ln,1\n")
    with pytest.raises(ReadError, match=r"MANIFEST.csv: UTF-8 is expected"):
        fetch(root, folder)


def test_what_a_receipt_does_not_know_is_null(root: Path, folder: Path) -> None:
    (receipt,) = fetch(root, folder)
    assert (receipt.found_in, receipt.commit) == ("someone/cars:fz1_2021.xlsx", "ab" * 20)
    assert (receipt.address, receipt.retrieved_at, receipt.territory_date) == (None, None, None)
    assert (receipt.sha256, receipt.bytes, receipt.reference_date) == (DIGEST, len(CONTENT), "2021-01-01")
    assert receipt.licence == "dl-de/by-2-0" and receipt.attribution.startswith("© Kraftfahrt-Bundesamt")
    (written,) = json.loads((root / "receipts" / "kba_fz1.json").read_text("utf-8"))
    assert written["address"] is None and written["retrieved_at"] is None
    assert archive.read_receipts(root, "kba_fz1") == [receipt]


def test_a_file_in_no_manifest_has_no_origin(root: Path, folder: Path) -> None:
    manifest(folder)
    (receipt,) = fetch(root, folder)
    assert (receipt.found_in, receipt.commit, receipt.address) == (None, None, None)


def test_every_real_receipt_has_an_origin_or_is_our_own(archive_root: Path) -> None:
    receipts = [r for source in CATALOG.sources for r in archive.read_receipts(archive_root, source)]
    assert len(receipts) == sum(len(e.parts) for s in CATALOG.retrieved.values() for e in s.retrieved_editions.values())
    for receipt in receipts:
        own = receipt.source_id.startswith("facts_")
        assert own or (receipt.found_in and receipt.commit) or receipt.address, receipt
        assert receipt.retrieved_at is None and receipt.licence and receipt.attribution


def test_parts_that_are_not_in_the_folder_are_listed(root: Path, folder: Path) -> None:
    receipts, missing = archive.fetch_from(root, folder, [CATALOG.sources["kba_fz1"]])
    assert len(receipts) == 1
    assert "kba_fz1, edition 2018-01-01: kba/fz1-2018/fz1_2018_xls.xls" in missing and len(missing) == 3


def test_older_receipts_of_a_source_stay(root: Path, folder: Path, tmp_path: Path) -> None:
    (first,) = fetch(root, folder)
    later = tmp_path / "later"
    samples.publish(later, CATALOG, {("kba_fz1", "2020-01-01", "y2020"): samples.kba_fz1(date="1. Januar 2020")})
    (second,) = fetch(root, later)
    assert archive.read_receipts(root, "kba_fz1") == [second, first]


def test_fetching_again_replaces_the_receipt_and_keeps_the_old_bytes(root: Path, folder: Path) -> None:
    (first,) = fetch(root, folder)
    manifest(folder)
    samples.publish(folder, CATALOG, {KBA: samples.kba_fz1(cells={"E10": 1})})
    (second,) = fetch(root, folder)
    assert archive.read_receipts(root, "kba_fz1") == [second]
    assert archive.fetch(root, first.sha256) == CONTENT


def test_fetching_the_same_twice_changes_no_byte(root: Path, folder: Path) -> None:
    fetch(root, folder)
    before = {path: path.read_bytes() for path in stored_files(root)}
    fetch(root, folder)
    assert {path: path.read_bytes() for path in stored_files(root)} == before


@pytest.mark.parametrize(
    "text",
    [
        '[{"source_id": "kba_fz1", ',
        "{}x",
        "3",
        '[{"source_id": "kba_fz1", "colour": "blue"}]',
        '["kba_fz1"]',
        "[null]",
        "{}",
        "\udcff",
    ],
    ids=["cut off", "more below", "a number", "other keys", "a text", "nothing", "no list", "not UTF-8"],
)
def test_damaged_receipts_are_a_clear_error(root: Path, text: str) -> None:
    path = root / "receipts" / "kba_fz1.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ReadError, match=r"kba_fz1\.json: .* expected, found"):
        archive.read_receipts(root, "kba_fz1")


def test_receipts_of_another_source_are_refused(root: Path, folder: Path) -> None:
    fetch(root, folder)
    (root / "receipts" / "kba_fz1.json").rename(root / "receipts" / "rki_gisd.json")
    with pytest.raises(ReadError, match="receipts of rki_gisd are expected"):
        archive.read_receipts(root, "rki_gisd")


def test_a_folder_that_is_not_there_is_an_error(root: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no such folder"):
        fetch(root, tmp_path / "nowhere")


def test_a_file_that_others_should_read_can_be_read_by_them(tmp_path: Path, umask: None) -> None:
    archive.write_atomic(tmp_path / "a" / "open", b"1")
    assert stat.S_IMODE((tmp_path / "a" / "open").stat().st_mode) == 0o644
    os.umask(0o077)
    archive.write_atomic(tmp_path / "closed", b"1")
    assert stat.S_IMODE((tmp_path / "closed").stat().st_mode) == 0o600


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "file"
    archive.write_atomic(target, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PipelineError, match="file: cannot be written: No space left on device"):
        archive.write_atomic(target, b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


def test_an_archive_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file")
    with pytest.raises(PipelineError, match="cannot be written: Not a directory; is the folder writable"):
        archive.store(tmp_path / "archive", b"bytes")
