"""Publisher bytes by their sha256, written once; one receipt per source, edition and part.

    archive/sha256/ab/abcdef...          the bytes, read-only
    archive/receipts/<source>.json       where each accepted part came from, under which licence
    archive/retrievals/<source>.jsonl    what was asked of the publisher, and what came of it; one line each
    archive/quarantine/<source>/<sha>    what a publisher sent and was refused, with the reason in <sha>.json
    archive/partial/                     downloads that are not finished

A receipt's unknown facts are null, never guessed: a file that was found in somebody's repository has that
repository and commit instead of an address and a date of retrieval. What was refused never replaces a receipt.
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import hashlib
import io
import json
import os
import re
import secrets
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.catalog import Part, Source, SourceEdition
from pipeline.errors import PipelineError, ReadError
from pipeline.personal import strip_personal
from pipeline.read import Place

FRESH = frozenset({"stored", "unchanged"})
PERSONAL = ".personal"  # ends the name of a download whose personal columns are still in it
QUARANTINE_DAYS = 400  # as long as it takes to see the same edition's month again


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


@dataclass(frozen=True)
class Retrieval:
    """One request for one file and its outcome: stored, unchanged or the kind of failure, with the reason.

    `key` names the request (method, address, parameters, body); nothing here holds a secret.
    """

    source_id: str
    key: str
    parts: list[list[str]]  # edition, part
    outcome: str
    reason: str | None
    method: str
    address: str
    parameters: dict[str, str]
    final_address: str | None
    redirects: list[str]
    status: int | None
    headers: dict[str, str]
    bytes: int | None
    sha256: str | None
    retrieved_at: str
    mirror: str | None = None
    original_sha256: str | None = None  # of what the publisher sent, where columns were dropped before storing


@contextlib.contextmanager
def locked(folder: Path, name: str, option: str) -> Iterator[None]:
    """The right to write below a folder: one run at a time, given back even by a run that is killed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise PipelineError(
            f"the folder {folder} cannot be written ({error.strerror}); "
            f"choose another with {option} or set STADTRANG_HOME"
        ) from error
    try:
        _claim(handle, folder, option)
        yield
    finally:
        os.close(handle)


def _claim(handle: int, folder: Path, option: str) -> None:
    try:
        import fcntl
    except ImportError:  # no such lock on this system; the moves stay atomic
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise PipelineError(
            f"another run is writing to {folder}; wait for it or choose another folder with {option}"
        ) from error


def part_name(part: Part) -> str:
    return part.name or part.layout


def blob(root: Path, digest: str) -> Path:
    """Where the bytes of a sha256 are, or would be."""
    return root / "sha256" / digest[:2] / digest


def keep(root: Path, path: Path, digest: str) -> None:
    """Move a finished file of the same disk under its sha256; bytes that are there and whole stay."""
    target = blob(root, digest)
    try:
        if target.is_file() and digest_of(target) == digest:
            path.unlink()
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        path.chmod(0o444)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        path.replace(target)
    except OSError as error:
        raise PipelineError(
            f"{target}: cannot be written: {error.strerror}; is the folder writable, with room?"
        ) from error


def digest_of(path: Path) -> str:
    """sha256 of a file of any size."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror}") from error


def store(root: Path, content: bytes) -> str:
    """Write the bytes under their sha256 and return it; bytes already there and whole are not written again."""
    digest = hashlib.sha256(content).hexdigest()
    target = blob(root, digest)
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
    path = blob(root, digest)
    if not path.is_file():
        raise ReadError(f"archive: {digest} is named by a receipt and not stored; fetch the source again")
    content = _bytes_of(path)
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise _damaged(digest, found)
    return content


def locate(root: Path, digest: str) -> Path:
    """Where the bytes of a receipt lie, re-hashed piece by piece: for files that are not read whole."""
    path = blob(root, digest)
    if not path.is_file():
        raise ReadError(f"archive: {digest} is named by a receipt and not stored; fetch the source again")
    found = digest_of(path)
    if found != digest:
        raise _damaged(digest, found)
    return path


def _damaged(digest: str, found: str) -> ReadError:
    return ReadError(
        f"archive: sha256/{digest[:2]}/{digest}: its own name is expected as sha256, found {found[:12]}...: the "
        "stored bytes are damaged; fetch the source again"
    )


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
                if path is None and source.evidence_of(name) == "described only":
                    continue  # nobody has a file of it yet
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
    size = path.stat().st_size
    if not size:
        raise ReadError(f"{source.id}, edition {name}, {part.file}: data is expected, found an empty file")
    digest = digest_of(path)
    if origin is not None and origin["sha256"] != digest:
        raise ReadError(
            f"{source.id}, edition {name}, {part.file}: the manifest says sha256 {origin['sha256'][:12]}..., "
            f"the file has {digest[:12]}... ({size} bytes); it is not the file that was listed"
        )
    note = edition.note
    if source.access and source.access.drop_columns:
        original, digest = digest, _keep_stripped(root, path, source, name, part)
        size = blob(root, digest).stat().st_size
        note = f"{note + '; ' if note else ''}personal columns taken out, the publisher's file had sha256 {original}"
    else:
        _keep_copy(root, path, digest)
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
        bytes=size,
        sha256=digest,
        licence=source.licence,
        attribution=source.attribution,
        note=note,
    )


def _keep_copy(root: Path, path: Path, digest: str) -> None:
    """A file of any size under its sha256; bytes already there and whole are not written again."""
    target = blob(root, digest)
    if target.is_file() and digest_of(target) == digest:
        return
    with _beside(root) as copy:
        shutil.copyfile(path, copy)
        if digest_of(copy) != digest:
            raise ReadError(f"{path.name}: the same bytes are expected twice, found others; does someone write to it?")
        keep(root, copy, digest)


def _keep_stripped(root: Path, path: Path, source: Source, name: str, part: Part) -> str:
    """A CSV file without its personal columns under the sha256 of what is left."""
    assert source.access is not None
    place = Place(source.id, name, path.name, part_name(part))
    with _beside(root) as kept, path.open("rb") as file:
        strip_personal(file, kept, source.access.drop_columns, source.layouts[part.layout], place)
        digest = digest_of(kept)
        keep(root, kept, digest)
    return digest


@contextlib.contextmanager
def _beside(root: Path) -> Iterator[Path]:
    """A name for an unfinished file on the archive's disk."""
    path = root / "partial" / secrets.token_hex(16)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path
    except OSError as error:
        raise PipelineError(
            f"{path}: cannot be written: {error.strerror}; is the folder writable, with room?"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


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


def write_retrieval(root: Path, retrieval: Retrieval) -> None:
    """Add one line to the source's log; the torn last line of a run that was killed goes first."""
    path = root / "retrievals" / f"{retrieval.source_id}.jsonl"
    line = json.dumps(asdict(retrieval), ensure_ascii=False).encode() + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            end = file.seek(0, os.SEEK_END)
            tail = _last_line(file, end)
            if tail:
                file.truncate(end - len(tail))
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise PipelineError(
            f"{path}: cannot be written: {error.strerror}; is the folder writable, with room?"
        ) from error


def _last_line(file: io.BufferedRandom, end: int) -> bytes:
    """What stands behind the last line's end; nothing in a log that was written to its end."""
    size = min(end, 1 << 20)
    file.seek(end - size)
    return file.read(size).rsplit(b"\n", 1)[-1]


def read_retrievals(root: Path, source_id: str) -> list[Retrieval]:
    """The source's log, oldest first."""
    path = root / "retrievals" / f"{source_id}.jsonl"
    if not path.is_file():
        return []
    lines = _bytes_of(path).split(b"\n")[:-1]  # behind the last line's end stands nothing, or what a kill left
    try:
        return [Retrieval(**json.loads(line)) for line in lines]
    except (ValueError, TypeError, RecursionError) as error:
        raise ReadError(
            f"archive: retrievals/{source_id}.jsonl: one retrieval per line is expected, found {error}; "
            "delete the file, and the source is fetched whole once more"
        ) from error


def quarantine(root: Path, source_id: str, content: Path | bytes, record: Mapping[str, Any]) -> str:
    """Put away what was refused, with the record that says why; returns its sha256. A file is moved there."""
    digest = digest_of(content) if isinstance(content, Path) else hashlib.sha256(content).hexdigest()
    target = root / "quarantine" / source_id / digest
    if isinstance(content, bytes):
        write_atomic(target, content)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        content.replace(target)
    text = json.dumps({**record, "sha256": digest}, ensure_ascii=False, indent=1)
    write_atomic(target.with_name(f"{digest}.json"), text.encode())
    return digest


def stale(root: Path, source_id: str) -> dict[tuple[str, str], Retrieval]:
    """Edition and part to the last retrieval, where that failed and an earlier file stands."""
    last = {(e, p): r for r in read_retrievals(root, source_id) for e, p in r.parts}
    stands = {(r.edition, r.part) for r in read_receipts(root, source_id)}
    return {key: r for key, r in last.items() if key in stands and r.outcome not in FRESH}


def listing(root: Path) -> list[dict[str, Any]]:
    """Every stored part: source, edition, part, bytes, sha256, retrieved_at and, where stale, why."""
    rows = []
    for source_id in sources_with_receipts(root):
        failed = stale(root, source_id)
        for receipt in read_receipts(root, source_id):
            last = failed.get((receipt.edition, receipt.part))
            entry = asdict(receipt)
            kept = ("source_id", "edition", "part", "bytes", "sha256", "retrieved_at", "address")
            rows.append({k: entry[k] for k in kept} | {"stale": last.reason if last else None})
    return rows


def forget_personal(root: Path) -> None:
    """Remove what a fetch that was killed, or a check in its archive below partial/, left of a file with names in it.

    Whoever calls this has the archive's lock; a check that is running has its own.
    """
    _remove_personal(root)
    for scratch in sorted((root / "partial").glob("*/.fetching")):
        with contextlib.suppress(PipelineError), locked(scratch.parent, ".fetching", "--archive"):
            _remove_personal(scratch.parent)


def _remove_personal(root: Path) -> None:
    for path in sorted((root / "partial").glob(f"*{PERSONAL}")):
        path.with_suffix(".json").unlink(missing_ok=True)
        path.unlink()


def verify(root: Path) -> list[str]:
    """Re-hash everything; what is damaged, misplaced or missing, one line each."""
    wrong = [
        f"{path.relative_to(root).as_posix()}: an unfinished download that may name persons; unless a fetch is "
        "running, any `stadtrang fetch` or `stadtrang archive prune` removes it"
        for path in sorted((root / "partial").rglob(f"*{PERSONAL}"))
    ]
    for path in sorted(p for p in (root / "sha256").rglob("*") if p.is_file() and not p.name.startswith(".")):
        name = path.relative_to(root).as_posix()
        if blob(root, path.name) != path or not re.fullmatch("[0-9a-f]{64}", path.name):
            wrong.append(f"{name}: a file named by its sha256 is expected")
        elif (found := digest_of(path)) != path.name:
            wrong.append(f"{name}: its own name is expected as sha256, found {found[:12]}...; fetch the source again")
    for path in sorted((root / "quarantine").glob("*/*")):
        if not path.name.startswith(".") and path.suffix != ".json" and (found := digest_of(path)) != path.name:
            name = path.relative_to(root).as_posix()
            wrong.append(
                f"{name}: its own name is expected as sha256, found {found[:12]}...; it is no evidence any more"
            )
    for source_id in sources_with_receipts(root):
        for receipt in read_receipts(root, source_id):
            path = blob(root, receipt.sha256)
            where = f"receipts/{source_id}.json: edition {receipt.edition}, {receipt.part}"
            if not path.is_file():
                wrong.append(f"{where}: {receipt.sha256} is named and not stored; fetch the source again")
            elif path.stat().st_size != receipt.bytes:
                wrong.append(f"{where}: {receipt.bytes} bytes are expected, found {path.stat().st_size}")
    return wrong


def prune(root: Path, editions: Path, dry_run: bool = False, now: dt.datetime | None = None) -> list[Path]:
    """Remove stored bytes that no receipt and no lock below `editions` names, unfinished downloads of old runs, and
    what was refused more than QUARANTINE_DAYS ago.

    A lock or receipt that cannot be read stops it: what is named there is not known.
    """
    named = {r.sha256 for source_id in sources_with_receipts(root) for r in read_receipts(root, source_id)}
    for path in sorted(editions.rglob("sources.lock.json")):
        named |= set(re.findall(r"\b[0-9a-f]{64}\b", _text_of(path)))
    for source_id in sorted(path.stem for path in (root / "retrievals").glob("*.jsonl")):
        pages = {r.key: r.sha256 for r in read_retrievals(root, source_id) if not r.parts and r.sha256}
        named |= set(pages.values())
    if (root / "sha256").is_symlink():
        raise PipelineError(f"{root / 'sha256'}: a folder of the archive is expected, found a link to another place")
    stored = (path for path in (root / "sha256").rglob("*") if path.is_file() and path == blob(root, path.name))
    gone = sorted(path for path in stored if path.name not in named)
    gone += sorted((root / "partial").glob("*"))
    gone += _long_refused(root, named, (now or dt.datetime.now(dt.UTC)) - dt.timedelta(QUARANTINE_DAYS))
    for path in gone if not dry_run else ():
        try:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError as error:
            raise PipelineError(f"{path}: cannot be removed: {error.strerror}; is the folder writable?") from error
    return gone


def _long_refused(root: Path, named: Collection[str], limit: dt.datetime) -> list[Path]:
    """Refused contents and their records from before the limit, by what the record says."""
    found = []
    for path in sorted((root / "quarantine").glob("*/*")):
        digest = path.name.removesuffix(".json")
        try:
            refused = dt.datetime.fromisoformat(
                json.loads(path.with_name(f"{digest}.json").read_bytes())["retrieved_at"]
            )
        except (OSError, ValueError, KeyError, TypeError):  # a kill came between the two, or somebody wrote there
            refused = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
        if digest not in named and refused < limit:
            found.append(path)
    return found
