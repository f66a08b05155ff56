"""Wegweiser Kommune, on a list of regions and exports built from their description; the shares are made up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from interfaces import CATALOG, HTML, JSON, Publisher, failures, fetch, incomplete, indicator, read, typed
from places import TWELVE

from pipeline.catalog import Request
from pipeline.errors import ReadError
from pipeline.replies import Reply, bundle
from pipeline.sources import wegweiser_kommune as wegweiser

# the library is held below 2.0, where conditions as text go; each use of one warns
pytestmark = pytest.mark.filterwarnings("ignore:.*(row_condition|condition_parser) parameter:DeprecationWarning")

BASE = str(CATALOG.sources["wegweiser_kommune"].access.address)  # type: ignore[union-attr]
LAYOUT = CATALOG.sources["wegweiser_kommune"].layouts["export"]
TABLE = "typed__wegweiser_kommune__values"
LARGE = [town for town in TWELVE if town.population >= 5000]
SHARES = {town.ags: (f"{40 + number},5", f"{50 + number},25") for number, town in enumerate(LARGE)}


def entry(ags: str, name: str, **more: Any) -> dict[str, Any]:
    """A region as the list has it; the title tells a town from its district."""
    slug = name.lower().replace("ö", "oe").replace("ü", "ue") + f"-{ags[:2]}"
    known = {"ars": ags, "demographicType": 3, "id": int(ags), "parentId": None, "smallRegionReplacement": False}
    return {
        "ags": ags,
        "friendlyUrl": slug,
        "name": name,
        "title": f"{name} ({ags[:2]})",
        "type": "GEMEINDE",
        **known,
        **more,
    }


TOWNS = [entry(town.ags, town.name.split(",")[0]) for town in LARGE]
ASSOCIATION = entry("07231500", "Wittlich-Land", smallRegionReplacement=True)


def export(towns: Sequence[dict[str, Any]], years: Sequence[str] = ("2022", "2023"), key: str = "name") -> bytes:
    """Two rows of metadata, a row of years and regions with a line break between, one row of values, metadata below."""
    cells = [(year, town) for town in towns for year in years]
    head = ";".join(['"Indikatoren"', *(f'"{year}\n{town[key]}"' for year, town in cells)])
    values = ";".join(
        ["Wohngebäude mit erneuerbarer Heizenergie (%)"] + [SHARES[t["ags"]][y == "2023"] for y, t in cells]
    )
    names = ", ".join(town["name"] for town in towns)
    return "\n".join(
        [
            "Fertiggestellte Wohngebäude",
            names,
            head,
            values,
            "",
            "Quelle: Statistische Ämter der Länder",
            "© Bertelsmann",
        ]
    ).encode("utf-8-sig")


def asked_for(request: Request, towns: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    slugs = request.address.split("+")[1:-2]
    return [next(town for town in towns if town["friendlyUrl"] == slug) for slug in slugs]


class Server(Publisher):
    """Regions, and for each export the towns that its address names."""

    def __init__(self, listed: bytes, towns: Sequence[dict[str, Any]], change: Any = lambda content: content) -> None:
        super().__init__({BASE + wegweiser.REGIONS: Reply(200, listed, JSON)})
        self.towns, self.change = towns, change

    def __call__(self, request: Request) -> Reply:
        if request.address.startswith(BASE + "export/"):
            self.asked.append(request)
            return Reply(200, self.change(export(asked_for(request, self.towns))))
        return super().__call__(request)


def server(**more: Any) -> Server:
    return Server(json.dumps([*TOWNS, ASSOCIATION]).encode(), TOWNS, **more)


def test_every_region_of_the_list_is_asked_for_with_all_years_in_one_address() -> None:
    publisher = server()
    content = fetch(publisher, "wegweiser_kommune", "2023")
    (asked,) = [request.address for request in publisher.asked[1:]]
    assert asked.startswith(
        f"{BASE}export/fertiggestellte-wohngebaeude-mit-erneuerbarer-energie+flensburg-01+hamburg-02+"
    )
    assert asked.endswith("+eisenach-16+2022-2023+tabelle.csv?charset=UTF-8") and "wittlich" not in asked
    assert read("wegweiser_kommune", "2023", content).rows_read == 2 * len(LARGE)


def test_the_wide_export_becomes_a_value_per_place_and_year(tmp_path: Path) -> None:
    rows = typed(tmp_path, "wegweiser_kommune", {"2023": fetch(server(), "wegweiser_kommune", "2023")})
    assert failures(TABLE, rows) == []
    assert any("min_value 6000" in failure for failure in incomplete(TABLE, rows))
    found = indicator("renewable_heating", "unit_key, year(reference_date), value, value_status", **{TABLE: rows})
    assert [row for row in found if row[0] == "05974040"] == [
        ("05974040", 2022, 45.5, "reported"), ("05974040", 2023, 55.25, "reported"),
    ]  # fmt: skip
    assert not {"07231021", "08426118", "07231500"} & {row[0] for row in found}  # small places have no value
    rows.loc[0, "value"] = 101.0
    assert any("max_value 100" in failure for failure in failures(TABLE, rows))


def test_two_places_of_one_name_are_never_in_one_export() -> None:
    twins = [entry("03451005", "Neuenkirchen"), entry("05566068", "Neuenkirchen"), entry("05974040", "Soest")]
    groups = wegweiser.batches(twins)
    assert [[town["ags"] for town in group] for group in groups] == [["03451005", "05974040"], ["05566068"]]
    many = [entry(f"05{number:06d}", f"Ort {number}") for number in range(120)]
    assert [len(group) for group in wegweiser.batches(many)] == [50, 50, 20]


def test_an_export_that_names_its_regions_by_title_is_understood() -> None:
    content = bundle({"regions.json": json.dumps(TOWNS).encode(), "0001.csv": export(TOWNS, key="title")})
    assert read("wegweiser_kommune", "2023", content).rows_read == 20


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (b"[]", "a list of regions is expected"),
        (b'{"error": "x"}', "a list of regions is expected"),
        (HTML, "the list of regions is expected, found an HTML page"),
        (json.dumps(TOWNS).encode()[:-9], "a whole JSON document is expected"),
        (json.dumps([{**TOWNS[0], "ags": "1001000"}]).encode(), "region 1: 8 digits and a name .* found '1001000'"),
        (json.dumps([{**TOWNS[0], "friendlyUrl": "a/../b"}]).encode(), r"region 1: .* found '01001000', 'a/../b'"),
        (json.dumps([TOWNS[0], TOWNS[0]]).encode(), "region 2: each key is expected once, found 01001000 again"),
        (json.dumps([{"ags": "01001000"}]).encode(), "region 1: texts ags, friendlyUrl, name, title are expected"),
    ],
)
def test_a_list_of_regions_that_cannot_be_trusted_is_refused_before_any_export(listed: bytes, message: str) -> None:
    publisher = Server(listed, TOWNS)
    with pytest.raises(ReadError, match=f"wegweiser_kommune, edition 2023, .*{message}"):
        fetch(publisher, "wegweiser_kommune", "2023")
    assert len(publisher.asked) == 1


def test_a_list_that_is_as_long_as_it_may_be_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wegweiser, "MAX_REGIONS", 11)
    with pytest.raises(ReadError, match="less than 11 regions are expected, found 11: the list was cut"):
        wegweiser.regions([*TOWNS, ASSOCIATION], wegweiser.Place("s", "e", "f", "p"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: HTML, "export 1 is expected, found an HTML page"),
        (lambda _: b"", "export 1 is expected, found an empty reply"),
        (lambda content: content[:200], "export 1: .* was the reply cut|CSV with ';'"),
        (lambda _: export(TOWNS[:-1]), "export 1: 20 values are expected, found 2 fewer .first 16063105 2022."),
        (lambda _: export(TOWNS, years=("2022",)), "20 values are expected, found 10 fewer .first 01001000 2023."),
        (lambda _: export(TOWNS, years=("2021", "2022")), r"once, is expected, found '2021\\nFlensburg'"),
        (lambda content: content.replace(b"Soest", b"Unna"), r"once, is expected, found '2022\\nUnna'"),
        (lambda content: content.replace(b'"Indikatoren"', b'"Indicators"'), "a row that begins with Indikatoren"),
        (lambda content: content.replace("ö".encode(), b"\xf6"), "utf-8-sig is expected, found byte"),
    ],
)
def test_an_export_that_is_not_what_was_asked_for_is_refused(change: Any, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        fetch(server(change=change), "wegweiser_kommune", "2023")


def test_a_text_that_is_no_number_stops_the_reading_since_no_sign_is_described(tmp_path: Path) -> None:
    content = fetch(server(change=lambda content: content.replace(b"45,5", b"k.A.")), "wegweiser_kommune", "2023")
    with pytest.raises(ReadError, match=r"column value \(renewable_heating\): 'k.A.' is neither a number nor"):
        typed(tmp_path, "wegweiser_kommune", {"2023": content})
