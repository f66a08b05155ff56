"""Whether a publisher's reply is what its source declares, decided before anything is kept.

Publishers answer errors with HTTP 200: an HTML page, a JSON object that says "error", an empty file, half a file. Each
function returns the reason for a refusal in words, or None.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pipeline.catalog import Content, Part, Source
from pipeline.errors import ReadError
from pipeline.read import ZIP_ERRORS, read_part

MAGIC = {"zip": b"PK", "xlsx": b"PK", "xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "parquet": b"PAR1"}
PACKED = (b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"PAR1")
BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
JSON_LIMIT = 200_000_000  # bytes; a larger JSON reply is none that a source declares
GENESIS_FINE = frozenset({0, 22})  # ok; ok with adjusted parameters
GENESIS_HELP = {
    -1: "the service failed (no data cube); ask again later",
    2: "user or password is wrong",
    6: "too many requests at a time; ask again later",
    15: "the credentials are missing; they are read from headers alone",
    50: "nothing is newer than what was asked for",
    90: "no table of this name",
    104: "no data for these years",
}


def refusal(path: Path, content: Content) -> str | None:
    """Why a file is not of its declared content, looking at the first bytes and then at the whole."""
    size = path.stat().st_size
    if size == 0:
        return f"{content} is expected, found 0 bytes"
    with path.open("rb") as file:
        head = file.read(512)
    start = _text(head).lstrip("\ufeff \r\n\t").lower()
    is_page = start.startswith(("<!doctype html", "<html"))
    if content == "html":
        return None if is_page or "<html" in start else f"an HTML page is expected, found {_shown(head)}"
    if is_page:
        return f"{content} is expected, found an HTML page: {_title(path)}"
    if content in ("csv", "text", "xml") and head.startswith(PACKED):
        return f"{content} is expected, found a binary file that starts with {_shown(head)}"
    if content != "json" and start.startswith("{") and (error := json_error(path)):
        return f"{content} is expected, found a JSON object: {error}"
    if content in MAGIC and not head.startswith(MAGIC[content]):
        return f"{content} is expected, found {size} bytes that start with {_shown(head)}"
    return _whole(path, content)


def _whole(path: Path, content: Content) -> str | None:
    if content in ("zip", "xlsx"):
        return _zip_refusal(path, content)
    if content == "json":
        return json_error(path)
    if content == "xml":
        return _xml_refusal(path)
    if content == "parquet":
        with path.open("rb") as file:
            file.seek(-4, 2)
            return None if file.read() == b"PAR1" else "a whole Parquet file is expected, found one that is cut off"
    return None


def _zip_refusal(path: Path, content: Content) -> str | None:
    try:
        with zipfile.ZipFile(path) as packed:
            damaged = packed.testzip()
            names = packed.namelist()
    except ZIP_ERRORS as error:
        return f"a whole {content} file is expected, found {path.stat().st_size} bytes that are damaged ({error})"
    if damaged is not None:
        return f"a whole {content} file is expected, found member {damaged} damaged"
    if content == "xlsx" and "xl/workbook.xml" not in names:
        return f"a workbook is expected, found a zip of {', '.join(names[:5])}"
    return None


def _xml_refusal(path: Path) -> str | None:
    root = None
    try:
        for event, element in ElementTree.iterparse(path, events=("start", "end")):
            root = element if root is None else root
            if event == "end":
                element.clear()
    except ElementTree.ParseError as error:
        return f"whole XML is expected, found {error}"
    name = "" if root is None else root.tag.rsplit("}", 1)[-1]
    if name in ("ExceptionReport", "ServiceExceptionReport"):
        return f"XML data is expected, found an {name}"
    return None


def json_error(path: Path) -> str | None:
    """The error that a JSON reply carries, that it is no whole JSON, or None. Looks into JSON inside a JSON text."""
    if path.stat().st_size > JSON_LIMIT:
        return f"at most {JSON_LIMIT} bytes of JSON are expected, found {path.stat().st_size}"
    try:
        document = json.loads(path.read_bytes())
        if isinstance(document, str):
            document = json.loads(document)
    except (ValueError, RecursionError) as error:
        return f"whole JSON is expected, found {error}"
    return error_of(document)


def error_of(document: Any) -> str | None:
    """What a parsed reply says went wrong: GENESIS, ArcGIS, Overpass and CKAN answer errors with HTTP 200."""
    if not isinstance(document, dict):
        return None
    status = document.get("Status")
    if isinstance(status, dict) and status.get("Code") not in GENESIS_FINE:
        return f"status {status.get('Code')}: {status.get('Content')!r:.200}" + _genesis_help(status.get("Code"))
    if document.get("Type") == "ERROR":
        return f"error {document.get('Code')}: {document.get('Content')!r:.200}" + _genesis_help(document.get("Code"))
    if document.get("error"):
        error = document["error"]
        code, text = (error.get("code"), error.get("message")) if isinstance(error, dict) else ("", error)
        return f"error {code}: {text!r:.200}"
    if "error" in str(document.get("remark", "")).lower():
        return f"remark {document['remark']!r:.200}"
    if document.get("success") is False:
        return "success is false"
    if document.get("exceededTransferLimit"):
        return "exceededTransferLimit: the reply holds only a part of the rows"
    if document.get("features") == []:
        return "features are empty: the year is in the catalogue and not loaded yet"
    return None


def _genesis_help(code: object) -> str:
    return f" ({GENESIS_HELP[code]})" if isinstance(code, int) and code in GENESIS_HELP else ""


def size_refusal(size: int, before: int | None, ratio: tuple[float, float]) -> str | None:
    """Whether the size is too far from that of the edition before; nothing to compare with is no reason."""
    if before is None or before * ratio[0] <= size <= before * ratio[1]:
        return None
    return (
        f"{before * ratio[0]:.0f} to {before * ratio[1]:.0f} bytes are expected, {ratio[0]:g} to {ratio[1]:g} times "
        f"those of the file before, found {size}"
    )


def shape_refusal(source: Source, edition: str, parts: list[Part], path: Path) -> str | None:
    """Whether the declared layouts read the file: sheets, headers, members, encodings, dates and keys inside it."""
    content = path.read_bytes()
    try:
        for part in parts:
            read_part(source, edition, part, content)
    except ReadError as error:
        return str(error)
    return None


def _text(head: bytes) -> str:
    encoding = next((name for bom, name in BOMS.items() if head.startswith(bom)), "latin-1")
    return head.decode(encoding, "replace")


def _title(path: Path) -> str:
    with path.open("rb") as file:
        text = file.read(20_000).decode("utf-8", "replace")
    title = text.lower().partition("<title")[2].partition(">")[2].partition("</title")[0].strip()
    return f"{title!r:.100}" if title else "without a title"


def _shown(head: bytes) -> str:
    return repr(head[:16])
