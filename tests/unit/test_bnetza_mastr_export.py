"""The Marktstammdatenregister's export, on replies built from the publisher's description: no real file was at hand."""

from __future__ import annotations

import itertools
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import TWELVE

from pipeline import archive, catalog, figures, read, warehouse
from pipeline.errors import ReadError
from pipeline.sources import bnetza_mastr_export as export

CATALOG = catalog.load()
SOURCE = CATALOG.sources["bnetza_mastr_export"]
(PART,) = SOURCE.editions["2025-12-31"].parts
KINDS = ("Solar", "Wind", "Biomasse", "Wasser")
Unit = Mapping[str, str | None]


def unit(ags: str | None = "05974040", kw: str | None = "9.900", begin: str | None = "2010-12-03", **more: str) -> Unit:
    fields = {"EinheitMastrNummer": "SEE900000000001", "Gemeindeschluessel": ags, "Inbetriebnahmedatum": begin}
    return {**fields, "NameStromerzeugungseinheit": "PV M&amp;M Süd", "Bruttoleistung": kw, **more}


def element(kind: str, fields: Unit) -> str:
    inside = "".join(f"\n    <{tag}>{text}</{tag}>" for tag, text in fields.items() if text is not None)
    return f"  <Einheit{kind}>{inside}\n  </Einheit{kind}>\n"


def document(kind: str, elements: Sequence[str]) -> bytes:
    root = f"Einheiten{kind}"
    text = f'<?xml version="1.0" encoding="utf-16"?>\n<{root}>\n{"".join(elements)}</{root}>\n'
    return text.encode("utf-16")


def whole(places: Sequence[str] = tuple(place.ags for place in TWELVE)) -> dict[str, bytes]:
    """Two members of solar units, one each of the others; keys as numbers in the second."""
    return {
        "EinheitenSolar_1.xml": document("Solar", [element("Solar", unit(ags)) for ags in places]),
        "EinheitenSolar_2.xml": document("Solar", [element("Solar", unit(str(int(ags)), "0.1")) for ags in places]),
        "EinheitenWind.xml": document("Wind", [element("Wind", unit(kw="3000")), element("Wind", unit(None))]),
        "EinheitenBiomasse.xml": document("Biomasse", [element("Biomasse", unit(kw="75.5"))]),
        "EinheitenWasser.xml": document("Wasser", []),
        "Katalogwerte.xml": document("X", []),
    }


def packed(folder: Path, members: Mapping[str, bytes]) -> Path:
    path = folder / PART.file
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return path


def solar(folder: Path, elements: Sequence[str]) -> Path:
    return packed(folder, {**whole(), "EinheitenSolar_1.xml": document("Solar", elements)})


def reading(path: Path) -> read.Reading:
    (found,) = read.read_batches(SOURCE, "2025-12-31", PART, path)
    assert found.rows_read == found.rows["rows_summed"].sum() + found.rejected["rows"].sum()
    return found


def refused(path: Path) -> str:
    with pytest.raises(ReadError) as caught:
        reading(path)
    message = str(caught.value)
    assert [fact for fact in ("bnetza_mastr_export", "2025-12-31", "expected", "found") if fact not in message] == []
    return message


def power(found: read.Reading, ags: str = "05974040") -> dict[str, tuple[str, int]]:
    rows = found.rows[found.rows["ags"] == ags]
    return {row.carrier: (row.kw, row.rows_summed) for row in rows.itertuples()}


def reasons(found: read.Reading) -> dict[str, int]:
    return found.rejected.groupby("rule")["rows"].sum().to_dict()


def test_units_are_summed_exactly_per_municipality_and_carrier(tmp_path: Path) -> None:
    found = reading(packed(tmp_path, whole()))
    assert power(found) == {
        "pv_kw": ("10.000", 2),
        "wind_kw": ("3000", 1),
        "biomass_kw": ("75.5", 1),
        "water_kw": ("0", 0),
    }
    assert sorted(found.rows["ags"].unique()) == sorted(place.ags for place in TWELVE)
    assert reasons(found) == {"no_municipality": 1}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        (unit(begin="2026-01-01"), "not_in_operation"),
        (unit(begin=None), "not_in_operation"),
        (unit(DatumEndgueltigeStilllegung="2025-12-31"), "shut_down"),
        (unit(DatumEndgueltigeStilllegung="2020-05-01"), "shut_down"),
        (unit(ags=None), "no_municipality"),
        (unit(ags="17123456"), "broken"),
        (unit(kw="9,9"), "broken"),
        (unit(kw=None), "broken"),
        (unit(begin="03.12.2010"), "broken"),
        (unit(begin="2010-13-01"), "broken"),
    ],
)
def test_what_is_not_in_operation_in_a_municipality_is_counted_and_not_summed(
    tmp_path: Path, fields: Unit, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MAX_BROKEN", 1)
    found = reading(solar(tmp_path, [element("Solar", fields)]))
    assert reasons(found) == Counter(["no_municipality", rule])
    assert power(found)["pv_kw"] == ("0.1", 1)


def test_the_last_day_of_the_year_counts(tmp_path: Path) -> None:
    last = [
        element("Solar", unit(begin="2025-12-31")),
        element("Solar", unit(DatumEndgueltigeStilllegung="2026-01-01")),
    ]
    assert power(reading(solar(tmp_path, last)))["pv_kw"] == ("19.900", 3)


GOOD = element("Solar", unit())
HIDDEN = "<Bruttoleistung>9000</Bruttoleistung>"
BROKEN = {
    "an ampersand": GOOD.replace("&amp;", "&"),
    "a tag not closed": GOOD.replace("</Bruttoleistung>", ""),
    "an end that is missing": GOOD.replace("  </EinheitSolar>\n", ""),
    "an entity": GOOD.replace("&amp;", "&lol9;"),
    "a comment": GOOD.replace("<Bruttoleistung>", f"<!-- {HIDDEN} --><Bruttoleistung>"),
    "a CDATA section": GOOD.replace("PV M", f"<![CDATA[{HIDDEN}]]>PV M"),
    "a field twice": GOOD.replace("<Bruttoleistung>", f"{HIDDEN}<Bruttoleistung>"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_element_is_left_out_and_its_neighbours_are_not(
    tmp_path: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MAX_BROKEN", 0.5)
    good = element("Solar", unit())
    found = reading(solar(tmp_path, [good, broken, good, good]))
    lost = 2 if "</EinheitSolar>" not in broken else 1  # without its end it takes the next one along
    assert reasons(found) == {"broken": lost, "no_municipality": 1}
    assert power(found)["pv_kw"][1] == 4 + 1 - lost


def test_a_control_character_costs_nothing(tmp_path: Path) -> None:
    found = reading(solar(tmp_path, [element("Solar", unit(Ort="So\x0best"))]))
    assert power(found)["pv_kw"] == ("10.000", 2)


def test_too_many_broken_elements_are_refused(tmp_path: Path) -> None:
    assert "0.1%" in refused(solar(tmp_path, [BROKEN["an ampersand"]]))


def test_a_document_type_is_refused_so_that_no_entity_is_ever_expanded(tmp_path: Path) -> None:
    laughs = '<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol9 "&lol;&lol;">]><EinheitenSolar>'
    content = document("Solar", [element("Solar", unit())]).decode("utf-16").replace("<EinheitenSolar>", laughs)
    assert "document type" in refused(packed(tmp_path, {**whole(), "EinheitenSolar_1.xml": content.encode("utf-16")}))


def test_a_member_that_was_cut_is_refused(tmp_path: Path) -> None:
    content = document("Solar", [element("Solar", unit()) for _ in range(50)])
    for share in (0.3, 0.6, 0.99):
        cut = content[: int(len(content) * share) // 2 * 2]
        assert "was cut" in refused(packed(tmp_path, {**whole(), "EinheitenSolar_1.xml": cut}))


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    content = document("Solar", [element("Solar", unit())]).decode("utf-16").encode()
    assert "utf-16" in refused(packed(tmp_path, {**whole(), "EinheitenSolar_1.xml": content}))


@pytest.mark.parametrize("gone", ["EinheitenWind.xml", "EinheitenSolar_1.xml"])
def test_a_missing_member_is_refused(tmp_path: Path, gone: str) -> None:
    members = whole() | {"EinheitenSolar_3.xml": document("Solar", [])}
    del members[gone]
    assert gone.split("_")[0].removesuffix(".xml") in refused(packed(tmp_path, members))


def test_members_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    numbered = {f"EinheitenSolar_{n}.xml": document("Solar", [element("Solar", unit(kw=str(n)))]) for n in range(1, 12)}
    members = {name: content for name, content in whole().items() if "Solar" not in name} | numbered
    shuffled = dict(sorted(members.items(), key=lambda item: item[0][::-1]))
    assert reading(packed(tmp_path, members)).rows.equals(reading(packed(tmp_path, shuffled)).rows)


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(
        st.text(st.characters(codec="utf-16", exclude_categories=["Cs", "Cc"]), max_size=20), min_size=1, max_size=8
    ),
    size=st.integers(200, 900),
)
def test_it_finds_what_a_parser_finds_wherever_the_blocks_are_cut(
    names: list[str], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    escaped = [name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for name in names]
    elements = [element("Solar", unit(kw=f"{n}.5", Name=name)) for n, name in enumerate(escaped)]
    content = document("Solar", elements)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "BLOCK", size)
        found = reading(packed(tmp_path_factory.mktemp("x"), {**whole(()), "EinheitenSolar_1.xml": content}))
    expected = [float(e.findtext("Bruttoleistung") or "") for e in ElementTree.fromstring(content)]
    assert float(power(found)["pv_kw"][0]) == sum(expected)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        path = solar(tmp_path, list(itertools.repeat(element("Solar", unit()), count)))
        tracemalloc.start()
        reading(path)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    assert peak(60_000) < 1.3 * peak(30_000) < 80_000_000


def test_the_typed_table_has_the_shape_of_the_present_one_and_balances(tmp_path: Path) -> None:
    packed(tmp_path / "publisher", whole())
    archive.fetch_from(tmp_path / "archive", tmp_path / "publisher", [SOURCE])
    (account,) = figures.make(CATALOG, tmp_path / "archive", tmp_path / "figures").itertuples()
    assert (account.rows_read, account.rows_used, account.rows_rejected) == (27, 26, 1)
    with duckdb.connect() as connection:
        path = tmp_path / "figures" / "typed__bnetza_mastr_export__power.parquet"
        connection.execute(f"create view typed__bnetza_mastr_export__power as from '{path}'")
        columns = warehouse.columns(connection, "typed__bnetza_mastr_export__power")
        connection.execute(f"create view present as from '{figures.BUNDLED / 'typed__bnetza_mastr__power.parquet'}'")
        assert [c for c in columns if c != "rows_summed"] == warehouse.columns(connection, "present")
        connection.execute(
            "create table core__units as select 2025 as list_year, 'municipality' as level, '05974040' as unit_key, "
            "1.0 as area_km2, 48000 as population"
        )
        found = connection.execute(f"from ({CATALOG.sql['indicator__solar_units']})").df()
        assert found[["value", "numerator", "denominator"]].to_numpy().tolist() == [[2 / 48, 2.0, 48000.0]]
        power_model = CATALOG.sql["indicator__solar_power"].replace(
            "typed__bnetza_mastr__power", "typed__bnetza_mastr_export__power"
        )
        assert connection.execute(f"select value from ({power_model}) where unit_key = '05974040'").fetchall() == [
            (10 / 48,)
        ]


def test_what_is_only_described_enters_no_edition() -> None:
    assert not SOURCE.is_retrieved
    assert "solar_units" not in {indicator.id for indicator in CATALOG.sorted_indicators}
