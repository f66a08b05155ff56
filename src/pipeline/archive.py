"""Publisher bytes by their sha256, written once; one receipt per source, edition and part.

    archive/sha256/ab/abcdef...      the bytes, read-only
    archive/receipts/<source>.json   where each part came from, under which licence

A receipt's unknown facts are null, never guessed: a file that was found in somebody's repository has that
repository and commit instead of an address and a date of retrieval.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.catalog import Part, Source, SourceEdition
from pipeline.errors import PipelineError, ReadError


@dataclass(frozen=True)
class Receipt:
    """One stored part of one edition of one source."""

    source_id: str
    edition: str
    part: str
    file: str
    address: str | None
    found_in: str | None
    commit: str | None
    retrieved_at: str | None
    reference_date: str | None
    territory_date: str | None
    bytes: int
    sha256: str
    licence: str
    attribution: str
    note: str | None


def part_name(part: Part) -> str:
    return part.name or part.layout


def store(root: Path, content: bytes) -> str:
    """Write the bytes under their sha256 and return it; bytes already there and whole are not written again."""
    digest = hashlib.sha256(content).hexdigest()
    target = root / "sha256" / digest[:2] / digest
    if not target.is_file() or _bytes_of(target) != content:
        write_atomic(target, content)
        target.chmod(0o444)
    return digest


def write_atomic(target: Path, content: bytes) -> None:
    """All or nothing, also when the machine stops in between. Others may read it, as far as the umask lets them."""
    beside = target.with_name(f".{target.name[:20]}.{secrets.token_hex(8)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError as error:
        raise PipelineError(
            f"{target}: cannot be written: {error.strerror}; is the folder writable, with room?"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # gone, or in a folder that never was
            beside.unlink()


def fetch(root: Path, digest: str) -> bytes:
    """The bytes of a receipt, re-hashed: a damaged archive is never read."""
    path = root / "sha256" / digest[:2] / digest
    if not path.is_file():
        raise ReadError(f"archive: {digest} is named by a receipt and not stored; fetch the source again")
    content = _bytes_of(path)
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise ReadError(
            f"archive: sha256/{digest[:2]}/{digest}: its own name is expected as sha256, found {found[:12]}...: the "
            "stored bytes are damaged; fetch the source again"
        )
    return content


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror}") from error


def read_manifests(folder: Path) -> dict[str, dict[str, str]]:
    """All MANIFEST*.csv of a folder by path; the bytes of a listed file must have the listed sha256.

    Raises ReadError for a row without one, and for a path that stands twice with different ones.
    """
    found: dict[str, dict[str, str]] = {}
    for manifest in sorted(folder.glob("MANIFEST*.csv")):
        rows = csv.DictReader(io.StringIO(_text_of(manifest), newline=""), strict=True)
        try:
            if not {"path", "sha256"} <= set(rows.fieldnames or ()):
                raise ReadError(f"{manifest.name}: columns path and sha256 are expected, found {rows.fieldnames}")
            for row in rows:
                listed = str(row["sha256"])
                if not re.fullmatch("[0-9a-f]{64}", listed):
                    raise ReadError(f"{manifest.name}: row {rows.line_num}: a sha256 is expected, found {listed!r:.80}")
                if found.setdefault(row["path"], row)["sha256"] != listed:
                    raise ReadError(f"{manifest.name}: row {rows.line_num}: {row['path']} is listed with two sha256")
        except csv.Error as error:
            raise ReadError(f"{manifest.name}: below row {rows.line_num}: CSV is expected, found {error}") from error
    return found


def _text_of(path: Path) -> str:
    try:
        return _bytes_of(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ReadError(f"{path.name}: UTF-8 is expected, found byte {error.start} that is not") from error


def fetch_from(root: Path, folder: Path, sources: Iterable[Source]) -> tuple[list[Receipt], list[str]]:
    """Take the declared files of the sources from a folder (or from beside it) into the archive.

    Returns the receipts and, for parts that are not there, what was looked for. A file whose bytes are not
    those of the folder's manifest is refused.
    """
    if not folder.is_dir():
        raise PipelineError(f"--from {folder}: no such folder")
    manifest = read_manifests(folder)
    receipts: list[Receipt] = []
    missing: list[str] = []
    for source in sources:
        stored: list[Receipt] = []
        for name, edition in source.editions.items():
            for part in edition.parts:
                path = _find(folder, part)
                if path is None and name not in source.retrieved_editions:
                    continue
                if path is None:
                    missing.append(f"{source.id}, edition {name}: {part.file}")
                    continue
                stored.append(_take(root, path, source, name, edition, part, manifest.get(part.file)))
        write_receipts(root, source.id, stored)
        receipts += stored
    return receipts, missing


def _find(folder: Path, part: Part) -> Path | None:
    """The part's file in the folder or beside it."""
    try:
        return next((p for p in (folder / part.file, folder.parent / part.file) if p.is_file()), None)
    except OSError as error:
        raise ReadError(f"--from {folder}: {part.file} cannot be looked for: {error.strerror}") from error


def _take(
    root: Path,
    path: Path,
    source: Source,
    name: str,
    edition: SourceEdition,
    part: Part,
    origin: Mapping[str, str] | None,
) -> Receipt:
    content = _bytes_of(path)
    if not content:
        raise ReadError(f"{source.id}, edition {name}, {part.file}: data is expected, found an empty file")
    digest = hashlib.sha256(content).hexdigest()
    if origin is not None and origin["sha256"] != digest:
        raise ReadError(
            f"{source.id}, edition {name}, {part.file}: the manifest says sha256 {origin['sha256'][:12]}..., "
            f"the file has {digest[:12]}... ({len(content)} bytes); it is not the file that was listed"
        )
    store(root, content)
    return Receipt(
        source_id=source.id,
        edition=name,
        part=part_name(part),
        file=part.file,
        address=edition.address or ((origin or {}).get("original_url_if_known") or None),
        found_in=(origin or {}).get("found_in_repository") or None,
        commit=(origin or {}).get("commit") or None,
        retrieved_at=None,
        reference_date=edition.reference_date.isoformat() if edition.reference_date else None,
        territory_date=edition.territory_date.isoformat() if edition.territory_date else None,
        bytes=len(content),
        sha256=digest,
        licence=source.licence,
        attribution=source.attribution,
        note=edition.note,
    )


def write_receipts(root: Path, source_id: str, stored: list[Receipt]) -> None:
    """New receipts replace those of the same edition and part; older ones stay."""
    kept = {(r.edition, r.part): r for r in read_receipts(root, source_id)}
    kept |= {(r.edition, r.part): r for r in stored}
    if kept:
        text = json.dumps([asdict(kept[key]) for key in sorted(kept)], ensure_ascii=False, indent=1)
        write_atomic(root / "receipts" / f"{source_id}.json", text.encode())


def read_receipts(root: Path, source_id: str) -> list[Receipt]:
    path = root / "receipts" / f"{source_id}.json"
    if not path.is_file():
        return []
    try:
        listed = json.loads(_text_of(path))
        if not isinstance(listed, list):
            raise TypeError(type(listed).__name__)
        entries = [Receipt(**entry) for entry in listed]
    except (ValueError, TypeError, RecursionError) as error:
        raise ReadError(
            f"archive: receipts/{source_id}.json: a list of receipts is expected, found {error}; "
            "delete the file and fetch the source again"
        ) from error
    for receipt in entries:
        wrong = [name for name, value in asdict(receipt).items() if not _fits(name, value)]
        if receipt.source_id != source_id or wrong:
            raise ReadError(
                f"archive: receipts/{source_id}.json: receipts of {source_id} are expected, found "
                f"{', '.join(f'{name} {getattr(receipt, name)!r:.80}' for name in wrong or ['source_id'])}; "
                "delete the file and fetch the source again"
            )
    return entries


def _fits(name: str, value: object) -> bool:
    if name == "bytes":
        return type(value) is int
    return isinstance(value, str) or (value is None and name not in {"edition", "part", "sha256"})


def sources_with_receipts(root: Path) -> list[str]:
    """Ids of the sources that the archive holds something of, declared or not."""
    return sorted(path.stem for path in (root / "receipts").glob("*.json"))
