"""`sources check` says what changed, is late or gone and stores nothing; the calendar says what is expected when."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import samples
from box import Box, Reply, landing, place_of, publish_real_files, with_real_files
from fz1 import ADDRESS, GOOD, KBA, cli_code, with_cells

from pipeline import catalog, fetch, releases
from pipeline.catalog import Source
from pipeline.web import Settings

Make = Callable[..., Settings]
CATALOG = catalog.load()
NEXT = ADDRESS.replace("2021", "2022")
TODAY = dt.date(2026, 11, 25)


@pytest.fixture
def only_2021() -> Source:
    """FZ 1 with its newest edition only."""
    return KBA.model_copy(update={"editions": {"2021-01-01": KBA.editions["2021-01-01"]}})


@pytest.fixture
def chosen(box: Box, settings: Make, only_2021: Source) -> Settings:
    """An archive in which the edition of 2021 is, and a publisher who has it and no more."""
    there = settings()
    box.put(ADDRESS, GOOD)
    assert [o.state for o in fetch.fetch([only_2021], there)] == ["stored"]
    box.asked.clear()
    return there


def files(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def checked(source: Source, chosen: Settings, today: dt.date = dt.date(2022, 4, 30)) -> list[str]:
    """The lines of a check, which leaves the archive as it was."""
    before = files(chosen.archive)
    findings = releases.check([source], chosen, today)
    assert files(chosen.archive) == before, "nothing is stored"
    return [f"{f.edition} {f.state}: {f.detail}" for f in findings]


def test_nothing_new_is_the_same_with_a_conditional_request(box: Box, chosen: Settings, only_2021: Source) -> None:
    assert checked(only_2021, chosen) == ["2021-01-01 same: ", "2022-01-01 not due: expected in 2022-04"]
    assert [(a.place, a.status) for a in box.asked] == [(place_of(ADDRESS), 304), (place_of(NEXT), 404)]
    assert releases.exit_code(releases.check([only_2021], chosen, dt.date(2022, 4, 30))) == 0


@pytest.mark.parametrize(
    ("content", "state", "detail"),
    [
        (with_cells(E8="Anzahl"), "changed shape", "Insgesamt"),
        (with_cells(sheet="FZ 1.2 neu"), "changed shape", "sheet 'FZ1.2' is expected, found"),
        (GOOD[:100], "refused", "a whole xlsx file is expected, found 100 bytes that are damaged"),
        (samples.kba_fz1(cells={"E10": 1}), "changed", "other bytes"),
    ],
    ids=["a header renamed", "a sheet renamed", "a file cut short", "other numbers"],
)
def test_what_changed_is_said(
    box: Box, chosen: Settings, only_2021: Source, content: bytes, state: str, detail: str
) -> None:
    box.put(ADDRESS, content)
    line = checked(only_2021, chosen)[0]
    assert line.startswith(f"2021-01-01 {state}: ") and detail in line
    assert releases.exit_code(releases.check([only_2021], chosen, dt.date(2022, 4, 30))) == 4


def test_a_smaller_file_is_refused(box: Box, chosen: Settings, only_2021: Source) -> None:
    assert only_2021.access is not None
    strict = only_2021.model_copy(update={"access": only_2021.access.model_copy(update={"size_ratio": (0.99, 1.01)})})
    box.put(ADDRESS, samples.kba_fz1(cars=samples.CARS[:5]))
    line = checked(strict, chosen)[0]
    assert line.startswith("2021-01-01 refused: ") and "times those of the file before, found" in line
    assert releases.exit_code(releases.check([strict], chosen, dt.date(2022, 4, 30))) == 4


def test_last_years_dated_name_that_is_gone_is_said(box: Box, chosen: Settings, only_2021: Source) -> None:
    del box.files[place_of(ADDRESS)]
    assert checked(only_2021, chosen)[0].startswith("2021-01-01 gone: HTTP 404")
    assert releases.exit_code(releases.check([only_2021], chosen, TODAY)) == 4


def test_an_edition_behind_its_month_is_late_and_then_published(box: Box, chosen: Settings, only_2021: Source) -> None:
    late = checked(only_2021, chosen, dt.date(2022, 5, 1))[1]
    assert late == f"2022-01-01 late: expected in 2022-04, and {NEXT}?__blob=publicationFile answers HTTP 404"
    assert releases.exit_code(releases.check([only_2021], chosen, dt.date(2022, 5, 1))) == 4
    box.put(NEXT, GOOD)
    assert checked(only_2021, chosen, dt.date(2022, 5, 1))[1] == (
        f"2022-01-01 published: {NEXT}?__blob=publicationFile is there and no edition declares it; "
        "add it to sources/kba_fz1.yml"
    )


def test_a_page_that_calls_itself_200_is_no_edition(box: Box, chosen: Settings, only_2021: Source) -> None:
    box.put(NEXT, b"<!DOCTYPE html><title>HTTP Status 404</title>")
    assert checked(only_2021, chosen, dt.date(2022, 5, 1))[1].startswith("2022-01-01 late")


def test_a_publisher_who_does_not_answer_is_a_failure(box: Box, chosen: Settings, only_2021: Source) -> None:
    box.play(ADDRESS, *[Reply(503, body=b"")] * 6)
    box.play(NEXT, Reply(403, body=b""))
    assert [line.split(":")[0] for line in checked(only_2021, chosen)] == ["2021-01-01 failed", "2022-01-01 failed"]
    box.play(ADDRESS, *[Reply(503, body=b"")] * 6)
    assert releases.exit_code(releases.check([only_2021], chosen, dt.date(2022, 4, 30))) == 1


def test_a_newer_file_on_the_landing_page_is_said(box: Box, settings: Make) -> None:
    register = CATALOG.sources["bnetza_ladesaeulenregister"]
    register = register.model_copy(update={"editions": {"2022-01-01": register.editions["2022-01-01"]}})
    assert register.access is not None and register.access.discover is not None
    base = "https://data.bundesnetzagentur.de/a/Ladesaeulenregister_BNetzA_"
    page = register.access.discover.page

    def found(*links: str) -> list[str]:
        box.put(page, landing(*links))
        return [line for line in checked(register, settings(), dt.date(2023, 1, 5)) if "not asked" not in line]

    assert found(f"{base}2026-09-01.csv", f"{base}2026-07-28.csv") == [
        f" published: {base}2026-09-01.csv is the newest file and no edition declares it; "
        "add it to sources/bnetza_ladesaeulenregister.yml"
    ]
    assert found(f"{base}2022-01-01.csv") == []
    assert found("/nothing.csv")[0].startswith(" changed shape: ")


def test_a_landing_page_without_a_newer_file_behind_its_month_is_late(box: Box, settings: Make) -> None:
    register = CATALOG.sources["bnetza_ladesaeulenregister"]
    register = register.model_copy(update={"editions": {"2022-01-01": register.editions["2022-01-01"]}})
    assert register.access is not None and register.access.discover is not None
    link = "https://data.bundesnetzagentur.de/a/Ladesaeulenregister_BNetzA_2022-01-01.csv"
    box.put(register.access.discover.page, landing(link))
    lines = [line for line in checked(register, settings(), dt.date(2023, 2, 1)) if "not asked" not in line]
    assert lines == [f"2023-01-01 late: expected in 2023-01, and the newest file is {link}"]


def test_a_check_of_everything_leaves_an_archive_as_it_was(box: Box, settings: Make, upstream: Path) -> None:
    there = settings()
    sources = with_real_files(CATALOG.sources.values(), upstream)
    publish_real_files(box, sources, upstream)
    fetch.fetch(sources, there)
    before = files(there.archive)
    findings = releases.check(sources, there, TODAY)
    assert files(there.archive) == before
    same = {f.source_id for f in findings if f.state == "same"}
    assert same == {s.id for s in sources}


@pytest.mark.parametrize(
    ("source", "edition", "month"),
    [
        ("kba_fz1", "2027-01-01", "2027-04"),  # behind the first of January
        ("destatis_gv", "2026-12-31", "2027-09"),  # behind the last of December
        ("bbsr_inkar", "2027", "2027-09"),  # named by its year
        ("bnetza_breitbandatlas", "2026-12", "2026-12"),  # this month is not over
    ],
)
def test_the_calendar_has_the_next_release(source: str, edition: str, month: str) -> None:
    (release,) = releases.calendar([CATALOG.sources[source]], dt.date(2026, 12, 31))
    assert (release.edition, f"{release.due:%Y-%m}") == (edition, month)


def test_a_source_without_a_rhythm_is_not_in_the_calendar() -> None:
    assert releases.calendar([CATALOG.sources["rki_gisd"], CATALOG.sources["facts_funding"]], TODAY) == []


def test_the_calendar_file_is_what_rfc_5545_wants() -> None:
    text = releases.ics(releases.calendar(CATALOG.sources.values(), TODAY), TODAY)
    lines = text.split("\r\n")
    assert (
        lines[0] == "BEGIN:VCALENDAR" and lines[-2:] == ["END:VCALENDAR", ""] and "\n" not in text.replace("\r\n", "")
    )
    assert max(len(line.encode()) for line in lines) <= 75
    unfolded = text.replace("\r\n ", "").split("\r\n")
    names = [line.split(":", 1)[1] for line in unfolded if line.startswith("UID:")]
    assert len(names) == len(set(names)) >= 5
    (kba,) = re.findall(r"UID:kba_fz1-2027-01-01@stadtrang\r\n.*?END:VEVENT", text.replace("\r\n ", ""), re.S)
    assert "DTSTART;VALUE=DATE:20270401\r\nDTEND;VALUE=DATE:20270501" in kba
    assert any("Bestand an Personenkraftwagen nach Zulassungsbezirken und Kraftstoffarten" in line for line in unfolded)
    assert any(line.startswith("SUMMARY:") and "Gemeindeverzeichnis (GV-ISys)\\, Auszug" in line for line in unfolded)


def test_the_commands(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STADTRANG_HOME", str(tmp_path))
    monkeypatch.setenv("STADTRANG_MIRROR", box.address)
    box.put(ADDRESS, GOOD)
    assert cli_code("fetch", "kba_fz1", "--year", "2021") == 0
    assert cli_code("sources", "check", "kba_fz1") == 4
    shown = capsys.readouterr().out
    assert "kba_fz1, edition 2018-01-01: gone" in shown and "kba_fz1, edition 2022-01-01: late" in shown
    assert cli_code("sources", "calendar", "--ics", str(tmp_path / "a" / "releases.ics")) == 0
    assert "| kba_fz1 |" in capsys.readouterr().out
    assert (tmp_path / "a" / "releases.ics").read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")
    assert cli_code("sources", "list", "--json") == 0
    assert {s["id"] for s in json.loads(capsys.readouterr().out)} == set(CATALOG.sources)
