"""The federation's catalogue of funded projects: asked for in a session, read row by row, summed per place and year.

A project's sum is spread over the days of its term; what falls into a year is added to the municipality that the
executing office lies in. No project, recipient or topic is kept.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from pipeline.catalog import Layout, Part, Request, Source
from pipeline.read import Place, Reading, Rejected, plain

Save = Callable[[Request, Path], None]
"""Sends a request within one session and writes the body of a good reply to the file; any other reply is an error."""

GUARD = re.compile(r'(^|;)="')  # ="..." keeps a spreadsheet from making a number of a text
HITS = re.compile(r"(\d{1,3}(?:\.\d{3})+|\d+)\s*Treffer\s+insgesamt")
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # of an FKZ's beginning
MAX_PREFIX = 6
CP1252_ONLY = bytes(range(0x80, 0xA0))  # control characters in ISO-8859-15, letters and € in cp1252
BOOKINGS = ("nur zum zweck der auszahlung", "sammelvorhabenbuchung")
AGS = re.compile(r"(?:0[1-9]|1[0-6])\d{6}")
DATE = re.compile(r"(\d\d)\.(\d\d)\.(\d{4})")
AMOUNT = re.compile(r"-?\d{1,3}(?:\.?\d{3})*(?:,\d{1,2})?")
MAX_UNREADABLE = 0.01  # share of the rows
UNREADABLE = ("unreadable", "the key, the term or the sum is none")


def fetch_file(save: Save, source: Source, edition: str, part: Part, target: Path) -> str:
    """The whole catalogue as one CSV file with as many rows as the publisher says there are hits; returns a note.

    Where the export holds fewer rows than hits it is asked for again by the beginnings of the FKZ, as finely as needed.
    """
    assert source.access is not None and source.access.address is not None
    place = Place(source.id, edition, Path(part.file).name, part.name or part.layout)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        asked = Session(save, source.access.address, source.layouts[part.layout], Path(folder), place)
        hits = asked.search(None)
        whole = Path(folder) / "all"
        rows = asked.export(whole, None)
        if rows > hits:
            raise place.fail(f"{hits} rows are expected, as many as hits, found {rows}")
        note = f"{hits:,} rows as the publisher counts hits"
        if rows < hits:
            pieces = asked.split("", hits)
            join(pieces, whole)
            note += f", in {len(pieces)} exports, since one holds only {rows:,}"
        whole.replace(target)
    return note


@dataclass
class Session:
    """One visit to the search form. Every search is followed by the export of what it found."""

    save: Save
    address: str
    layout: Layout
    folder: Path
    place: Place

    def search(self, prefix: str | None) -> int:
        """Search for all, or for the FKZ that begin with the prefix; returns the number of hits."""
        form = {"suche.detailSuche": "false", "suche.schnellSuche": "", "submitAction": " Schnellsuche starten"}
        if prefix is not None:
            form = {
                "suche.detailSuche": "true",
                "suche.nurVerbund": "N",
                "suche.lfdVhb": "N",
                "suche.fkzSuche[0]": f"{prefix}%",
                "submitAction": "Detailsuche starten",
            }
        page = self.folder / "page"
        parameters = {"actionMode": "searchlist"}
        self.save(Request(method="post", address=self.address, parameters=parameters, body=form), page)
        text = page.read_bytes().decode("iso-8859-15")
        found = HITS.search(re.sub(r"<[^>]*>|&nbsp;", " ", text))
        if not found:
            shown = " ".join(re.sub(r"<[^>]*>", " ", text).split())[:120]
            raise self.place.fail(f"'N Treffer insgesamt' is expected on the page of results, found {shown!r}")
        return int(found[1].replace(".", ""))

    def export(self, target: Path, prefix: str | None) -> int:
        """Save what the last search found; returns its number of rows, each with an FKZ that begins with the prefix."""
        parameters = {"actionMode": "print", "presentationType": "csv"}
        self.save(Request(address=self.address, parameters=parameters), target)
        count = 0
        for number, row in records(target, self.layout, self.place):
            count += 1
            if prefix and not row["fkz"].upper().startswith(prefix):
                raise self.place.fail(f"row {number}: an FKZ like {prefix}... is expected, found {row['fkz']!r}")
        return count

    def split(self, prefix: str, hits: int) -> list[Path]:
        """Whole exports whose rows together are the hits of the prefix."""
        if len(prefix) == MAX_PREFIX:
            raise self.place.fail(f"FKZ {prefix}: an export of {hits} rows is expected, found fewer at every try")
        pieces: list[Path] = []
        found = 0
        for letter in ALPHABET:
            part_hits = self.search(prefix + letter)
            if part_hits == 0:
                continue
            found += part_hits
            piece = self.folder / f"fkz_{prefix}{letter}"
            rows = self.export(piece, prefix + letter)
            if rows == part_hits:
                pieces.append(piece)
            elif rows > part_hits:
                raise self.place.fail(f"FKZ {prefix}{letter}: {part_hits} rows are expected, found {rows}")
            else:
                piece.unlink()
                pieces += self.split(prefix + letter, part_hits)
        if found != hits:
            raise self.place.fail(
                f"FKZ {prefix or '(all)'}: {hits} hits are expected, found {found} under its next letters and digits"
            )
        return pieces


def join(pieces: list[Path], target: Path) -> None:
    """One file with the first one's header."""
    with target.open("wb") as whole:
        for number, piece in enumerate(pieces):
            with piece.open("rb") as file:
                header = file.readline()
                if number == 0:
                    whole.write(header)
                for line in file:
                    whole.write(line if line.endswith(b"\n") else line + b"\n")
            piece.unlink()


@dataclass
class Funding:
    """Of one municipality in one year: EUR, projects that run, projects that begin, and the first row of them."""

    first_row: int
    eur: Decimal = field(default_factory=Decimal)
    running: int = 0
    begun: int = 0


def read_file(path: Path, layout: Layout, part: Part, place: Place) -> Iterator[Reading]:
    """One reading: row_number, ags, year, eur (text), projects, rows_summed (projects that begin in that year)."""
    sums: dict[tuple[str, int], Funding] = {}
    rejected, rows_read, unreadable = Rejected(), 0, 0
    for number, row in records(path, layout, place):
        rows_read += 1
        if reason := _add(sums, row, number):
            rejected.tally(number, number, 1, *reason)
            unreadable += reason is UNREADABLE
    if not sums or unreadable > MAX_UNREADABLE * rows_read:
        raise place.fail(
            f"at most {MAX_UNREADABLE:.0%} rows without a readable key, term or sum are expected, found {unreadable} "
            f"of {rows_read}"
        )
    rows = [
        (sums[key].first_row, key[0], str(key[1]), f"{sums[key].eur:.2f}", sums[key].running, sums[key].begun)
        for key in sorted(sums)
    ]
    columns = ["row_number", "ags", "year", "eur", "projects", "rows_summed"]
    yield Reading(pd.DataFrame(rows, columns=columns), rejected.frame(), rows_read)


def records(path: Path, layout: Layout, place: Place) -> Iterator[tuple[int, dict[str, str]]]:
    """The declared columns of each row with its number. Columns are those of the layout by position: the same names
    stand twice in the header, and each has the names of several years."""
    with path.open("rb") as file:
        encoding = _encoding(file, layout)
        lines = (GUARD.sub(r'\1"', line.decode(encoding)) for line in file)
        rows = csv.reader(lines, delimiter=layout.delimiter, strict=True)
        try:
            at = _columns(next(rows, []), layout, place)
            for number, row in enumerate(rows, 2):
                if row and len(row) != layout.width:
                    raise place.fail(f"row {number}: {layout.width} fields are expected, found {len(row)}")
                if row:
                    yield number, {name: row[index].strip() for name, index in at.items()}
        except csv.Error as error:
            raise place.fail(f"row {rows.line_num}: CSV with ';' is expected, found {error}") from error


def _encoding(file: BinaryIO, layout: Layout) -> str:
    """The declared one, or cp1252 where the file holds bytes that only that has letters for."""
    found = any(len(piece.translate(None, CP1252_ONLY)) < len(piece) for piece in iter(lambda: file.read(1 << 20), b""))
    file.seek(0)
    return "cp1252" if found else layout.encoding


def _columns(header: list[str], layout: Layout, place: Place) -> dict[str, int]:
    if len(header) != layout.width:
        start = " ".join(header)[:80]
        raise place.fail(f"row 1: {layout.width} columns are expected, found {len(header)}: {start!r}")
    at = {}
    for name, spec in layout.columns.items():
        position, names = spec.split(":", 1)
        at[name] = int(position) - 1
        known = [plain(text) for text in names.split("|")]
        if plain(header[at[name]]) not in known:
            raise place.fail(
                f"row 1, column {position}: {' or '.join(known)} is expected, found {header[at[name]]!r}. If the "
                "publisher renamed it, add the name in the source's file"
            )
    return at


def _add(sums: dict[tuple[str, int], Funding], row: dict[str, str], number: int) -> tuple[str, str] | None:
    """Spread a project over the years of its term, or say why not."""
    if any(text in row["topic"].casefold() for text in BOOKINGS):
        return "booking", "a booking only for payment, not a project"
    if not row["ags"]:
        return "no_municipality", "the executing office has no Gemeindekennziffer; most of them are abroad"
    begins, ends = _date(row["begins"]), _date(row["ends"])
    ags = row["ags"].zfill(8)
    if not AGS.fullmatch(ags) or begins is None or ends is None or not AMOUNT.fullmatch(row["eur"]) or ends < begins:
        return UNREADABLE
    eur = Decimal(row["eur"].replace(".", "").replace(",", "."))
    days = (ends - begins).days + 1
    for year in range(begins.year, ends.year + 1):
        first, last = max(begins, dt.date(year, 1, 1)), min(ends, dt.date(year, 12, 31))
        found = sums.setdefault((ags, year), Funding(number))
        found.eur += eur * ((last - first).days + 1) / days
        found.running += 1
        found.begun += year == begins.year
    return None


def _date(text: str) -> dt.date | None:
    found = DATE.fullmatch(text)
    try:
        return dt.date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        return None
