"""Publishers' files over the network, into the archive: able to go on where it stopped, and able to fail well.

One thread per host. A file streams into archive/partial/ and goes on from there (Range, If-Range) after a cut or a
kill; a known file is asked for with its validators, and whether it changed is decided by its sha256. What is not what
the source declares goes to the quarantine, and the receipt of the last accepted file stands.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
import io
import json
import os
import random
import re
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import requests

from pipeline import archive
from pipeline.accept import error_of, refusal, shape_refusal, size_refusal
from pipeline.archive import FRESH, Receipt, Retrieval, part_name
from pipeline.catalog import Access, Content, Part, Request, Source, SourceEdition, filled
from pipeline.errors import PipelineError, ReadError
from pipeline.pages import difference, text_of
from pipeline.personal import strip_personal
from pipeline.read import ZIP_ERRORS, Place
from pipeline.replies import Ask, Reply
from pipeline.session import receive
from pipeline.web import (
    CHUNK,
    EVIDENCE_BYTES,
    Client,
    RetrievalError,
    Settings,
    Trace,
    check_room,
    chunks,
    exchange,
    forms_of,
    missing_secrets,
    read_up_to,
    redacted,
    secrets_of,
    status_error,
    with_prefect_secrets,
)

MAX_THREADS = 8
TAIL_BYTES = 1 << 20  # of a large zip, that hold its directory
PAGE_BYTES = 20_000_000  # of a landing page or of a reply that only opens a session
JOB_TOO_LARGE, JOB_ACCEPTED, JOB_PENDING = 98, 99, 104  # status codes of GENESIS


@dataclass(frozen=True)
class Outcome:
    """What came of one file: `state` is stored, unchanged, failed, refused, changed shape, gone or not asked.

    `stale`: this time failed and the file of an earlier time stands.
    """

    source_id: str
    edition: str
    parts: list[str]
    state: str
    address: str | None = None
    bytes: int = 0
    reason: str | None = None
    stale: bool = False

    def line(self) -> str:
        where = f"{self.source_id}, edition {self.edition}" if self.edition else self.source_id
        stale = " (stale: the file fetched before stands)" if self.stale else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"{where}: {self.state}{stale}{reason}"


Around = Callable[[Source, Callable[[], list[Outcome]]], list[Outcome]]
EXIT = {"failed": 1, "refused": 1, "changed shape": 4, "gone": 4}


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """1 if a fetch failed, else 4 if something changed shape or is gone, else 0."""
    return min((EXIT[o.state] for o in outcomes if o.state in EXIT), default=0)


@dataclass(frozen=True)
class Download:
    """One file of a source and the editions' parts that are read from it; no parts: a page.

    `names`: of a watched page, whose text alone is kept, and only if it holds one of them; `said`: the day and the text
    from which it must not differ.
    """

    source: Source
    access: Access
    request: Request
    content: Content
    parts: tuple[tuple[str, Part], ...]
    before: tuple[Request, ...] = ()
    names: tuple[str, ...] = ()
    said: tuple[str, str] | None = None

    @property
    def key(self) -> str:
        text = json.dumps(self.request.model_dump(exclude={"headers"}), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def label(self) -> str:
        """For people: the source and what of it."""
        return f"{self.source.id} {', '.join(self.editions) or urlsplit(self.request.address).hostname}"

    @property
    def editions(self) -> list[str]:
        return list(dict.fromkeys(edition for edition, _ in self.parts))


@dataclass(frozen=True)
class Body:
    """A whole file: in `path` if it is new, else in the store."""

    digest: str
    size: int
    path: Path | None = None
    original: str | None = None
    note: str | None = None


def downloads(client: Client, source: Source, year: int | None = None) -> tuple[list[Download], list[Outcome]]:
    """The files of a source that have an address, each once, and outcomes for what could not be asked.

    An edition is of a year if its name starts with it. Watched pages are of no year and not among them.
    """
    if source.access is None:
        return [], [Outcome(source.id, "", [], "not asked", reason=source.no_access)]
    wanted = {n: e for n, e in source.editions.items() if year is None or n.startswith(str(year))}
    gone = missing_secrets(client.settings, source.access)
    if gone and wanted:
        return [], [Outcome(source.id, "", [], "not asked", reason=f"credentials are missing: set {', '.join(gone)}")]
    today = client.settings.clock().date()
    reasons = {n: e.no_access or _not_now(source.access, e, today) for n, e in wanted.items()}
    outcomes = [Outcome(source.id, n, [], "not asked", reason=reason) for n, reason in reasons.items() if reason]
    found: dict[tuple[str, str], Download] = {}
    for name, edition in wanted.items():
        for part in edition.parts if reasons[name] is None else ():
            try:
                download = _download_of(client, source, source.access, name, edition, part)
            except RetrievalError as failure:
                outcomes.append(_failed(client, source, [(name, part)], failure))
                break
            key = (download.key, download.content)
            earlier = found.get(key)
            found[key] = replace(download, parts=(*earlier.parts, *download.parts)) if earlier else download
    return list(found.values()), outcomes


def _not_now(access: Access, edition: SourceEdition, today: dt.date) -> str | None:
    """Why a snapshot of another day than today would be given out as the edition's, or None."""
    if access.snapshot_days is None or edition.reference_date is None:
        return None
    around = dt.timedelta(access.snapshot_days)
    first, last = edition.reference_date - around, edition.reference_date + around
    if first <= today <= last:
        return None
    return f"the publisher only knows today; this snapshot is taken from {first} to {last}"


def _download_of(
    client: Client, source: Source, access: Access, name: str, edition: SourceEdition, part: Part
) -> Download:
    fills = {**edition.fills, **part.fills}
    address = None
    if access.discover and not (edition.address or part.address):
        address = discovered(client, source, access, fills, name)
    before = tuple(_filled_request(step, fills) for step in access.before)
    request = access.request(edition, part, address)
    if access.dialogue:  # the address alone does not tell two editions apart
        request = request.model_copy(update={"parameters": {"edition": name, "part": part_name(part)}})
    return Download(source, access, request, part.content or access.content, ((name, part),), before)


def _filled_request(step: Request, fills: Mapping[str, str | int]) -> Request:
    body = step.body
    return step.model_copy(
        update={
            "address": filled(step.address, fills),
            "parameters": {k: filled(v, fills) for k, v in step.parameters.items()},
            "body": {k: filled(v, fills) for k, v in body.items()} if isinstance(body, dict) else body,
        }
    )


class Links(HTMLParser):
    """Addresses of all links of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page, self.found = page, list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href")
        if tag == "a" and target:
            self.found.append(urldefrag(urljoin(self.page, target.strip())).url)


def discovered(
    client: Client, source: Source, access: Access, fills: Mapping[str, str | int], edition: str | None = None
) -> str:
    """The address of an edition's file, or of the newest, by the links of the landing page.

    A page that does not fit is kept as evidence. A pattern that an edition fills finds that edition's file; without,
    the date in the file's name must be the edition's, or one year's file would be stored under another's label.
    """
    discover = access.discover
    assert discover is not None
    pattern = filled(discover.pattern, fills)
    page = filled(discover.page, fills)
    content, links = _landing_page(client, source, access, page)
    dated = dated_links(links, pattern)
    own = [(date, link) for date, link in dated if edition is not None and date == re.sub(r"\D", "", edition)]
    date, newest = max(dated, default=("", ""))
    if not dated:
        reason = f"a link like {pattern!r} is expected, found none among {len(links)}; has the page changed?"
    elif edition is not None and not own and pattern == discover.pattern:
        reason = f"the file of edition {edition} is expected, the newest is {newest}; is it declared?"
        raise RetrievalError("gone", f"{page}: {reason}", evidence=content)
    else:
        best = [link for found, link in own or dated if found == (own[0][0] if own else date)]
        strange = [link for link in best if urlsplit(link).hostname not in access.hosts]
        if len(best) == 1 and not strange:
            return best[0]
        reason = f"one newest link like {pattern!r} on {', '.join(access.hosts)} is expected, found {', '.join(best)}"
    raise RetrievalError("changed shape", f"{page}: {reason}", evidence=content)


def _landing_page(client: Client, source: Source, access: Access, address: str) -> tuple[bytes, list[str]]:
    """A page and the addresses that it links; asked for once in a run."""
    if (source.id, address) in client.pages:
        return client.pages[source.id, address]
    page = _page(source, address, access.hosts, access.pause_seconds)
    outcome = retrieve(client, page)
    if outcome.state not in FRESH:
        raise RetrievalError(outcome.state, f"landing page: {outcome.reason}")
    root = client.settings.archive
    last = [r for r in archive.read_retrievals(root, source.id) if r.key == page.key][-1]
    content = archive.fetch(root, str(last.sha256))
    links = Links(last.final_address or address)
    links.feed(content.decode("utf-8", "replace"))
    client.pages[source.id, address] = content, sorted({link.split(";jsessionid=")[0] for link in links.found})
    return client.pages[source.id, address]


def _page(source: Source, address: str, hosts: list[str], pause: float = 1, names: Iterable[str] = ()) -> Download:
    plain = Access(hosts=hosts, address=address, content="html", max_bytes=PAGE_BYTES, pause_seconds=pause)
    return Download(source, plain, Request(address=address), "html", (), names=tuple(names))


def watched(source: Source) -> list[Download]:
    """The pages that list what the source keeps by hand."""
    return [_page(source, page.address, page.hosts, names=page.names) for page in source.watch]


def said(root: Path, page: Download) -> tuple[str, str] | None:
    """Day and text of what a watched page said when it was last looked at; None: it never was."""
    known = _known(root, page)
    return (known.retrieved_at[:10], archive.fetch(root, str(known.sha256)).decode()) if known else None


def _look(client: Client, page: Download, takes_note: bool) -> Outcome:
    """What a watched page says. What it says for the first time is noted, and so is what is new if `takes_note`; else
    that is a failure each time, until somebody has compared the list."""
    root, address = client.settings.archive, page.request.address
    before = said(root, page)
    outcome = retrieve(client, page if takes_note else replace(page, said=before))
    reason = outcome.reason
    if outcome.state == "stored":
        now = said(root, page)
        reason = news(page.source, before, now[1]) if before and now else "looked at for the first time"
    stale = before is not None and outcome.state not in FRESH
    return replace(outcome, reason=f"{address}: {reason}" if reason else None, stale=stale)


def news(source: Source, before: tuple[str, str], now: str) -> str:
    """What a page says that differs from what it said before, and what to do."""
    return (
        f"says something else than on {before[0]}: {difference(before[1], now)}; compare the list, add what is new to "
        f"the facts, then `stadtrang fetch {source.id}` takes note of it"
    )


def dated_links(links: Iterable[str], pattern: str) -> list[tuple[str, str]]:
    """The links that fit, with the digits of the date in their name: YYYYMMDD, or as much of it as there is."""
    dated = []
    for link in links:
        if found := re.search(pattern, link):
            groups = found.groupdict()
            year = groups.get("year") or ""
            date = groups.get("date") or ("20" * (len(year) == 2) + year + (groups.get("month") or ""))
            dated.append((re.sub(r"\D", "", date + (groups.get("day") or "")), link))
    return dated


def fetch(
    sources: Iterable[Source],
    chosen: Settings,
    year: int | None = None,
    takes_note: bool = False,
    around: Around = lambda _, ask: ask(),
) -> list[Outcome]:
    """Everything of the sources that has an address, those of different hosts beside each other. One source's failure
    does not stop the others.

    takes_note: what a watched page says now is what it said from now on; for a person who names the source, since a
    run that nobody looks at would make a change pass unseen. around: calls, in a thread of the source's host, what asks
    for all of a source.
    """
    sources = list(sources)
    secrets = [name for source in sources if source.access for name in source.access.secrets.values()]
    client = Client(with_prefect_secrets(chosen, secrets))
    chosen.tell("", 0, len(sources))
    groups: dict[str, list[Source]] = {}
    for source in sources:
        groups.setdefault("".join(_hosts(source)[-1:]), []).append(source)
    largest_first = sorted(groups.values(), key=len, reverse=True)  # or it would begin when all others have ended
    with archive.locked(chosen.archive, ".fetching", "--archive"):
        archive.forget_personal(chosen.archive)
        pool = ThreadPoolExecutor(MAX_THREADS)
        try:
            asked = [pool.submit(_fetch_group, client, group, year, takes_note, around) for group in largest_first]
            outcomes = [outcome for group in as_completed(asked) for outcome in group.result()]
        except BaseException:  # also Ctrl-C: the threads leave what they are doing, and the next run goes on there
            client.stop.set()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # a publisher's answer may be minutes away
    return sorted(outcomes, key=lambda o: (o.source_id, o.edition, o.parts))


def _hosts(source: Source) -> list[str]:
    """Who is asked for a source; those with the same last one are asked for one after the other."""
    return [*(host for page in source.watch for host in page.hosts), *(source.access.hosts if source.access else [])]


def _fetch_group(
    client: Client, sources: Iterable[Source], year: int | None, takes_note: bool, around: Around
) -> list[Outcome]:
    """The sources of one host, one after the other."""
    outcomes: list[Outcome] = []
    for source in sources:
        if client.stop.is_set():
            break
        outcomes += around(source, partial(_fetch_source, client, source, year, takes_note))
        client.settings.tell("", 1, None)
    return outcomes


def _fetch_source(client: Client, source: Source, year: int | None, takes_note: bool) -> list[Outcome]:
    outcomes: list[Outcome] = []
    try:
        wanted, other = downloads(client, source, year)
        outcomes += other
        for download in wanted:
            outcomes.append(retrieve(client, download))  # what is done stays if the next one fails
        outcomes += [_look(client, page, takes_note) for page in watched(source)]
    except (PipelineError, OSError) as error:  # of the archive: damaged receipts, a disk that cannot be written
        outcomes.append(Outcome(source.id, "", [], "failed", reason=str(error)))
    for host in _hosts(source):
        client.overloaded.pop(host, None)
    return outcomes


def retrieve(client: Client, download: Download) -> Outcome:
    """One file, with further tries, into the archive or the quarantine, and into the log."""
    chosen = client.settings
    chosen.tell(download.label, 0, None)
    try:
        return _retrieve(client, download)
    finally:
        chosen.tell(download.label, None, None)


def _retrieve(client: Client, download: Download) -> Outcome:
    chosen = client.settings
    deadline = time.monotonic() + download.access.deadline_seconds
    known = _known(chosen.archive, download)
    for wait in (*chosen.waits, None):
        trace = Trace()
        try:
            body = _try(client, download, known, trace, deadline)
            return _store(client, download, known, trace, body)
        except RetrievalError as failure:
            if wait is None or not failure.again or time.monotonic() + wait > deadline:
                _leave_alone(client, failure, trace)
                return _failed(client, download.source, download.parts, failure, download, trace)
            _put_away(client, download, failure, trace)
            client.stop.wait(wait * random.uniform(1, 1.2))
    raise AssertionError("the last try returns")


def _leave_alone(client: Client, failure: RetrievalError, trace: Trace) -> None:
    """A host that does not answer, or says after all tries that we ask too much, is not asked again; one that says it
    cannot now may have what the next source wants."""
    answered = urlsplit(trace.final_address or "").hostname or ""
    if failure.host is not None:
        client.out_of_reach.setdefault(failure.host, failure.reason)
    elif trace.status == 429 and answered:
        client.out_of_reach.setdefault(answered, failure.reason)
    elif trace.status == 503 and answered:
        client.overloaded.setdefault(answered, failure.reason)


def _known(root: Path, download: Download) -> Retrieval | None:
    """The last accepted answer to the same request whose bytes are in the store and whole."""
    log = archive.read_retrievals(root, download.source.id)
    last = next((r for r in reversed(log) if r.key == download.key and r.outcome in FRESH and r.sha256), None)
    if last is None or last.sha256 is None:
        return None
    path = archive.blob(root, last.sha256)
    return last if path.is_file() and archive.digest_of(path) == last.sha256 else None


def _try(client: Client, download: Download, known: Retrieval | None, trace: Trace, deadline: float) -> Body:
    """One try: the file and whether it is what was declared."""
    access = download.access
    for step in download.before:
        with exchange(client, access, step, Trace()) as response:
            if response.status_code != 200:
                raise status_error(response)
            read_up_to(response, PAGE_BYTES)
    if access.dialogue:
        body = _converse(client, download, known, trace, deadline)
    else:
        body = _receive(client, download, download.request, known, trace, deadline)
    if body.path is not None and access.job and (code := _job_code(body.path)) in (JOB_TOO_LARGE, JOB_ACCEPTED):
        result = _wait_for_job(client, download, code, body.path, deadline)
        body = _receive(client, download, result, None, trace, deadline)
    if body.path is None:
        return body
    if reason := refusal(body.path, download.content):
        raise RetrievalError("refused", reason, again=True, evidence=body.path)
    if access.secrets and _holds(body.path, secrets_of(client.settings, access).values()):
        raise RetrievalError("refused", "the reply repeats the credentials", evidence=body.path)
    if access.drop_columns:
        body = _without_columns(download, body)
    if download.names:
        body = _text_alone(download, body, trace)
    before = _size_before(client.settings.archive, download)
    if reason := size_refusal(body.size, before, access.size_ratio):
        raise RetrievalError("refused", reason, again=True, evidence=body.path)
    if reason := _shape(client.settings.archive, download, body):
        raise RetrievalError("changed shape", reason, evidence=body.path)
    return body


def _converse(client: Client, download: Download, known: Retrieval | None, trace: Trace, deadline: float) -> Body:
    """The file that the source's module makes of several replies; an edition that was accepted is not asked again."""
    if known is not None and known.sha256 is not None and known.bytes is not None:
        return Body(known.sha256, known.bytes)
    access, (edition, part) = download.access, download.parts[0]
    target = _partial(client.settings.archive, download)[0]
    if download.source.layouts[part.layout].reader == "stream":
        target.parent.mkdir(parents=True, exist_ok=True)
        note = receive(client, download.source, edition, part, target, trace, deadline)
        return Body(archive.digest_of(target), target.stat().st_size, target, note=note)
    last = Reply(0, b"")

    def ask(request: Request) -> Reply:
        nonlocal last
        if time.monotonic() > deadline:
            raise RetrievalError("failed", f"not finished within {access.deadline_seconds:g} s")
        with exchange(client, access, request, trace) as response:
            content = bytearray()
            for chunk in chunks(client, response, 0):
                content += chunk
                if len(content) > access.max_bytes:
                    raise RetrievalError("refused", f"at most {access.max_bytes} bytes are expected, found more")
            last = Reply(response.status_code, bytes(content), dict(response.headers))
        return last

    fetch_part: Callable[[Ask, Source, str, Part], bytes]
    fetch_part = importlib.import_module(f"pipeline.sources.{download.source.id}").fetch
    try:
        content = fetch_part(ask, download.source, edition, part)
    except ReadError as error:
        good = last.status == 200
        raise RetrievalError("refused" if good else "failed", str(error), again=good, evidence=last.content) from error
    archive.write_atomic(target, content)
    return Body(hashlib.sha256(content).hexdigest(), len(content), target)


def _shape(root: Path, download: Download, body: Body) -> str | None:
    assert body.path is not None
    for name in download.editions:
        parts = [part for edition, part in download.parts if edition == name]
        members = {part.member for part in parts}
        for receipt in archive.read_receipts(root, download.source.id):
            other = download.source.editions.get(receipt.edition)
            same = receipt.sha256 == body.digest and receipt.edition != name
            if same and other and members & {p.member for p in other.parts if part_name(p) == receipt.part}:
                return f"another file is expected for edition {name}, found the bytes of edition {receipt.edition}"
        if download.access.read_on_arrival and (reason := shape_refusal(download.source, name, parts, body.path)):
            return reason
    return None


def _size_before(root: Path, download: Download) -> int | None:
    """Bytes of the file that came for these parts before, else of that of the edition before, from the network."""
    if not download.parts:
        return None
    name, part = download.parts[0]
    stored = {(r.edition, r.part): r.bytes for r in archive.read_receipts(root, download.source.id) if r.retrieved_at}
    if (name, part_name(part)) in stored:
        return stored[name, part_name(part)]
    editions = download.source.editions
    position = editions[name].parts.index(part)
    for earlier in sorted((n for n in editions if n < name), reverse=True):
        parts = editions[earlier].parts
        if position < len(parts) and (earlier, part_name(parts[position])) in stored:
            return stored[earlier, part_name(parts[position])]
    return None


def _holds(path: Path, secrets: Iterable[str]) -> bool:
    wanted = [form.encode() for s in secrets if len(s) > 3 for form in forms_of(s)]
    return bool(wanted) and path.stat().st_size < EVIDENCE_BYTES and any(s in path.read_bytes() for s in wanted)


def _text_alone(download: Download, body: Body, trace: Trace) -> Body:
    """What the page says, instead of the page."""
    assert body.path is not None
    text = text_of(body.path.read_bytes(), trace.headers.get("content-type", ""))
    if not any(name in text for name in download.names):
        raise RetrievalError(
            "refused",
            f"a list with {' or '.join(download.names)} is expected, found a page that begins with {text[:80]!r}; if "
            f"the list has moved, change watch in sources/{download.source.id}.yml",
            again=True,
            evidence=body.path,
        )
    target = body.path.with_suffix(".kept")
    archive.write_atomic(target, text.encode())
    found = _instead(body, target)
    if download.said is not None and download.said[1] != text:
        raise RetrievalError("changed shape", news(download.source, download.said, text), evidence=target)
    return found


def _instead(body: Body, target: Path, note: str | None = None) -> Body:
    """A finished file in the place of the one that came; what is noted of that one is true of it from now on."""
    assert body.path is not None
    digest, beside = archive.digest_of(target), body.path.with_suffix(".json")
    kept = {name: value for name, value in _state(beside).items() if name in ("etag", "last_modified")}
    archive.write_atomic(
        beside, json.dumps({**kept, "sha256": digest, "length": None, "original": body.digest, "note": note}).encode()
    )
    body.path.unlink()
    return Body(digest, target.stat().st_size, target, body.digest, note)


def _without_columns(download: Download, body: Body) -> Body:
    """The CSV file without its personal columns; the original's sha256 is all that is kept of it."""
    assert body.path is not None
    (edition, part), *_ = download.parts
    place = Place(download.source.id, edition, Path(part.file).name, part_name(part))
    target = body.path.with_suffix(".kept")
    try:
        with body.path.open("rb") as file:
            layout = download.source.layouts[part.layout]
            strip_personal(file, target, download.access.drop_columns, layout, place)
    except ReadError as error:
        body.path.unlink()  # it may name persons, so not even the quarantine has it
        body.path.with_suffix(".json").unlink(missing_ok=True)
        raise RetrievalError("changed shape", str(error)) from error
    return _instead(body, target, f"personal columns taken out, the publisher's file had sha256 {body.digest}")


def _partial(root: Path, download: Download) -> tuple[Path, Path]:
    """Where a file comes in, and what is noted of it. One that may name persons does not outlive its run."""
    begun = root / "partial" / f"{download.key}{archive.PERSONAL if download.access.drop_columns else '.part'}"
    return begun, begun.with_suffix(".json")


def _state(path: Path) -> dict[str, Any]:
    """What an earlier try noted of the file that it began; nothing where there is none."""
    try:
        noted = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _receive(
    client: Client, download: Download, asked: Request, known: Retrieval | None, trace: Trace, deadline: float
) -> Body:
    """The whole file: new bytes in archive/partial/, or those that the publisher says are still right."""
    if download.access.members:
        return _receive_members(client, download, known, trace, deadline)
    root = client.settings.archive
    part, note = _partial(root, download)
    part.parent.mkdir(parents=True, exist_ok=True)
    begun = _state(note) if asked is download.request else {}
    size = part.stat().st_size if part.is_file() else 0
    finished = begun and (size == begun.get("length") if part.is_file() else "sha256" in begun)
    extra: dict[str, str] = {}
    if begun and finished:
        extra = _conditions(begun.get("etag"), begun.get("last_modified"))
    elif size and begun.get("validator"):
        extra = {"Range": f"bytes={size}-", "If-Range": begun["validator"]}
    elif known is not None:
        extra = _conditions(known.headers.get("etag"), known.headers.get("last-modified"))
    with exchange(client, download.access, asked, trace, extra) as response:
        if response.status_code == 304:
            return _unchanged(root, part, begun if finished else {}, known if "Range" not in extra else None, trace)
        goes_on = response.status_code == 206 and "Range" in extra
        if goes_on and not response.headers.get("Content-Range", "").startswith(f"bytes {size}-"):
            goes_on = False
        if not goes_on and response.status_code != 200:
            note.unlink(missing_ok=True)
            raise status_error(response)
        if not goes_on:
            size = 0
            archive.write_atomic(note, json.dumps(_noted(response)).encode())
        total = _append(client, download, response, part, size, deadline)
    digest = archive.digest_of(part)
    archive.write_atomic(note, json.dumps({**_state(note), "sha256": digest, "length": total}).encode())
    return Body(digest, total, part)


def _receive_members(
    client: Client, download: Download, known: Retrieval | None, trace: Trace, deadline: float
) -> Body:
    """A zip of the declared members alone, each copied byte for byte out of the publisher's larger zip over Range."""
    asked, access = download.request, download.access
    part, note = _partial(client.settings.archive, download)
    part.parent.mkdir(parents=True, exist_ok=True)
    begun = _state(note)
    finished = begun if "sha256" in begun else {}
    last = finished or (known.headers if known else {})
    extra = _conditions(last.get("etag"), last.get("last_modified") or last.get("last-modified"))
    with exchange(client, access, asked, trace, {**extra, "Range": f"bytes=-{TAIL_BYTES}"}) as response:
        if response.status_code == 304:
            return _unchanged(client.settings.archive, part, finished, known, trace)
        if response.status_code == 200:
            raise RetrievalError("failed", "the members of a zip are wanted one by one, and the server sends no ranges")
        if response.status_code != 206:
            raise status_error(response)
        now = _noted(response)
        total = int(response.headers["Content-Range"].rpartition("/")[2])
        tail = read_up_to(response, TAIL_BYTES)
    if now["validator"] is None:
        raise RetrievalError("failed", "the members of a zip are wanted one by one, and the server names no version")
    members = _members(tail, total, access.members)
    size = part.stat().st_size if part.is_file() and begun.get("validator") == now["validator"] and not finished else 0
    archive.write_atomic(note, json.dumps({**now, "length": None}).encode())
    at = 0
    for info, start, end in members:
        info.header_offset = at
        at += end - start
        if size < at:
            span = {"Range": f"bytes={end - (at - size)}-{end - 1}", "If-Range": now["validator"]}
            with exchange(client, access, asked, Trace(), span) as response:
                where = response.headers.get("Content-Range", "")
                if response.status_code != 206 or where != f"{span['Range'].replace('=', ' ')}/{total}":
                    raise RetrievalError(
                        "failed",
                        f"{span['Range']} of {total} is expected, found {where!r}; was it replaced?",
                        again=True,
                    )
                size = _append(client, download, response, part, size, deadline)
            if size != at:
                raise RetrievalError("failed", f"{info.filename}: the body was cut off after {size} bytes", again=True)
    with part.open("r+b") as file:
        file.truncate(at)
    with zipfile.ZipFile(part, "a") as packed:  # the members stand; closing writes their directory behind them
        for info, _, _ in members:
            packed.filelist.append(info)
            packed.NameToInfo[info.filename] = info
    digest, size = archive.digest_of(part), part.stat().st_size
    archive.write_atomic(note, json.dumps({**now, "sha256": digest, "length": size}).encode())
    return Body(digest, size, part)


def _members(tail: bytes, total: int, patterns: Sequence[str]) -> list[tuple[zipfile.ZipInfo, int, int]]:
    """The wanted members of a zip by its last bytes, each with its first byte and the one behind its last."""
    try:
        with zipfile.ZipFile(io.BytesIO(tail)) as packed:
            missing = total - len(tail)  # zipfile takes what is missing in front for something else that precedes a zip
            infos = sorted(packed.infolist(), key=lambda i: i.header_offset)
            ends = [*(i.header_offset for i in infos[1:]), packed.start_dir]
    except ZIP_ERRORS as error:
        raise RetrievalError(
            "refused", f"a zip with its directory in the last {TAIL_BYTES} bytes is expected, found {error}", again=True
        ) from error
    spans = [(i, i.header_offset + missing, end + missing) for i, end in zip(infos, ends, strict=True)]
    wanted = [s for s in spans if any(re.fullmatch(p, s[0].filename, re.IGNORECASE) for p in patterns)]
    for pattern in patterns:
        if not any(re.fullmatch(pattern, info.filename, re.IGNORECASE) for info, _, _ in wanted):
            names = ", ".join(i.filename for i in infos[:20])
            raise RetrievalError("changed shape", f"a member {pattern!r} is expected in the zip, found {names}")
    return wanted


def _conditions(etag: str | None, modified: str | None) -> dict[str, str]:
    return ({"If-None-Match": etag} if etag else {}) | ({"If-Modified-Since": modified} if modified else {})


def _unchanged(root: Path, part: Path, begun: Mapping[str, Any], known: Retrieval | None, trace: Trace) -> Body:
    """The bytes that a 304 speaks of: a download that was finished and not yet put into the store, or the store's."""
    if begun:
        trace.headers |= {
            k: begun[n] for k, n in (("etag", "etag"), ("last-modified", "last_modified")) if begun.get(n)
        }
        if part.is_file():
            return Body(archive.digest_of(part), part.stat().st_size, part)
        path = archive.blob(root, str(begun["sha256"]))
        if path.is_file() and archive.digest_of(path) == path.name:
            return Body(path.name, path.stat().st_size, None, begun.get("original"), begun.get("note"))
    elif known is not None and known.sha256 is not None and known.bytes is not None:
        trace.headers = {**known.headers, **trace.headers}
        return Body(known.sha256, known.bytes, None, known.original_sha256)
    part.with_suffix(".json").unlink(missing_ok=True)
    raise RetrievalError(
        "failed", "HTTP 304, not modified, though no earlier file was named in the request", again=True
    )


def _noted(response: requests.Response) -> dict[str, Any]:
    """What a later try needs to go on with this file; `validator` only where the server says that Range is safe."""
    headers = response.headers
    etag, modified = headers.get("ETag"), headers.get("Last-Modified")
    strong = etag if etag and not etag.startswith("W/") else modified
    ranges = headers.get("Accept-Ranges", "").lower() == "bytes" and "Content-Encoding" not in headers
    length = headers.get("Content-Length", "")
    return {
        "etag": etag,
        "last_modified": modified,
        "validator": strong if ranges else None,
        "length": int(length)
        if length.isdigit() and "Content-Encoding" not in headers and (etag or modified)
        else None,
    }


def _append(
    client: Client, download: Download, response: requests.Response, part: Path, size: int, deadline: float
) -> int:
    """Write the body behind the first `size` bytes of the file; returns the bytes of the whole."""
    access = download.access
    announced = int(response.headers.get("Content-Length") or 0)
    check_room(client.settings.archive, announced)
    if size + announced > access.max_bytes:
        raise RetrievalError(
            "refused", f"at most {access.max_bytes} bytes are expected, announced are {size + announced}"
        )
    begun = checked = size
    with part.open("r+b" if size else "wb") as file:
        file.seek(size)
        file.truncate()
        for chunk in chunks(client, response, size):
            size += len(chunk)
            if size > access.max_bytes:
                part.unlink()
                raise RetrievalError("refused", f"at most {access.max_bytes} bytes are expected, found more")
            if time.monotonic() > deadline:
                raise RetrievalError("failed", f"not finished within {access.deadline_seconds:g} s, after {size} bytes")
            if size - checked > 64 * CHUNK:
                check_room(client.settings.archive, 0)
                checked = size
            file.write(chunk)
            client.settings.tell(download.label, size, begun + announced if announced else None)
        file.flush()
        os.fsync(file.fileno())
    return size


def _store(client: Client, download: Download, known: Retrieval | None, trace: Trace, body: Body) -> Outcome:
    """Bytes, then receipts, then the log: whatever a kill leaves, the next run finds and finishes."""
    root = client.settings.archive
    if body.path is not None:
        archive.keep(root, body.path, body.digest)
    now = client.settings.clock().isoformat(timespec="seconds")
    stands = {(r.edition, r.part): r for r in archive.read_receipts(root, download.source.id)}
    fresh = [
        _receipt(download, edition, part, body, now)
        for edition, part in download.parts
        if not _is_current(stands.get((edition, part_name(part))), body.digest)
    ]
    if fresh:
        archive.write_receipts(root, download.source.id, fresh)
    same = known is not None and known.sha256 == body.digest and not fresh
    state = "unchanged" if same else "stored"
    _log(client, download, trace, now, state, None, body)
    _partial(root, download)[1].unlink(missing_ok=True)
    parts = [part_name(part) for _, part in download.parts]
    size = body.size if body.path is not None else 0
    return Outcome(download.source.id, ", ".join(download.editions), parts, state, download.request.address, size)


def _is_current(receipt: Receipt | None, digest: str) -> bool:
    return receipt is not None and receipt.sha256 == digest and receipt.retrieved_at is not None


def _receipt(download: Download, name: str, part: Part, body: Body, now: str) -> Receipt:
    source, edition = download.source, download.source.editions[name]
    return Receipt(
        source_id=source.id,
        edition=name,
        part=part_name(part),
        file=part.file,
        address=download.request.address,
        found_in=None,
        commit=None,
        retrieved_at=now,
        reference_date=edition.reference_date.isoformat() if edition.reference_date else None,
        territory_date=edition.territory_date.isoformat() if edition.territory_date else None,
        bytes=body.size,
        sha256=body.digest,
        licence=source.licence,
        attribution=source.attribution,
        note="; ".join(text for text in (edition.note, body.note) if text) or None,
    )


def _log(
    client: Client, download: Download, trace: Trace, now: str, outcome: str, reason: str | None, body: Body | None
) -> None:
    request = download.request
    form = request.body if isinstance(request.body, dict) else {"body": request.body} if request.body else {}
    retrieval = Retrieval(
        source_id=download.source.id,
        key=download.key,
        parts=[[edition, part_name(part)] for edition, part in download.parts],
        outcome=outcome,
        reason=reason,
        method=request.method,
        address=request.address,
        parameters={**request.parameters, **form},
        final_address=trace.final_address,
        redirects=trace.redirects,
        status=trace.status,
        headers=trace.headers,
        bytes=body.size if body else None,
        sha256=body.digest if body else None,
        retrieved_at=now,
        mirror=client.settings.mirror,
        original_sha256=body.original if body else None,
    )
    archive.write_retrieval(client.settings.archive, _clean(client, download.access, retrieval))


def _clean(client: Client, access: Access, retrieval: Retrieval) -> Retrieval:
    secrets = [client.settings.environment.get(name, "") for name in access.secrets.values()]
    if not any(secrets):
        return retrieval
    return Retrieval(**redacted(asdict(retrieval), secrets))


def _failed(
    client: Client,
    source: Source,
    parts: Sequence[tuple[str, Part]],
    failure: RetrievalError,
    download: Download | None = None,
    trace: Trace | None = None,
) -> Outcome:
    root = client.settings.archive
    access = download.access if download else source.access
    assert access is not None
    secrets = [client.settings.environment.get(name, "") for name in access.secrets.values()]
    reason = redacted(failure.reason, secrets)
    names = [(edition, part_name(part)) for edition, part in parts]
    download = download or Download(
        source, access, Request(address=access.discover.page if access.discover else ""), "html", tuple(parts)
    )
    trace = trace or Trace()
    _put_away(client, download, failure, trace)
    now = client.settings.clock().isoformat(timespec="seconds")
    _log(client, download, trace, now, failure.state, reason, None)
    stands = {(r.edition, r.part) for r in archive.read_receipts(root, source.id)}
    editions = ", ".join(dict.fromkeys(edition for edition, _ in names))
    stale = any(name in stands for name in names)
    return Outcome(
        source.id, editions, [p for _, p in names], failure.state, download.request.address, 0, reason, stale
    )


def _put_away(client: Client, download: Download, failure: RetrievalError, trace: Trace) -> None:
    """What a failed try received, into the quarantine with its reason; personal columns are not kept there either."""
    content = failure.evidence
    root, access = client.settings.archive, download.access
    if access.drop_columns:
        content = b"" if isinstance(content, Path) else content
        for left in (root / "partial").glob(f"{download.key}.*"):
            left.unlink()
    if content is None or (isinstance(content, Path) and not content.is_file()):
        return
    secrets = [client.settings.environment.get(name, "") for name in access.secrets.values()]
    if isinstance(content, Path):
        _partial(root, download)[1].unlink(missing_ok=True)
        if any(secrets) and content.stat().st_size < EVIDENCE_BYTES:
            taken = content.read_bytes()
            content.unlink()
            content = taken
    if isinstance(content, bytes) and any(secrets):
        written = [form.encode().decode("latin-1") for secret in secrets if secret for form in forms_of(secret)]
        content = redacted(content.decode("latin-1"), written).encode("latin-1")
    record = {
        "source_id": download.source.id,
        "parts": [[edition, part_name(part)] for edition, part in download.parts],
        "reason": failure.reason,
        "state": failure.state,
        "address": download.request.address,
        **asdict(trace),
        "retrieved_at": client.settings.clock().isoformat(timespec="seconds"),
    }
    archive.quarantine(root, download.source.id, content, redacted(record, secrets))


def _job_code(path: Path) -> int | None:
    """The status code of a small JSON reply of GENESIS."""
    if path.stat().st_size > EVIDENCE_BYTES:
        return None
    try:
        document = json.loads(path.read_bytes())
    except ValueError:
        return None
    status = document.get("Status") if isinstance(document, dict) else None
    return status.get("Code") if isinstance(status, dict) else None


def _wait_for_job(client: Client, download: Download, code: int | None, reply: Path, deadline: float) -> Request:
    """Start the job of a table that is too large to be had at once, wait for it, and say where its result is."""
    asked, access = download.request, download.access
    form = dict(asked.body) if isinstance(asked.body, dict) else {}
    base = asked.address.split("/data/")[0]
    text = reply.read_text("utf-8")
    reply.unlink()
    if code == JOB_TOO_LARGE:
        text = json.dumps(_ask(client, access, asked.model_copy(update={"body": {**form, "job": "true"}})))
    job = re.search(r"[\w-]+_\d{6,}", text)
    if job is None:
        raise RetrievalError("failed", f"the number of a job is expected, found {text:.200}")
    selection = {"selection": job[0], "area": "user"}
    results = Request(method="post", address=f"{base}/catalogue/results", body=selection)
    while (status := _ask(client, access, results).get("Status", {}).get("Code")) == JOB_PENDING:
        if time.monotonic() + client.settings.poll_seconds > deadline:
            raise RetrievalError("failed", f"job {job[0]} is not ready within {access.deadline_seconds:g} s")
        time.sleep(client.settings.poll_seconds)
    if status != 0:
        raise RetrievalError("failed", f"job {job[0]}: status 0 is expected, found {status}")
    return Request(method="post", address=f"{base}/data/resultfile", body={**form, "name": job[0]})


def _ask(client: Client, access: Access, asked: Request) -> dict[str, Any]:
    """A small JSON reply."""
    with exchange(client, access, asked, Trace()) as response:
        if response.status_code != 200:
            raise status_error(response)
        text = read_up_to(response, EVIDENCE_BYTES)
    try:
        document = json.loads(text)
    except ValueError as error:
        raise RetrievalError("failed", f"JSON is expected, found {text[:80]!r}", evidence=text) from error
    status = document.get("Status", {}).get("Code") if isinstance(document, dict) else None
    if not isinstance(document, dict) or (status not in (JOB_ACCEPTED, JOB_PENDING) and error_of(document)):
        raise RetrievalError("failed", f"a job's status is expected, found {text[:200]!r}", evidence=text)
    return document
