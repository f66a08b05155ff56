"""The pages behind a list that is kept by hand are looked at: what they say is noted, and said when it changes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from box import Box, Reply, place_of
from fz1 import cli_code
from pydantic import ValidationError

from pipeline import archive, catalog, fetch, releases
from pipeline.catalog import Source
from pipeline.pages import text_of
from pipeline.web import Settings

Make = Callable[..., Settings]
CATALOG = catalog.load()
FUNDING = CATALOG.sources["facts_funding"]
PAGE = FUNDING.watch[0]
LISTED = ["Solingen", "Ulm", "Gera"]
MISSING = b"<!doctype html><html><head><title>Nicht gefunden</title></head><body>Seite nicht gefunden</body></html>"


def page(*places: str, nonce: str = "a1") -> bytes:
    """A list of projects as a content system writes it, with what differs from request to request."""
    rows = "".join(f'<tr class="row-{nonce}"><td><a href="/p?{nonce}">{p}</a></td><td>2019</td></tr>' for p in places)
    text = f"""<!DOCTYPE html><html><head><meta charset="utf-8"><title>Modellprojekte</title>
    <script nonce="{nonce}">var token = "{nonce}";</script><style>.x-{nonce} {{}}</style></head><body>
    <nav><ul><li>Menü {nonce}</ul></nav><!-- {nonce} --><main><h1>Die   Modellprojekte</h1><table>{rows}</table></main>
    <noscript>{nonce}</noscript><footer>Stand {nonce}</footer></body></html>"""
    return text.encode()


@pytest.fixture
def watching() -> Source:
    """The funding list with one page to watch."""
    return FUNDING.model_copy(update={"watch": [PAGE]})


@pytest.fixture
def chosen(box: Box, settings: Make, watching: Source) -> Settings:
    """An archive in which it is noted what the page says."""
    there = settings()
    box.put(PAGE.address, page(*LISTED), content_type="text/html")
    assert looked_at(watching, there) == [("stored", f"{PAGE.address}: looked at for the first time", False)]
    box.asked.clear()
    return there


def looked_at(source: Source, chosen: Settings, takes_note: bool = True) -> list[tuple[str, str | None, bool]]:
    """What comes of the watched pages in a fetch: state, reason and whether it is stale."""
    outcomes = fetch.fetch([source], chosen, takes_note=takes_note)
    return [(o.state, o.reason, o.stale) for o in outcomes if o.state != "not asked"]


def checked(source: Source, chosen: Settings) -> tuple[list[tuple[str, str]], int]:
    """State and detail of the pages in a check, which stores nothing, and its exit code."""
    before = {path: path.read_bytes() for path in chosen.archive.rglob("*") if path.is_file()}
    findings = releases.check([source], chosen, chosen.clock().date())
    assert {path: path.read_bytes() for path in chosen.archive.rglob("*") if path.is_file()} == before
    return [(f.state, f.detail) for f in findings if f.state != "not asked"], releases.exit_code(findings)


def test_what_a_page_says_is_kept_and_not_its_markup(box: Box, chosen: Settings) -> None:
    (retrieval,) = archive.read_retrievals(chosen.archive, "facts_funding")
    content = archive.fetch(chosen.archive, str(retrieval.sha256)).decode()
    assert content == "Modellprojekte\nDie Modellprojekte\nSolingen\n2019\nUlm\n2019\nGera\n2019"
    assert (retrieval.address, retrieval.parts, retrieval.retrieved_at[:10]) == (PAGE.address, [], "2026-11-25")
    assert archive.verify(chosen.archive) == [] and list((chosen.archive / "partial").glob("*")) == []
    assert archive.prune(chosen.archive, chosen.home / "editions") == [], "what a page said is needed to compare"


def test_a_page_that_differs_in_scripts_and_markup_alone_is_the_same(
    box: Box, chosen: Settings, watching: Source
) -> None:
    box.put(PAGE.address, page(*LISTED, nonce="b2"), content_type="text/html")
    assert checked(watching, chosen) == ([("same", "")], 0)
    assert looked_at(watching, chosen) == [("unchanged", None, False)]
    assert [a.status for a in box.asked] == [200, 200], "the bytes came, and said nothing new"


def test_a_page_that_was_not_modified_is_asked_by_its_validators(box: Box, chosen: Settings, watching: Source) -> None:
    assert checked(watching, chosen) == ([("same", "")], 0)
    assert [a.status for a in box.asked] == [304]


def test_a_changed_row_is_said_until_a_fetch_takes_note_of_it(box: Box, chosen: Settings, watching: Source) -> None:
    box.put(PAGE.address, page("Solingen", "Ulm", "Aachen"), content_type="text/html")
    what = "says something else than on 2026-11-25: 1 lines new (the first: 'Aachen') and "
    what += "1 lines gone (the first: 'Gera'); compare the list, add what is new to the facts, "
    what += "then `stadtrang fetch facts_funding` takes note of it"
    changed = ([("changed", f"{PAGE.address} {what}")], 4)
    assert checked(watching, chosen) == changed
    assert checked(watching, chosen) == changed, "a check takes note of nothing"
    assert looked_at(watching, chosen) == [("stored", f"{PAGE.address}: {what}", False)]
    assert checked(watching, chosen) == ([("same", "")], 0)


def test_a_run_that_nobody_looks_at_takes_no_note_of_a_change(box: Box, chosen: Settings, watching: Source) -> None:
    new = page("Solingen", "Ulm", "Aachen")
    box.put(PAGE.address, new, content_type="text/html")
    for _ in range(2):
        ((state, reason, stale),) = looked_at(watching, chosen, takes_note=False)
        assert (state, stale) == ("changed shape", True)
        assert reason is not None and reason.startswith(f"{PAGE.address}: says something else than on 2026-11-25")
    (kept,) = (path for path in (chosen.archive / "quarantine" / "facts_funding").iterdir() if path.suffix != ".json")
    assert kept.read_text("utf-8") == text_of(new), "what it says is there to be compared"
    assert list((chosen.archive / "partial").iterdir()) == []
    assert checked(watching, chosen)[1] == 4
    assert looked_at(watching, chosen)[0][0] == "stored"
    assert looked_at(watching, chosen, takes_note=False) == [("unchanged", None, False)]


def test_a_row_that_moved_is_a_change_too(box: Box, chosen: Settings, watching: Source) -> None:
    box.put(PAGE.address, page("Ulm", "Solingen", "Gera"), content_type="text/html")
    ((state, detail),), code = checked(watching, chosen)
    assert (state, code) == ("changed", 4) and "the same lines in another order or number" in detail


@pytest.mark.parametrize(
    ("reply", "state", "message", "code"),
    [
        (Reply(404, body=MISSING), "gone", "HTTP 404: nothing is at this address", 4),
        (Reply(410, body=MISSING), "gone", "HTTP 410: nothing is at this address", 4),
        (Reply(503, body=MISSING), "failed", "HTTP 503: the publisher is overloaded or refuses scripts", 1),
        (Reply(403, body=MISSING), "failed", "HTTP 403: the publisher refuses scripts at times", 1),
        (Reply(body=MISSING), "refused", "a list with Solingen or Ulm or Gelsenkirchen or Paderborn is expected", 4),
        (Reply(body=b""), "refused", "html is expected, found 0 bytes", 4),
        (Reply(body=b'{"error": 1}'), "refused", "an HTML page is expected, found", 4),
    ],
    ids=["404", "410", "503", "403", "an error page with 200", "nothing with 200", "JSON with 200"],
)
def test_a_page_that_is_gone_or_fails_has_not_changed(
    box: Box, chosen: Settings, watching: Source, reply: Reply, state: str, message: str, code: int
) -> None:
    box.play(PAGE.address, *[reply] * 9)
    ((found, detail),), exit_code = checked(watching, chosen)
    assert (found, exit_code) == (state, code)
    assert detail.startswith(f"{PAGE.address}: {message}")
    box.queued.clear()
    box.play(PAGE.address, *[reply] * 9)
    assert looked_at(watching, chosen) == [(state, detail, True)]
    (record,) = (chosen.archive / "quarantine" / "facts_funding").glob("*.json")
    assert json.loads(record.read_text("utf-8"))["address"] == PAGE.address
    assert record.with_suffix("").read_bytes() == reply.body
    box.queued.clear()
    assert checked(watching, chosen) == ([("same", "")], 0), "what it said before still stands"


def test_a_page_that_was_never_looked_at_says_so(box: Box, settings: Make, watching: Source) -> None:
    box.put(PAGE.address, page(*LISTED), content_type="text/html")
    what = f"{PAGE.address} was never looked at; `stadtrang fetch facts_funding` notes what it says"
    there = settings()
    there.archive.mkdir()
    assert checked(watching, there) == ([("not fetched", what)], 0)


def test_a_page_that_sends_elsewhere_is_not_followed(box: Box, chosen: Settings, watching: Source) -> None:
    box.play(PAGE.address, *[Reply(301, {"Location": "https://www.example.org/list"}, b"")] * 3)
    ((state, detail),), code = checked(watching, chosen)
    assert (state, code) == ("changed shape", 4) and "not among the declared hosts" in detail
    assert not box.requests("https://www.example.org/list")


def test_the_same_page_without_www_is_followed(box: Box, chosen: Settings, watching: Source) -> None:
    bare = PAGE.address.replace("www.", "")
    box.put(bare, page(*LISTED), content_type="text/html")
    box.play(PAGE.address, Reply(301, {"Location": bare}, b""))
    assert checked(watching, chosen) == ([("same", "")], 0)


def test_the_commands_say_it_and_end_with_4(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STADTRANG_HOME", str(tmp_path))
    monkeypatch.setenv("STADTRANG_MIRROR", box.address)
    (watched,) = CATALOG.sources["facts_strategies"].watch
    box.put(watched.address, page(*LISTED), content_type="text/html")
    assert cli_code("sources", "check", "facts_strategies") == 0
    assert "was never looked at" in capsys.readouterr().out
    assert cli_code("fetch", "facts_strategies") == 0
    assert f"facts_strategies: stored: {watched.address}: looked at for the first time" in capsys.readouterr().out
    box.put(watched.address, page(*LISTED, "Kiel"), content_type="text/html")
    assert cli_code("sources", "check", "facts_strategies") == 4
    assert f"facts_strategies: changed: {watched.address} says something else than on" in capsys.readouterr().out
    monkeypatch.setattr("pipeline.cli._known_sources", lambda names, declared: names or ["facts_strategies"])
    assert cli_code("fetch") == 4, "who names no source takes no note"
    shown = capsys.readouterr().err
    assert f"changed shape (stale: the file fetched before stands): {watched.address}: says something else" in shown
    del box.files[place_of(watched.address)]
    assert cli_code("sources", "check", "facts_strategies") == 4
    assert f"facts_strategies: gone: {watched.address}: HTTP 404" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["facts_funding", "facts_strategies"])
def test_watched_pages_are_those_that_rows_come_from_and_name_their_places(source: str, upstream: Path) -> None:
    rows = []
    for part in CATALOG.sources[source].editions["2026"].parts:
        with (upstream.parent / part.file).open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file))
    for watched in CATALOG.sources[source].watch:
        of_page = [r for r in rows if watched.address in (r["source_url"], r.get("volume_source_url"))]
        # the programme's own list of all its projects stands behind no single row
        of_page = of_page or [r for r in rows if watched.address == FUNDING.page and "MPSC" in r["project_id"]]
        assert len(of_page) >= 2
        text = " ".join(" ".join(row.values()) for row in of_page)
        assert [name for name in watched.names if name not in text] == []


@pytest.mark.parametrize(
    "watch", [{"address": "http://example.org/list", "names": ["Ulm"]}, {"address": PAGE.address, "names": []}]
)
def test_a_page_is_encrypted_and_known_by_what_it_lists(watch: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"watch\.0"):
        Source.model_validate(FUNDING.model_dump() | {"watch": [watch]})


def test_text_is_read_in_its_own_encoding_and_open_tags_swallow_nothing_but_themselves() -> None:
    assert text_of("<p>Köln<br>Süd<b>west</b>falen".encode("latin-1"), "text/html; charset=ISO-8859-1") == (
        "Köln\nSüdwestfalen"
    )
    assert text_of('<meta charset="iso-8859-1"><p>Köln'.encode("latin-1")) == "Köln"
    assert text_of(b"<p>a &amp; b&nbsp;c", "text/html; charset=nonsense") == "a & b c"
    assert text_of(b"<div><nav><svg>x</nav>a</div><br/>b</nav>") == "a\nb"
