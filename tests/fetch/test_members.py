"""Of a zip that is too large to be had whole, only the declared members are read, each over its own range."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from box import Box, Reply
from fz1 import source

from pipeline import archive, fetch
from pipeline.web import Settings

Make = Callable[..., Settings]
ADDRESS = "https://api.example.de/data"
SUN = random.Random(1).randbytes(200_000)
WIND = "<Einheiten>Windpark Nordfriesland</Einheiten>".encode("utf-16") * 500
MEMBERS = {"EinheitenSolar_1.xml": SUN, "EinheitenGas_1.xml": b"gas" * 900_000, "EinheitenWind.xml": WIND}


def export(members: dict[str, bytes] = MEMBERS) -> bytes:
    """A zip as the register exports it: packed, the sizes behind each member, other members in between."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if "Gas" in name else zipfile.ZIP_DEFLATED
            with packed.open(info, "w") as file:
                file.write(content)
    return target.getvalue()


WHOLE = export()


def fetched(settings: Settings, **access: Any) -> fetch.Outcome:
    wanted = {"members": [r"EinheitenSolar_\d+\.xml", r"EinheitenWind\.xml"], **access}
    (outcome,) = fetch.fetch([source("zip", **wanted)], settings)
    return outcome


def stored(settings: Settings) -> dict[str, bytes]:
    (receipt,) = archive.read_receipts(settings.archive, "a_source")
    with zipfile.ZipFile(io.BytesIO(archive.fetch(settings.archive, receipt.sha256))) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name) for name in packed.namelist()}


def test_only_the_declared_members_are_downloaded(box: Box, settings: Make) -> None:
    there = settings()
    box.put(ADDRESS, WHOLE)
    assert fetched(there).state == "stored"
    assert stored(there) == {"EinheitenSolar_1.xml": SUN, "EinheitenWind.xml": WIND}
    tail, *members = box.asked
    assert [a.status for a in box.asked] == [206, 206, 206]
    assert tail.sent == min(1 << 20, len(WHOLE)) and sum(a.sent for a in members) < 0.1 * len(WHOLE)
    assert all(a.headers["If-Range"] == box.files["api.example.de/data"].headers()["ETag"] for a in members)
    box.asked.clear()
    assert fetched(there).state == "unchanged"
    assert [(a.status, a.sent) for a in box.asked] == [(304, 0)]


def test_a_cut_member_goes_on_where_it_stopped(box: Box, settings: Make) -> None:
    there = settings()
    box.put(ADDRESS, WHOLE)
    box.play(ADDRESS, Reply(obeys_conditions=True), Reply(obeys_conditions=True, sent=70_000))
    assert fetched(there).state == "stored"
    assert stored(there) == {"EinheitenSolar_1.xml": SUN, "EinheitenWind.xml": WIND}
    ranges = [a.headers["Range"] for a in box.asked]
    assert [a.sent for a in box.asked[1:2]] == [70_000] and ranges[3].startswith("bytes=70000-")


def test_a_zip_that_is_replaced_in_between_is_read_anew(box: Box, settings: Make) -> None:
    there = settings()
    box.put(ADDRESS, WHOLE)
    other = export({**MEMBERS, "EinheitenWind.xml": b"other" * 3000})

    def replace(_: object) -> None:
        box.watch = None
        box.put(ADDRESS, other)

    box.watch = replace
    assert fetched(there).state == "stored"
    assert stored(there)["EinheitenWind.xml"] == b"other" * 3000


@pytest.mark.parametrize(
    ("options", "members", "state", "message"),
    [
        ({"ranges": False}, None, "failed", "the server sends no ranges"),
        ({"etag": None, "modified": None}, None, "failed", "the server names no version"),
        (
            {},
            ["Katalogwerte.xml"],
            "changed shape",
            "a member 'Katalogwerte.xml' is expected in the zip",
        ),
    ],
    ids=["no ranges", "no validator", "another member name"],
)
def test_what_stands_in_the_way_is_said(
    box: Box, settings: Make, options: dict[str, Any], members: list[str] | None, state: str, message: str
) -> None:
    box.put(ADDRESS, WHOLE, **options)
    outcome = fetched(settings(), **({"members": members} if members else {}))
    assert outcome.state == state and outcome.reason is not None and message in outcome.reason


def test_what_is_no_zip_is_refused(box: Box, settings: Make) -> None:
    box.put(ADDRESS, b"<html>" * 1000)
    outcome = fetched(settings())
    assert outcome.state == "refused" and outcome.reason is not None
    assert outcome.reason.startswith("a zip with its directory in the last 1048576 bytes is expected")


def test_a_member_with_a_wrong_byte_is_refused(box: Box, settings: Make) -> None:
    at = WHOLE.index(SUN[:50]) if SUN[:50] in WHOLE else 5000
    box.put(ADDRESS, WHOLE[:at] + bytes([WHOLE[at] ^ 0xFF]) + WHOLE[at + 1 :])
    outcome = fetched(settings())
    assert outcome.state == "refused" and outcome.reason is not None and "damaged" in outcome.reason


@pytest.mark.parametrize("headers", [{}, {"Content-Range": f"bytes 7-200000/{len(WHOLE)}"}], ids=["none", "another"])
def test_a_piece_from_elsewhere_is_not_pasted_in(box: Box, settings: Make, headers: dict[str, str]) -> None:
    there = settings()
    box.put(ADDRESS, WHOLE)
    box.play(ADDRESS, Reply(obeys_conditions=True), Reply(206, headers, SUN))
    assert fetched(there).state == "stored"
    assert stored(there) == {"EinheitenSolar_1.xml": SUN, "EinheitenWind.xml": WIND}
