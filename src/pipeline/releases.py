"""What the publishers have new, late or gone, and when the next editions are expected. Nothing of it is stored."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import archive
from pipeline.catalog import FILL, Access, Source, filled
from pipeline.errors import PipelineError
from pipeline.fetch import Download, Outcome, dated_links, discovered, fetch, news, said, watched
from pipeline.web import Client, RetrievalError, Settings, Trace, exchange, missing_secrets, read_up_to

SMALL_BYTES = 50_000_000  # a file that is larger and has changed is not downloaded only to say so
CHANGES = frozenset({"changed", "changed shape", "gone", "late", "published", "refused"})
FOLD = 75  # octets of a line of RFC 5545
ESCAPED = re.compile(r"([\\;,])")


@dataclass(frozen=True)
class Finding:
    """What became of an edition at its publisher.

    `state`: same, changed, changed shape, gone, late, published (and not declared), not due, not fetched, not asked,
    failed or refused.
    """

    source_id: str
    edition: str
    state: str
    detail: str = ""

    def line(self) -> str:
        where = f"{self.source_id}, edition {self.edition}" if self.edition else self.source_id
        return f"{where}: {self.state}" + (f": {self.detail}" if self.detail else "")


@dataclass(frozen=True)
class Release:
    """An edition that is expected in the month that begins with `due`; `newest_declared` says how far sources/ is."""

    source_id: str
    edition: str
    due: dt.date
    newest_declared: str
    title: str
    publisher: str
    page: str


def exit_code(findings: Iterable[Finding]) -> int:
    """4 if something changed, is late, gone, new or not as declared; else 1 if somebody could not be asked; else 0."""
    states = {finding.state for finding in findings}
    return 4 if states & CHANGES else 1 if "failed" in states else 0


def check(sources: Iterable[Source], chosen: Settings, today: dt.date) -> list[Finding]:
    """Ask for every file that is declared and for each source's next edition, in an archive that is thrown away."""
    wanted = list(sources)
    with _scratch(chosen.archive) as scratch:
        there = replace(chosen, archive=scratch, waits=())
        held = {s.id: {(r.edition, r.part) for r in archive.read_receipts(scratch, s.id)} for s in wanted}
        pages = {(s.id, page.request.address): page for s in wanted for page in watched(s)}
        before = {key: said(scratch, page) for key, page in pages.items()}
        findings = []
        for outcome in fetch(map(_small, wanted), there, takes_note=True):
            key = (outcome.source_id, outcome.address or "")
            if not outcome.edition and key in pages:
                findings.append(_page_finding(outcome, pages[key], before[key], scratch))
            else:
                findings.append(_finding(outcome, held[outcome.source_id], scratch))
        client = Client(there)
        for source in wanted:
            if source.access is not None and not missing_secrets(there, source.access):
                findings += _next_edition(client, source, source.access, today)
    return sorted(findings, key=lambda f: (f.source_id, f.edition))


@contextlib.contextmanager
def _scratch(root: Path) -> Iterator[Path]:
    """An archive that knows what the real one holds and can be written to without a trace in it."""
    try:
        (root / "partial").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="check-", dir=root / "partial") as name:
            scratch = Path(name)
            for folder in ("receipts", "retrievals"):
                if (root / folder).is_dir():
                    shutil.copytree(root / folder, scratch / folder)
            for path in (root / "sha256").glob("??/*"):
                target = scratch / path.relative_to(root)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(path, target)
            yield scratch
    except OSError as error:
        raise PipelineError(f"{root}: cannot be written: {error.strerror}; choose another with --archive") from error


def _small(source: Source) -> Source:
    if source.access is None or source.access.max_bytes <= SMALL_BYTES:
        return source
    return source.model_copy(update={"access": source.access.model_copy(update={"max_bytes": SMALL_BYTES})})


def _finding(outcome: Outcome, held: set[tuple[str, str]], scratch: Path) -> Finding:
    """What an outcome of the fetch in the throw-away archive says of the real one."""
    state, detail = outcome.state, outcome.reason or ""
    known = any(edition in outcome.edition.split(", ") and part in outcome.parts for edition, part in held)
    if state == "unchanged":
        state = "same"
    elif state == "refused" and (size := _announced(outcome, scratch)) > SMALL_BYTES:
        state, detail = ("changed" if known else "not fetched"), f"{size} bytes, which are not read here"
    elif state == "stored":
        state = "changed" if known else "not fetched"
        detail = f"other bytes ({outcome.bytes}); `stadtrang fetch {outcome.source_id}` takes them" if known else ""
    return Finding(outcome.source_id, outcome.edition, state, detail)


def _page_finding(outcome: Outcome, page: Download, before: tuple[str, str] | None, scratch: Path) -> Finding:
    """What a watched page says by what it said when it was last looked at."""
    state, detail, now = outcome.state, outcome.reason or "", said(scratch, page)
    if state == "unchanged":
        state = "same"
    elif state == "stored" and before and now:
        state, detail = "changed", f"{outcome.address} {news(page.source, before, now[1])}"
    elif state == "stored":
        state = "not fetched"
        detail = f"{outcome.address} was never looked at; `stadtrang fetch {outcome.source_id}` notes what it says"
    return Finding(outcome.source_id, "", state, detail)


def _announced(outcome: Outcome, scratch: Path) -> int:
    last = [r for r in archive.read_retrievals(scratch, outcome.source_id) if r.address == outcome.address]
    length = last[-1].headers.get("content-length", "") if last else ""
    return int(length) if length.isdigit() else 0


def _next_edition(client: Client, source: Source, access: Access, today: dt.date) -> list[Finding]:
    """Whether the edition behind the newest is there, and if not, whether it is late."""
    if access.discover is not None:
        return _newest_link(client, source, access, today)
    release = following(source)
    newest = max(source.editions)
    fills = {**source.editions[newest].fills, "year": int(newest[:4]) + 1} if newest[:4].isdigit() else {}
    if "{year" not in (access.address or ""):
        return []
    name = release.edition if release else str(fills["year"])
    try:
        address = filled(str(access.address), fills)
        request = access.request(source.editions[newest].model_copy(update={"fills": fills}), _first_part(source))
        status = _status_of(client, access, Download(source, access, request, access.content, ()))
    except (ValueError, RetrievalError) as error:
        return [Finding(source.id, name, "failed", str(error))]
    if status == 200:
        detail = f"{address} is there and no edition declares it; add it to sources/{source.id}.yml"
        return [Finding(source.id, name, "published", detail)]
    if status not in (404, 410):
        return [Finding(source.id, name, "failed", f"HTTP {status} for {address}")]
    if release is None:
        return []
    month = f"{release.due:%Y-%m}"
    if today < _month_after(release.due):
        return [Finding(source.id, name, "not due", f"expected in {month}")]
    return [Finding(source.id, name, "late", f"expected in {month}, and {address} answers HTTP {status}")]


def _first_part(source: Source) -> Any:
    return source.editions[max(source.editions)].parts[0].model_copy(update={"address": None})


def _status_of(client: Client, access: Access, download: Download) -> int:
    """The status of an address; an HTML page where a file is expected is a 404 that calls itself 200."""
    with exchange(client, access, download.request, Trace()) as response:
        head = read_up_to(response, 512).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
        is_page = head.startswith((b"<!doctype html", b"<html")) and access.content != "html"
        return 404 if response.status_code == 200 and is_page else response.status_code


def _newest_link(client: Client, source: Source, access: Access, today: dt.date) -> list[Finding]:
    """Whether the newest file that the landing page links is of a declared edition, and if so, whether one is late."""
    assert access.discover is not None
    if FILL.search(access.discover.pattern):
        return []  # finds the file of one edition only
    try:
        address = discovered(client, source, access, {})
    except (ValueError, RetrievalError) as error:
        state = error.state if isinstance(error, RetrievalError) else "failed"
        return [Finding(source.id, "", state, str(error))]
    ((date, _),) = dated_links([address], access.discover.pattern)
    if date not in {re.sub(r"\D", "", name) for name in source.editions}:
        detail = f"{address} is the newest file and no edition declares it; add it to sources/{source.id}.yml"
        return [Finding(source.id, "", "published", detail)]
    release = following(source)
    if release is None or today < _month_after(release.due):
        return []
    detail = f"expected in {release.due:%Y-%m}, and the newest file is {address}"
    return [Finding(source.id, release.edition, "late", detail)]


def following(source: Source) -> Release | None:
    """The edition behind the newest declared one, and the month it is expected in; None without a yearly rhythm.

    An edition named by a day comes out in the first release month behind that day, one named by a year in that year.
    """
    newest = max(source.editions)
    if source.release_month is None or not re.fullmatch(r"\d{4}(-\d{2}){0,2}", newest):
        return None
    year = int(newest[:4]) + 1
    is_over = len(newest) > 4 and int(newest[5:7]) > source.release_month
    due = dt.date(year + is_over, source.release_month, 1)
    return Release(source.id, f"{year}{newest[4:]}", due, newest, source.title, source.publisher, source.page)


def calendar(sources: Iterable[Source], today: dt.date) -> list[Release]:
    """The next release of each source with a yearly rhythm that is not over, by date."""
    found = []
    for source in sources:
        release = following(source)
        while release is not None and _month_after(release.due) <= today:
            later = f"{int(release.edition[:4]) + 1}{release.edition[4:]}"
            release = replace(release, edition=later, due=release.due.replace(year=release.due.year + 1))
        if release is not None:
            found.append(release)
    return sorted(found, key=lambda r: (r.due, r.source_id))


def _month_after(date: dt.date) -> dt.date:
    return dt.date(date.year + date.month // 12, date.month % 12 + 1, 1)


def ics(releases: Iterable[Release], today: dt.date) -> str:
    """The releases to come as iCalendar (RFC 5545): one entry that lasts the expected month."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//stadtrang//releases//DE", "CALSCALE:GREGORIAN"]
    for release in releases:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{release.source_id}-{release.edition}@stadtrang",
            f"DTSTAMP:{today:%Y%m%d}T000000Z",
            f"DTSTART;VALUE=DATE:{release.due:%Y%m%d}",
            f"DTEND;VALUE=DATE:{_month_after(release.due):%Y%m%d}",
            f"SUMMARY:{_text(f'{release.source_id} {release.edition}: {release.title}')}",
            f"DESCRIPTION:{_text(f'{release.publisher}; stadtrang fetch {release.source_id}')}",
            f"URL:{release.page}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    return "".join(_fold(line) for line in [*lines, "END:VCALENDAR"])


def _text(text: str) -> str:
    return ESCAPED.sub(r"\\\1", text).replace("\n", "\\n")


def _fold(line: str) -> str:
    """At most 75 octets in a line, and no character torn apart."""
    pieces, size, limit = [""], 0, FOLD
    for character in line:
        width = len(character.encode())
        if size + width > limit:
            pieces.append("")
            size, limit = 0, FOLD - 1  # the space that begins a further line counts
        pieces[-1] += character
        size += width
    return "\r\n ".join(pieces) + "\r\n"
