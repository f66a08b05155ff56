"""A catalogue that is asked for in a session, from the box."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from box import Box, Reply

from pipeline import archive, catalog, fetch
from pipeline.web import Settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
import test_foerderkatalog as foekat

Make = Callable[..., Settings]
FOEKAT = catalog.load().sources["foerderkatalog"]


def test_the_catalogue_comes_with_as_many_rows_as_hits(box: Box, settings: Make) -> None:
    there = settings()
    rows = foekat.catalogue()
    address = "https://foerderportal.bund.de/foekat/jsp/SucheAction.do"
    box.play(address, Reply(body=b"<b>120</b> Treffer insgesamt"), Reply(body=foekat.export(rows)))
    assert [outcome.state for outcome in fetch.fetch([FOEKAT], there)] == ["stored"]
    (receipt,) = archive.read_receipts(there.archive, FOEKAT.id)
    assert receipt.note == "120 rows as the publisher counts hits"
    assert archive.fetch(there.archive, receipt.sha256) == foekat.export(rows)
    box.play(address, *[Reply(body=b"<html>Sitzung abgelaufen</html>") for _ in range(4)])
    (outcome,) = fetch.fetch([FOEKAT], there)
    assert (outcome.state, outcome.stale) == ("changed shape", True) and "Treffer" in str(outcome.reason)
    assert archive.read_receipts(there.archive, FOEKAT.id) == [receipt]
