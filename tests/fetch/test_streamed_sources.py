"""From the box to their rows: members of the register's large zip, and a catalogue that is asked for in a session."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from box import Box, Reply

from pipeline import archive, catalog, fetch
from pipeline.web import Settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
import test_bnetza_mastr_export as mastr
import test_foerderkatalog as foekat

Make = Callable[..., Settings]
CATALOG = catalog.load()
FOEKAT, MASTR = CATALOG.sources["foerderkatalog"], CATALOG.sources["bnetza_mastr_export"]


def test_the_export_of_the_first_of_january_comes_without_the_members_that_nobody_reads(
    box: Box, settings: Make
) -> None:
    there, content = settings(), io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, text in {"Marktakteure_1.xml": bytes(20_000_000), **mastr.whole()}.items():
            packed.writestr(name, text)
    address = "https://download.marktstammdatenregister.de/Stichtag/Gesamtdatenexport_{}_25.2.zip"
    links = "".join(f'<a href="{address.format(day)}">x</a>' for day in ("20251001", "20260101", "20260401"))
    box.put(MASTR.page, f"<!doctype html><html>{links}</html>".encode())
    box.put(address.format("20260101"), content.getvalue())
    assert [outcome.state for outcome in fetch.fetch([MASTR], there)] == ["stored"]
    (receipt,) = archive.read_receipts(there.archive, MASTR.id)
    assert receipt.bytes < 200_000 and receipt.address == address.format("20260101")
    found = mastr.reading(archive.locate(there.archive, receipt.sha256))
    assert mastr.power(found)["pv_kw"] == ("10.000", 2)
    assert [outcome.state for outcome in fetch.fetch([MASTR], there)] == ["unchanged"]


def test_the_catalogue_comes_with_as_many_rows_as_hits_or_not_at_all(box: Box, settings: Make) -> None:
    there = settings()
    rows = foekat.catalogue()
    address = "https://foerderportal.bund.de/foekat/jsp/SucheAction.do"
    box.play(address, *[Reply(body=b"<html>Sitzung abgelaufen</html>") for _ in range(4)])
    (outcome,) = fetch.fetch([FOEKAT], there)
    assert outcome.state == "changed shape" and "Treffer" in str(outcome.reason)
    assert archive.read_receipts(there.archive, FOEKAT.id) == []
    box.play(address, Reply(body=b"<b>120</b> Treffer insgesamt"), Reply(body=foekat.export(rows)))
    assert [outcome.state for outcome in fetch.fetch([FOEKAT], there)] == ["stored"]
    (receipt,) = archive.read_receipts(there.archive, FOEKAT.id)
    assert receipt.note == "120 rows as the publisher counts hits"
    assert archive.fetch(there.archive, receipt.sha256) == foekat.export(rows)
    assert [outcome.state for outcome in fetch.fetch([FOEKAT], there)] == ["unchanged"]
