"""Whether this machine can do what the program needs; each finding with its remedy."""

from __future__ import annotations

import importlib
import os
import shutil
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline import __version__, archive
from pipeline.catalog import Catalog
from pipeline.errors import PipelineError
from pipeline.web import certificates

ROOM_BYTES = 10_000_000_000  # INKAR unpacks to 6.6 GB, and temporary files need room beside it
NEEDED = ("duckdb", "pandas", "great_expectations", "python_calamine")


@dataclass(frozen=True)
class Line:
    """`state`: ok, note (works, with less) or problem."""

    name: str
    state: Literal["ok", "note", "problem"]
    text: str
    remedy: str | None = None

    def shown(self) -> str:
        return f"{self.state:8}{self.name}: {self.text}" + (f"; {self.remedy}" if self.remedy else "")


def examine(declared: Catalog, home: Path, root: Path, environment: Mapping[str, str]) -> list[Line]:
    """All lines, in the order in which a run needs the things."""
    return [
        Line("environment", "ok", f"stadtrang {__version__} on Python {sys.version.split()[0]}"),
        *(_module(name, "install the program again: make clean, then make ranking") for name in NEEDED),
        _module("prefect", "`stadtrang build` works without it; install the program again for `stadtrang run`"),
        _module("shapely", "only making figures of points needs it: pip install 'stadtrang[geo]'", is_needed=False),
        _module(
            "rdata", "only making figures of the long crosswalk needs it: pip install 'stadtrang[rda]'", is_needed=False
        ),
        _folder("STADTRANG_HOME", home),
        _disk(home),
        _archive(declared, root),
        _contact(environment),
        *_credentials(declared, environment),
        *_certificates(declared, home),
    ]


def _module(name: str, remedy: str, is_needed: bool = True) -> Line:
    try:
        module = importlib.import_module(name)
    except Exception as error:  # whatever a broken installation raises is what the reader needs to see
        return Line(name, "problem" if is_needed else "note", f"cannot be imported ({error})", remedy)
    return Line(name, "ok", str(getattr(module, "__version__", "there")))


def _folder(name: str, folder: Path) -> Line:
    parent = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if os.access(parent, os.W_OK):
        return Line(name, "ok", str(folder))
    return Line(name, "problem", f"{parent} cannot be written", "set STADTRANG_HOME to a folder of yours")


def _disk(home: Path) -> Line:
    parent = next(path for path in (home, *home.absolute().parents) if path.exists())
    free = shutil.disk_usage(parent).free
    text = f"{free / 1e9:.1f} GB free"
    if free >= ROOM_BYTES:
        return Line("disk", "ok", text)
    remedy = f"the largest sources want {ROOM_BYTES / 1e9:.0f} GB: make room, or set STADTRANG_HOME to another disk"
    return Line("disk", "note", text, remedy)


def _archive(declared: Catalog, root: Path) -> Line:
    try:
        rows = archive.listing(root)
    except PipelineError as error:
        return Line("archive", "problem", str(error))
    if not rows:
        return Line("archive", "note", f"{root} is empty", "fill it with `stadtrang fetch`; builds use bundled figures")
    stale = sorted({row["source_id"] for row in rows if row["stale"]})
    unknown = sorted({row["source_id"] for row in rows} - declared.sources.keys())
    text = f"{len(rows)} files of {len({row['source_id'] for row in rows})} sources"
    if unknown:
        return Line("archive", "problem", f"{text}, {', '.join(unknown)} not declared", "delete these receipts")
    if stale:
        return Line("archive", "note", f"{text}, stale are {', '.join(stale)}", "`stadtrang fetch` says why")
    return Line("archive", "ok", text)


def _contact(environment: Mapping[str, str]) -> Line:
    if environment.get("STADTRANG_CONTACT", "").strip():
        return Line("contact", "ok", environment["STADTRANG_CONTACT"])
    remedy = "set STADTRANG_CONTACT to your mail or web address: publishers must be able to reach whoever asks them"
    return Line("contact", "note", "not set, so nothing is fetched over the network", remedy)


def _credentials(declared: Catalog, environment: Mapping[str, str]) -> list[Line]:
    lines = []
    for source in declared.sources.values():
        names = list(source.access.secrets.values()) if source.access else []
        gone = [name for name in names if name not in environment]
        if gone:
            remedy = f"it is left out; with an account of {source.publisher} set {', '.join(gone)}"
            lines.append(Line(source.id, "note", "credentials are not set", remedy))
        elif names:
            lines.append(Line(source.id, "ok", "credentials are set"))
    return lines


def _certificates(declared: Catalog, home: Path) -> list[Line]:
    """One line per host that is known to send an incomplete chain."""
    wanted = sorted({h for s in declared.sources.values() if s.access and s.access.ca for h in s.access.hosts})
    return [_certificate(host, certificates(home, host)) for host in wanted]


def _certificate(host: str, path: Path) -> Line:
    how = (
        f"`openssl s_client -connect {host}:443 -servername {host} </dev/null | openssl x509 -noout -text` names its "
        "file under CA Issuers; fetch it, compare its fingerprint with the authority's own page, and save it with "
        f"`openssl x509 -inform der -in FILE -out {path}`"
    )
    if not path.is_file():
        return Line(host, "note", "sends no intermediate certificate, and none is in certificates/", how)
    try:
        ssl.create_default_context(cafile=str(path))
    except (ssl.SSLError, OSError) as error:
        return Line(host, "problem", f"{path} holds no certificate ({error})", how)
    return Line(host, "ok", f"intermediate certificate in {path}")
