"""The web service of the Regionaldatenbank: a dialogue as it is described, tables as they were recorded."""

from __future__ import annotations

import io
import json
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from interfaces import CATALOG, HTML, JSON, Publisher, failures, incomplete, indicator, read, typed
from places import TWELVE

from pipeline import archive, figures
from pipeline.catalog import Request
from pipeline.errors import PipelineError, ReadError
from pipeline.replies import Reply, bundle
from pipeline.sources import genesis

# the library is held below 2.0, where conditions as text go; each use of one warns
pytestmark = pytest.mark.filterwarnings("ignore:.*(row_condition|condition_parser) parameter:DeprecationWarning")

CHANGE = {  # % on the year before in 2023 (AI0112), as recorded
    "01001000": "2,9", "02000000": "0,2", "03159016": "0,0", "05315000": "0,0", "05774032": "0,5", "05974040": "0,1",
    "07211000": "0,5", "07231021": "-", "08426118": "1,9", "08436064": "0,2", "09162000": "0,1", "16063105": "0,2",
}  # fmt: skip
DISSOLVED = ("03152012", "16056000")  # Göttingen and Eisenach before their districts were merged
SOURCE = CATALOG.sources["genesis"]
BASE = str(SOURCE.access.address)  # type: ignore[union-attr]
TABLE = "typed__genesis__values"
HEADER = "statistics_code;statistics_label;time_code;time_label;time;1_variable_code;1_variable_label;"
HEADER += "1_variable_attribute_code;1_variable_attribute_label;value;value_unit;"
HEADER += "value_variable_code;value_variable_label"
JOB = "AI-N-01-2-5_175879554"
SECRETS = {"username": 'max"mustermann', "password": "geheim-äöü"}


def flat(values: dict[str, str] = CHANGE, year: str = "2023", kind: str = "GEMEIN", header: str = HEADER) -> bytes:
    """The zip with one flat CSV: UTF-8 with BOM, LF, decimal comma, dissolved keys with a dash."""
    names = {town.ags: town.name for town in TWELVE}
    lines = [header] + [
        f"99910;Regionalatlas Deutschland;JAHR;Jahr;{year};{kind};Gemeinden;{ags};{names.get(ags, 'aufgelöst')};"
        f"{value};Prozent;AI0112;Veränderung der Siedlungs- und Verkehrsfläche"
        for ags, value in {**values, **dict.fromkeys(DISSOLVED, "-")}.items()
    ]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        target.writestr("AI-N-01-2-5_1773175147935_de_flat.csv", "\n".join(lines).encode("utf-8-sig"))
    return packed.getvalue()


def status(code: int, content: str = "", http: int = 200) -> Reply:
    """A reply in JSON, which repeats the credentials that were sent."""
    document = {
        "Ident": {"Service": "data", "Method": "tablefile"},
        "Status": {"Code": code, "Content": content, "Type": "Information"},
        "Parameter": {**SECRETS, "name": "AI-N-01-2-5"},
    }
    return Reply(http, json.dumps(document).encode(), JSON)


def in_turn(*replies: Reply) -> Callable[[Request], Reply]:
    waiting = list(replies)
    return lambda _: waiting.pop(0)


def service(tables: list[Reply], results: list[Reply] | None = None, content: bytes | None = None) -> Publisher:
    return Publisher(
        {
            BASE + "data/tablefile": in_turn(*tables),
            BASE + "catalogue/results": in_turn(*(results or [])),
            BASE + "data/resultfile": Reply(200, flat() if content is None else content),
        }
    )


def fetch(server: Publisher, waited: list[float] | None = None) -> bytes:
    (part,) = SOURCE.editions["2023"].parts
    return genesis.fetch(server, SOURCE, "2023", part, ([] if waited is None else waited).append)


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STADTRANG_GENESIS_USER", SECRETS["username"])
    monkeypatch.setenv("STADTRANG_GENESIS_PASSWORD", SECRETS["password"])


def test_a_table_is_asked_by_post_with_both_years_and_the_account_in_headers_alone() -> None:
    server = service([Reply(200, flat())])
    assert fetch(server) == flat()
    (asked,) = server.asked
    assert asked.method == "post" and asked.headers == SECRETS
    assert isinstance(asked.body, dict)
    assert (asked.body["startyear"], asked.body["endyear"], asked.body["format"]) == ("2023", "2023", "ffcsv")
    assert not any(secret in f"{asked.address}{asked.parameters}{asked.body}" for secret in SECRETS.values())


def test_a_large_table_is_made_by_a_job_that_is_asked_for_until_it_is_ready() -> None:
    started = status(99, f"Der Bearbeitungsauftrag wurde erstellt. Die Tabelle kann unter {JOB} abgerufen werden.")
    waited: list[float] = []
    server = service([status(98, "zu groß"), started], [status(104), status(104), status(0)])
    assert fetch(server, waited) == flat()
    assert waited == [30.0, 30.0]
    bodies = [asked.body for asked in server.asked]
    assert [asked.address.removeprefix(BASE) for asked in server.asked] == [
        "data/tablefile", "data/tablefile", *["catalogue/results"] * 3, "data/resultfile"
    ]  # fmt: skip
    assert [b["job"] for b in bodies[:2] if isinstance(b, dict)] == ["false", "true"]
    assert isinstance(bodies[2], dict) and isinstance(bodies[5], dict)
    assert bodies[2]["selection"] == JOB and bodies[5]["name"] == JOB


def test_a_job_that_does_not_end_and_one_that_fails_are_told() -> None:
    started = status(99, f"Auftrag {JOB}")
    with pytest.raises(ReadError, match=f"job {JOB} is expected to end in 1800 s, found it running"):
        fetch(service([status(98), started], [status(104)] * 60))
    with pytest.raises(ReadError, match=r"found status 6 .*too many requests"):
        fetch(service([status(98), started], [status(104), status(6, "zu viele")]))
    with pytest.raises(ReadError, match="found status 99 "):
        fetch(service([status(98), status(99, "ohne Nummer")]))


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (status(90, "nicht vorhanden"), "found status 90 .*no table of this name"),
        (status(104), "found status 104 .*no data for these years"),
        (status(-1, "kein Datenquader gefunden"), "found status -1 .kein Datenquader gefunden.: the service failed"),
        (Reply(401, b'{"Code": 15, "Content": "fehlt", "Type": "ERROR"}'), "found status 15 .*credentials are missing"),
        (Reply(404, b'{"Code": 2, "Type": "ERROR"}'), "found status 2 .*user or password is wrong"),
        (Reply(405, b""), "POST is expected by the service, found HTTP 405"),
        (Reply(200, HTML), "JSON is expected, found an HTML page"),
        (Reply(200, b""), "found an empty reply"),
        (Reply(200, b'{"Ident": {}}'), "a status with a code is expected"),
        (Reply(200, flat()[:-40]), "a whole zip is expected"),
        (Reply(200, flat(year="2022")), "years 2023 are expected, found 2022: without startyear and endyear"),
        (Reply(200, bundle({"readme.txt": b"x"})), "one CSV is expected in the zip, found 0"),
    ],
)
def test_what_is_no_table_of_the_years_is_refused_with_advice(reply: Reply, message: str) -> None:
    with pytest.raises(ReadError, match=f"genesis, edition 2023, .*{message}"):
        fetch(service([reply]))


def test_no_reply_with_the_credentials_leaves_the_dialogue() -> None:
    """The service repeats them under Parameter, here with a quote and umlauts that JSON writes in two ways."""
    for ascii_only in (True, False):
        written = json.dumps({"Parameter": SECRETS, "Status": {"Code": 90}}, ensure_ascii=ascii_only).encode()
        ask = genesis.discreet(lambda _, w=written: Reply(200, w), SECRETS)  # type: ignore[misc]
        found = ask(Request(address=BASE)).content.decode()
        assert json.loads(found)["Parameter"] == {"username": "***", "password": "***"}
    with pytest.raises(ReadError) as caught:
        fetch(service([status(90, f"{SECRETS['username']} darf das nicht")]))
    assert not any(secret in str(caught.value) for secret in SECRETS.values())


def test_without_an_account_the_message_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STADTRANG_GENESIS_PASSWORD")
    server = service([])
    with pytest.raises(PipelineError, match=r"set STADTRANG_GENESIS_PASSWORD .* Prefect secret stadtrang-genesis-p"):
        fetch(server)
    assert server.asked == []


def test_a_prefect_secret_stands_in_for_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STADTRANG_GENESIS_USER")
    blocks = {"stadtrang-genesis-user": "aus-dem-block"}

    class Secret:
        @staticmethod
        def load(name: str, _sync: bool) -> Any:
            if name not in blocks:
                raise ValueError(f"Unable to find block document named {name}")
            return types.SimpleNamespace(get=lambda: blocks[name])

    configured = types.SimpleNamespace(value=lambda: "http://127.0.0.1:4200/api")
    monkeypatch.setitem(sys.modules, "prefect.blocks.system", types.SimpleNamespace(Secret=Secret))
    monkeypatch.setitem(sys.modules, "prefect.settings", types.SimpleNamespace(PREFECT_API_URL=configured))
    assert genesis.credentials(SOURCE) == {"username": "aus-dem-block", "password": SECRETS["password"]}
    blocks.clear()
    with pytest.raises(PipelineError, match="found none; set STADTRANG_GENESIS_USER"):
        genesis.credentials(SOURCE)


def units(*keys: str, year: int = 2024) -> pd.DataFrame:
    return pd.DataFrame({"list_year": year, "level": "municipality", "unit_key": list(keys)})


def test_a_dash_is_zero_for_a_place_of_the_list_and_nothing_for_a_dissolved_key(tmp_path: Path) -> None:
    rows = typed(tmp_path, "genesis", {"2023": flat({**CHANGE, "08426118": "x"})})
    assert failures(TABLE, rows) == [] and any("min_value 27000" in failure for failure in incomplete(TABLE, rows))
    there = units(*(town.ags for town in TWELVE))
    found = {row[0]: row[1:] for row in indicator("land_take", "unit_key, value, value_status, sign_raw", **{
        TABLE: rows, "core__units": there,
    })}  # fmt: skip
    assert found["05974040"] == (0.1, "reported", None)
    assert found["03159016"] == (0.0, "reported", None)
    assert found["07231021"] == (0.0, "true_zero", "-")
    assert found["03152012"] == (None, "not_applicable", "-")
    assert found["16056000"] == (None, "not_applicable", "-")
    assert found["08426118"] == (None, "not_applicable", "x")


def test_a_changed_header_and_an_unknown_level_are_named() -> None:
    with pytest.raises(ReadError, match=r"column 10 \(raw\): expected 'value', found 'wert'"):
        read("genesis", "2023", flat(header=HEADER.replace(";value;", ";wert;")))
    with pytest.raises(ReadError, match=r"row 2, column level_text: 'GEMEIN' is expected, found 'KREISE'"):
        read("genesis", "2023", flat(kind="KREISE"))


# the recorded replies


@pytest.fixture(scope="module")
def recorded(upstream: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    import duckdb

    folder = tmp_path_factory.mktemp("recorded")
    archive.fetch_from(folder / "archive", upstream, [SOURCE])
    figures.make(CATALOG, folder / "archive", folder / "figures")
    return duckdb.connect().execute(f"from '{folder}/figures/{TABLE}.parquet' order by row_number").df()


def test_the_recorded_tables_are_read_to_the_last_row(recorded: pd.DataFrame) -> None:
    counts = recorded.groupby(["variable", "value_status"]).size().to_dict()
    assert counts == {
        ("AI0111", "not_applicable"): 2578, ("AI0111", "reported"): 10988,
        ("AI0112", "not_applicable"): 2793, ("AI0112", "reported"): 10773,
        ("BEVSTD", "not_applicable"): 74, ("BEVSTD", "reported"): 400,
    }  # fmt: skip
    assert failures(TABLE, recorded) == [] and incomplete(TABLE, recorded) == []


def test_the_list_of_districts_keeps_whole_districts_alone(recorded: pd.DataFrame) -> None:
    people = recorded[(recorded["variable"] == "BEVSTD") & (recorded["value_status"] == "reported")]
    assert set(people["unit_key"].str.len()) == {5}
    assert {"02000", "11000", "03241", "05334", "10041"} <= set(people["unit_key"])
    assert dict(zip(people["unit_key"], people["value"], strict=True))["02000"] == 1862565
