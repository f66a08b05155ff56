"""The Marktstammdatenregister's export: numbered XML members in a zip, UTF-16, one element per unit.

Units in operation at the end of the edition's year are summed per municipality and carrier; no unit is kept. An
element that is not well-formed is left out and counted, and too many of them stop the reading.

How it is read: blocks of whole elements are checked by expat, which takes no document type and so expands no entity;
then the four fields are found by their tags. In elements that expat has taken and that hold no comment, CDATA section
or processing instruction (those are refused) this finds just what a parser finds, without a call for every tag.
"""

from __future__ import annotations

import codecs
import datetime as dt
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO
from xml.parsers import expat

import pandas as pd

from pipeline.catalog import Layout, Part
from pipeline.members import matching, open_zip
from pipeline.read import ZIP_ERRORS, Place, Reading, Rejected

BLOCK = 4 << 20  # bytes; a document's root and the tag of its first unit stand in the first block
MAX_BROKEN = 0.001  # share of the elements
MAX_ELEMENT = 1 << 24  # characters; more without the end of an element is no list of units
BROKEN = ("broken", "the element is not well-formed, or a field of it is no key, date or power")
HEAD = re.compile(r"\s*(?:<\?xml[^<>]*\?>)?\s*<(?P<root>[A-Za-z]\w*)(?:\s[^<>]*)?(?P<closed>/)?>\s*")
CHILD = re.compile(r"<([A-Za-z]\w*)>")
CONTROL = dict.fromkeys(set(range(32)) - {9, 10, 13})  # characters that no XML document may hold
AGS = re.compile(r"(?:0[1-9]|1[0-6])\d{6}")
DATE = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:T[\d:.]+)?")
POWER = re.compile(r"\d{1,9}(?:\.\d{1,9})?")


@dataclass
class Total:
    """Units of one carrier in one municipality; `first_row`: the number of the first."""

    first_row: int
    units: int = 0
    kw: Decimal = Decimal(0)


def read_file(path: Path, layout: Layout, part: Part, place: Place) -> Iterator[Reading]:
    """One reading: row_number (of the first unit), ags, carrier, kw (text), rows_summed (units)."""
    day = dt.date.fromisoformat(place.edition).isoformat()
    totals: dict[tuple[str, str], Total] = {}
    rejected, rows_read, broken = Rejected(), 0, 0
    with path.open("rb") as file, open_zip(file, place) as packed:
        for carrier, kind in layout.values.items():
            for info in _numbered(packed, kind, place):
                with packed.open(info) as member:
                    for unit, count in units(member, info.filename, layout, place):
                        first, rows_read = rows_read + 1, rows_read + count
                        if reason := _add(totals, unit, carrier, day, first):
                            rejected.tally(first, rows_read, count, *reason)
                            broken += count if reason is BROKEN else 0
    if broken > MAX_BROKEN * rows_read:
        raise place.fail(f"at most {MAX_BROKEN:.1%} broken elements are expected, found {broken} of {rows_read}")
    if not totals:
        raise place.fail(f"units in operation on {day} are expected, found none among {rows_read}")
    yield Reading(_table(totals, list(layout.values)), rejected.frame(), rows_read)


def _numbered(packed: zipfile.ZipFile, kind: str, place: Place) -> list[zipfile.ZipInfo]:
    """The members of one kind: `EinheitenWind.xml`, or _1, _2 ... without a gap."""
    found = matching(packed, [rf"(?:.*/)?{kind}(?:_\d+)?\.xml"], place)
    numbers = [re.search(r"_(\d+)\.xml$", info.filename, re.IGNORECASE) for info in found]
    if len(found) > 1 and [int(n[1]) if n else 0 for n in numbers] != list(range(1, len(found) + 1)):
        names = ", ".join(info.filename for info in found)
        raise place.fail(f"members {kind}_1.xml to _{len(found)}.xml are expected, found {names}")
    return found


def units(member: IO[bytes], name: str, layout: Layout, place: Place) -> Iterator[tuple[dict[str, str] | None, int]]:
    """The declared fields of each unit, or None for a broken element, and how many elements that is."""
    tags = {text.split(":")[-1].strip(): field for field, text in layout.columns.items()}
    pattern = re.compile(f"<({'|'.join(tags)})>([^<]*)</\\1>")
    pieces = _text(member, name, layout, place)
    text = next(pieces, "")
    head = HEAD.match(text)
    if not head:
        raise place.fail(f"{name}: an XML element of units without a document type is expected, found {text[:80]!r}")
    end = "" if head["closed"] else f"</{head['root']}>"
    text = text[head.end() :]
    child = CHILD.match(text)
    opening, closing = (f"<{child[1]}>", f"</{child[1]}>") if child else ("", "")
    while child:
        whole, mark, rest = text.rpartition(closing)
        for fields, count in _of_block(whole + mark, opening, closing, pattern):
            yield fields and {tags[tag]: value for tag, value in fields.items()}, count
        piece = next(pieces, "")
        text = rest + piece
        if not piece:
            break
        if len(rest) > MAX_ELEMENT:
            raise place.fail(f"{name}: {closing} is expected within {MAX_ELEMENT:,} characters, found none")
    left = text.strip()
    if not left.endswith(end) or (left != end and opening not in left):
        raise place.fail(f"{name}: {end} is expected at the end, found {left[-80:]!r}; the member was cut")
    if left != end:
        yield None, left.count(opening)


def _text(member: IO[bytes], name: str, layout: Layout, place: Place) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(layout.encoding)(errors="replace")
    try:
        block = member.read(BLOCK)
        if not block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise place.fail(f"{name}: {layout.encoding} with its mark is expected, found {block[:20]!r}")
        while block:
            yield decoder.decode(block)
            block = member.read(BLOCK)
        if rest := decoder.decode(b"", final=True):
            yield rest
    except ZIP_ERRORS as error:
        raise place.fail(f"{name}: a whole member is expected, found {error}; fetch it again") from error


def _of_block(
    block: str, opening: str, closing: str, pattern: re.Pattern[str]
) -> Iterator[tuple[dict[str, str] | None, int]]:
    """Each element's fields by tag. In a block with a broken element each is looked at alone."""
    is_whole = is_well_formed(block)
    for element in block.split(closing)[:-1]:
        count = max(element.count(opening), 1)
        if not is_whole:
            element = element.translate(CONTROL)
        if count > 1 or not (is_whole or is_well_formed(element + closing)):
            yield None, count
            continue
        found = pattern.findall(element)
        fields = dict(found)
        yield (fields if len(fields) == len(found) else None), 1


def is_well_formed(text: str) -> bool:
    """Whether expat takes the elements, and there is nothing else among them than elements and text."""
    parser = expat.ParserCreate("utf-8")
    parser.CommentHandler = parser.ProcessingInstructionHandler = parser.StartCdataSectionHandler = _refuse
    try:
        parser.Parse(b"<units>" + text.encode() + b"</units>", True)
    except (expat.ExpatError, ValueError):
        return False
    return True


def _refuse(*_: object) -> None:
    raise ValueError("elements and text are expected")


def _add(
    totals: dict[tuple[str, str], Total], unit: dict[str, str] | None, carrier: str, day: str, row: int
) -> tuple[str, str] | None:
    """Add a unit to its municipality's total, or say why not."""
    if unit is None:
        return BROKEN
    key, power = unit.get("ags", "").strip().zfill(8), unit.get("kw", "").strip()
    begin, end = unit.get("commissioned", "").strip(), unit.get("shut_down", "").strip()
    if key == "00000000":
        return "no_municipality", "a unit without Gemeindeschluessel, at sea or abroad"
    if not AGS.fullmatch(key) or any(date and not DATE.fullmatch(date) for date in (begin, end)):
        return BROKEN
    if not begin or begin[:10] > day:
        return "not_in_operation", f"a unit not commissioned by {day}"
    if end and end[:10] <= day:
        return "shut_down", f"a unit shut down by {day}"
    if not POWER.fullmatch(power):
        return BROKEN
    total = totals.setdefault((key, carrier), Total(row))
    total.kw += Decimal(power)
    total.units += 1
    return None


def _table(totals: dict[tuple[str, str], Total], carriers: list[str]) -> pd.DataFrame:
    """A row per municipality and carrier; a municipality of the register without a unit of a carrier has 0 of it."""
    first: dict[str, int] = {}
    for (ags, _), total in totals.items():
        first[ags] = min(total.first_row, first.get(ags, total.first_row))
    rows = []
    for ags in sorted(first):
        for carrier in carriers:
            total = totals.get((ags, carrier), Total(first[ags]))
            rows.append((total.first_row, ags, carrier, f"{total.kw:f}", total.units))
    return pd.DataFrame(rows, columns=["row_number", "ags", "carrier", "kw", "rows_summed"])
