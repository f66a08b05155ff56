"""Publisher bytes by their sha256, written once; one receipt per source, edition and part.

    archive/sha256/ab/abcdef...      the bytes, read-only
    archive/receipts/<source>.json   where each part came from, under which licence

A receipt's unknown facts are null, never guessed: a file that was found in somebody's repository has that
repository and commit instead of an address and a date of retrieval.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import tempfile
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
    """Write the bytes under their sha256 and return it; bytes already there are not written again."""
    digest = hashlib.sha256(content).hexdigest()
    target = root / "sha256" / digest[:2] / digest
    if not target.exists():
        write_atomic(target, content)
        target.chmod(0o444)
    return digest


def write_atomic(target: Path, content: bytes) -> None:
    """All or nothing, also when the machine stops in between."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:20]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def fetch(root: Path, digest: str) -> bytes:
    """The bytes of a receipt, re-hashed: a damaged archive is never read."""
    path = root / "sha256" / digest[:2] / digest
    if not path.is_file():
        raise ReadError(f"archive: {digest} is named by a receipt and not stored; fetch the source again")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ReadError(f"archive: {path.name} does not have its own sha256; the stored bytes are damaged")
    return content


def read_manifests(folder: Path) -> dict[str, dict[str, str]]:
    """All MANIFEST*.csv of a folder by path; the bytes of a listed file must have the listed sha256."""
    found: dict[str, dict[str, str]] = {}
    for manifest in sorted(folder.glob("MANIFEST*.csv")):
        with manifest.open(encoding="utf-8", newline="") as file:
            found |= {row["path"]: row for row in csv.DictReader(file)}
    return found


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
                path = next((p for p in (folder / part.file, folder.parent / part.file) if p.is_file()), None)
                if path is None:
                    missing.append(f"{source.id}, edition {name}: {part.file}")
                    continue
                stored.append(_take(root, path, source, name, edition, part, manifest.get(part.file)))
        write_receipts(root, source.id, stored)
        receipts += stored
    return receipts, missing


def _take(
    root: Path,
    path: Path,
    source: Source,
    name: str,
    edition: SourceEdition,
    part: Part,
    origin: Mapping[str, str] | None,
) -> Receipt:
    content = path.read_bytes()
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
        return [Receipt(**entry) for entry in json.loads(path.read_text("utf-8"))]
    except (ValueError, TypeError) as error:
        raise ReadError(f"archive: receipts/{source_id}.json is not readable: {error}") from error
