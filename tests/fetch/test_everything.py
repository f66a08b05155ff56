"""All that has a publisher's address, fetched from the box: once whole, then nothing, then the one that changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from box import Box, addresses_of, publish_real_files, with_real_files

from pipeline import archive, catalog, fetch
from pipeline.web import Settings

CATALOG = catalog.load()


def states(outcomes: list[fetch.Outcome]) -> Counter[str]:
    return Counter(o.state for o in outcomes if o.state != "not asked")


def test_the_first_fetch_gets_all_the_second_nothing_and_the_third_what_changed(
    box: Box, settings: Callable[..., Settings], upstream: Path
) -> None:
    chosen = settings()
    sources = with_real_files(CATALOG.sources.values(), upstream)
    addresses = publish_real_files(box, sources, upstream)

    first = fetch.fetch(sources, chosen)
    assert states(first) == {"stored": len(addresses)}, [
        o.line() for o in first if o.state not in ("stored", "not asked")
    ]
    assert len(box.downloaded()) == len(addresses)
    receipts = [r for s in sources for r in archive.read_receipts(chosen.archive, s.id)]
    assert len(receipts) == sum(len(addresses_of(s)) for s in sources)
    assert all(r.retrieved_at == "2026-11-25T12:00:00+00:00" and r.address in addresses for r in receipts)
    assert archive.verify(chosen.archive) == []
    assert list((chosen.archive / "partial").glob("*.part")) == []

    box.asked.clear()
    began = time.process_time()  # of fetcher and box; what other programs of the machine take is not counted
    second = fetch.fetch(sources, chosen)
    assert time.process_time() - began < 2
    assert states(second) == {"unchanged": len(addresses)}
    assert {a.status for a in box.asked} == {304} and len(box.asked) == len(addresses)
    assert [r for s in sources for r in archive.read_receipts(chosen.archive, s.id)] == receipts

    address = CATALOG.sources["mobilitydata_gbfs"].access.request(  # type: ignore[union-attr]
        CATALOG.sources["mobilitydata_gbfs"].editions["2021-12-31"],
        CATALOG.sources["mobilitydata_gbfs"].editions["2021-12-31"].parts[0],
    ).address  # fmt: skip
    box.put(address, box.files[address.removeprefix("https://")].content + b"DE,More,Kiel,more,https://x,https://y\r\n")
    box.asked.clear()
    third = fetch.fetch(sources, chosen)
    assert states(third) == {"unchanged": len(addresses) - 1, "stored": 1}
    assert box.downloaded() == [address.removeprefix("https://")]


@pytest.mark.parametrize("source", sorted(CATALOG.sources))
def test_every_source_has_an_address_or_says_why_not(source: str) -> None:
    declared = CATALOG.sources[source]
    if declared.access is None:
        assert declared.no_access
    for edition in declared.editions.values():
        assert declared.access is None or edition.no_access or edition.parts
