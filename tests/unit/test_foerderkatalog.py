"""The Förderkatalog: its session and its export, both played from the description; no real file was at hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest
from places import TWELVE

from pipeline import archive, catalog, figures, read
from pipeline.catalog import Request
from pipeline.errors import ReadError
from pipeline.sources import foerderkatalog

CATALOG = catalog.load()
SOURCE = CATALOG.sources["foerderkatalog"]
(PART,) = SOURCE.editions["2026"].parts
PLACE_COLUMNS = ["Gemeindekennziffer", "Stadt/Gemeinde", "Ort", "Bundesland", "Staat"]
HEADER = ["FKZ", "Ressort", "Referat", "Administrierende Stelle", "Arb.-Einh.", "Förderempfänger /Auftragnehmer"]
HEADER += [*PLACE_COLUMNS, "Ausführende Stelle", *PLACE_COLUMNS, "Thema des geförderten Vorhabens"]
HEADER += ["Leistungsplansystematik", "Klartext Leistungsplansystematik", "Laufzeit von", "Laufzeit bis"]
HEADER += ["Förder- / Auftragssumme (Anteil des Bundes) in EUR", "Förderprofil", "Projekt", "Förderart"]
OLD = {"Administrierende Stelle": "PT", HEADER[5]: "Zuwendungsempfänger", HEADER[22]: "Fördersumme in EUR"}
OLD |= {"Thema des geförderten Vorhabens": "Thema", "Projekt": "Verbundprojekt"}
SOEST = "05974040"


def project(fkz: str, ags: str = SOEST, eur: str = "365.000,00", topic: str = 'Netz; "Strom"', **more: str) -> str:
    """One row: the recipient is in Munich, the executing office at `ags`."""
    fields = {"begins": "01.01.2021", "ends": "31.12.2021", **more}
    place = ["Soest", "Soest", "Nordrhein-Westfalen", "Deutschland"]
    recipient = ["Muster GmbH", "09162000", "München", "München", "Bayern", "Deutschland"]
    texts = [fkz, "BMFTR", "412", "PT-J", "x", *recipient, "Institut", ags, *place, topic, "AB1234", "Klar"]
    cells = [f'="{text.replace(chr(34), chr(34) * 2)}"' for text in texts]
    return ";".join([*cells, fields["begins"], fields["ends"], eur, '="€-Profil"', '="Einzel"', '="ZE"'])


def export(rows: Sequence[str], encoding: str = "iso-8859-15", header: Sequence[str] = HEADER) -> bytes:
    return ("\r\n".join([";".join(f'="{name}"' for name in header), *rows]) + "\r\n").encode(encoding)


def reading(folder: Path, content: bytes) -> read.Reading:
    path = folder / "Suchliste.csv"
    path.write_bytes(content)
    (found,) = read.read_batches(SOURCE, "2026", PART, path)
    return found


def refused(folder: Path, content: bytes) -> str:
    with pytest.raises(ReadError) as caught:
        reading(folder, content)
    message = str(caught.value)
    assert [fact for fact in ("foerderkatalog", "2026", "expected", "found") if fact not in message] == []
    return message


@pytest.mark.parametrize("encoding", ["iso-8859-15", "cp1252"])
@pytest.mark.parametrize("header", [HEADER, [OLD.get(name, name) for name in HEADER]])
def test_the_executing_office_and_not_the_recipient_gives_the_place(
    tmp_path: Path, encoding: str, header: list[str]
) -> None:
    found = reading(tmp_path, export([project("01AB1"), project("01AB2", eur="1,50")], encoding, header))
    assert found.rows.to_dict("records") == [
        {"row_number": 2, "ags": SOEST, "year": "2021", "eur": "365001.50", "projects": 2, "rows_summed": 2}
    ]


def test_both_encodings_give_the_same_topic(tmp_path: Path) -> None:
    for encoding in ("iso-8859-15", "cp1252"):
        path = tmp_path / encoding
        path.write_bytes(export([project("01AB1", topic="Œuvre zu 5 €")], encoding))
        ((_, row),) = foerderkatalog.records(path, SOURCE.layouts["list"], read.Place("s", "e", "f", "p"))
        assert row["topic"] == "Œuvre zu 5 €"


def test_a_sum_is_spread_over_the_days_of_its_term_and_counted_once(tmp_path: Path) -> None:
    found = reading(tmp_path, export([project("01AB1", begins="02.12.2019", ends="31.12.2020", eur="396.000,00")]))
    rows = found.rows.set_index("year")
    assert rows["eur"].to_dict() == {"2019": "30000.00", "2020": "366000.00"}
    assert rows["projects"].to_dict() == {"2019": 1, "2020": 1}
    assert rows["rows_summed"].to_dict() == {"2019": 1, "2020": 0}


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (project("01AB1", topic="Nur zum Zweck der Auszahlung"), "booking"),
        (project("01AB1", topic="Sammelvorhabenbuchung 2021"), "booking"),
        (project("01AB1", ags=""), "no_municipality"),
        (project("01AB1", ags="99123456"), "unreadable"),
        (project("01AB1", ends="31.12.2020"), "unreadable"),
        (project("01AB1", begins="31.02.2021"), "unreadable"),
        (project("01AB1", eur="12.34"), "unreadable"),
        (project("01AB1", eur=""), "unreadable"),
    ],
)
def test_what_is_no_project_of_a_place_is_counted_and_not_summed(tmp_path: Path, row: str, rule: str) -> None:
    good = [project(f"01AB{number}") for number in range(200)]
    found = reading(tmp_path, export([*good, row]))
    assert found.rejected[["rule", "rows", "row_first"]].to_numpy().tolist() == [[rule, 1, 202]]
    assert found.rows_read == 201 == found.rows["rows_summed"].sum() + 1


def test_many_unreadable_rows_are_refused(tmp_path: Path) -> None:
    rows = [project(f"01AB{number}", ags="x" if number < 5 else SOEST) for number in range(100)]
    assert "found 5 of 100" in refused(tmp_path, export(rows))


def test_a_moved_column_is_refused_though_its_name_stands_twice(tmp_path: Path) -> None:
    moved = [*HEADER[:11], HEADER[12], HEADER[11], *HEADER[13:]]
    assert "column 12: Ausführende Stelle" in refused(tmp_path, export([project("01AB1")], header=moved))
    assert "26 columns" in refused(tmp_path, export([project("01AB1")], header=HEADER[:25]))
    assert "row 2: 26 fields" in refused(tmp_path, export([project("01AB1") + ";x"]))


def test_an_html_page_instead_of_the_export_is_refused(tmp_path: Path) -> None:
    assert "26 columns are expected" in refused(tmp_path, b"<html><body>Sitzung abgelaufen</body></html>\n")


# the session


@dataclass
class Portal:
    """Plays the search form: hits on a page, then what the last search found; one export holds at most `limit` rows."""

    rows: list[str]
    limit: int = 10**9
    hits: Callable[[int], str] = lambda count: f"<b>{count:,}</b>&nbsp;Treffer insgesamt".replace(",", ".")
    filters: bool = True
    found: list[str] | None = None
    asked: list[str] = field(default_factory=list)

    def save(self, request: Request, path: Path) -> None:
        assert request.address == "https://foerderportal.bund.de/foekat/jsp/SucheAction.do"
        if request.method == "post":
            assert request.parameters == {"actionMode": "searchlist"} and isinstance(request.body, dict)
            prefix = request.body.get("suche.fkzSuche[0]", "%").removesuffix("%")
            self.asked.append(prefix)
            self.found = [row for row in self.rows if row.startswith(f'="{prefix}')]
            path.write_bytes(f"<html>{self.hits(len(self.found))}</html>".encode("iso-8859-15"))
        else:
            assert request.parameters == {"actionMode": "print", "presentationType": "csv"}
            assert self.found is not None, "a search comes before its export"
            path.write_bytes(export((self.found if self.filters else self.rows)[: self.limit]))


def catalogue(count: int = 120) -> list[str]:
    return [project(f"{'01' if n % 3 else '16K'}{n % 7}{n:04}") for n in range(count)]


def fetched(portal: Portal, folder: Path) -> tuple[str, list[str]]:
    target = folder / "Suchliste.csv"
    note = foerderkatalog.fetch_file(portal.save, SOURCE, "2026", PART, target)
    assert list(folder.iterdir()) == [target]
    found = foerderkatalog.records(target, SOURCE.layouts["list"], read.Place("s", "e", "f", "p"))
    return note, sorted(row["fkz"] for _, row in found)


def keys(rows: Sequence[str]) -> list[str]:
    return sorted(re.findall(r'^="([^"]+)"', row)[0] for row in rows)


def test_a_whole_export_is_taken_as_it_is(tmp_path: Path) -> None:
    portal = Portal(catalogue(1200))
    note, found = fetched(portal, tmp_path)
    assert note == "1,200 rows as the publisher counts hits" and found == keys(portal.rows)
    assert portal.asked == [""]


@pytest.mark.parametrize("limit", [100, 50, 20])
def test_an_export_shorter_than_its_hits_is_asked_for_by_beginnings_of_the_fkz(tmp_path: Path, limit: int) -> None:
    portal = Portal(catalogue(), limit)
    note, found = fetched(portal, tmp_path)
    assert found == keys(portal.rows)
    assert f"since one holds only {limit}" in note
    assert max(map(len, portal.asked)) == (1 if limit >= 80 else 3 if limit == 50 else 4)


@pytest.mark.parametrize(
    ("portal", "told"),
    [
        (Portal([project(f"01AB12{n:02}") for n in range(20)], 5), "at every try"),
        (Portal(catalogue(), 100, hits=lambda count: "Ihre Sitzung ist abgelaufen"), "'N Treffer insgesamt'"),
        (Portal(catalogue(), hits=lambda count: "7 Treffer insgesamt"), "7 rows are expected, as many as hits"),
        (Portal([*catalogue(), project("ÄB1")], 100), "121 hits are expected, found 120"),
        (Portal(catalogue(), 100, filters=False), "an FKZ like"),
    ],
)
def test_a_portal_that_does_not_give_all_is_refused(tmp_path: Path, portal: Portal, told: str) -> None:
    with pytest.raises(ReadError) as caught:
        fetched(portal, tmp_path)
    assert told in str(caught.value) and list(tmp_path.iterdir()) == []


def test_the_typed_table_and_its_indicator_balance_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "publisher" / PART.file
    path.parent.mkdir(parents=True)
    rows = [project(f"01AB{n}", place.ags, f"{place.population},00") for n, place in enumerate(TWELVE)]
    path.write_bytes(export([*rows, project("01ZZ", ags="")]))
    archive.fetch_from(tmp_path / "archive", tmp_path / "publisher", [SOURCE])
    (account,) = figures.make(CATALOG, tmp_path / "archive", tmp_path / "figures").itertuples()
    assert (account.rows_read, account.rows_used, account.rows_rejected) == (13, 12, 1)
    with duckdb.connect() as db:
        typed = tmp_path / "figures" / "typed__foerderkatalog__funding.parquet"
        db.execute(f"create view typed__foerderkatalog__funding as from '{typed}'")
        db.execute(
            "create table core__units as select 2021 as list_year, 'municipality' as level, '05974040' as unit_key, "
            "1.0 as area_km2, 47929 as population"
        )
        found = db.execute(f"select unit_key, value from ({CATALOG.sql['indicator__federal_projects']})").fetchall()
    assert found == [(SOEST, 1.0)]


def test_what_is_only_described_enters_no_edition() -> None:
    assert "federal_projects" not in {indicator.id for indicator in CATALOG.sorted_indicators}
