"""Small files in the publishers' own layouts, for the twelve municipalities of places.py.

Numbers of the Gemeindeverzeichnis, the Breitbandatlas and the KBA are real; charging devices and outlines are made up
for tests. Keyword arguments damage a file the way real ones get damaged.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import sqlite3
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import duckdb
import openpyxl
import shapefile
from openpyxl.worksheet.worksheet import Worksheet
from places import LAENDER, TWELVE, Municipality

from pipeline.archive import part_name
from pipeline.catalog import Catalog, Source

Cells = Mapping[str, object]

GV_DISTRICTS = {  # name and kind of each district, as the Gemeindeverzeichnis has them
    "01001": ("Flensburg, Stadt", "41"),
    "02000": ("Hamburg, Freie und Hansestadt", "41"),
    "03159": ("Göttingen", "44"),
    "05315": ("Köln, Stadt", "41"),
    "05774": ("Paderborn", "43"),
    "05974": ("Soest", "43"),
    "07211": ("Trier, kreisfreie Stadt", "41"),
    "07231": ("Bernkastel-Wittlich", "44"),
    "08426": ("Biberach", "44"),
    "08436": ("Ravensburg", "44"),
    "09162": ("München, Landeshauptstadt", "41"),
    "16063": ("Wartburgkreis", "44"),
}
GV_ASSOCIATIONS = {
    "072315008": ("Wittlich-Land", "53"),
    "084265001": ("GVV Bad Buchau", "56"),
    "084365005": ("GVV Mittleres Schussental", "56"),
}
GV_FOOTER = (
    "Quelle: Gemeindeverzeichnis-Informationssytem GV-ISys",
    "1) Abweichungen bei den Flächenangaben sind durch Runden der Zahlen möglich.",
    "© Daten (im Auftrag der Herausgebergemeinschaft Statistische Ämter des Bundes und der Länder)",
)
BROADBAND = {  # AGS of the territory of 2015: households in per cent with 1, 50, 100 and 1000 Mbit/s, and fibre 1000
    "01001000": ("100.00", "99.23", "98.77", "96.84", "13.45"),
    "02000000": ("100.00", "98.92", "98.15", "96.51", "81.60"),
    "03152012": ("100.00", "98.09", "95.61", "89.86", "0.34"),
    "05315000": ("100.00", "99.83", "99.19", "93.38", "72.00"),
    "05774032": ("100.00", "99.06", "97.50", "72.17", "0.52"),
    "05974040": ("100.00", "99.46", "98.33", "69.48", "4.12"),
    "07211000": ("100.00", "98.26", "96.33", "83.22", "0.72"),
    "07231021": ("100.00", "99.99", "99.99", "99.99", "99.99"),
    "08426118": ("100.00", "88.02", "1.30", "1.30", "1.30"),
    "08436064": ("100.00", "95.93", "94.02", "83.80", "1.95"),
    "09162000": ("100.00", "99.43", "98.96", "95.02", "53.32"),
    "16056000": ("100.00", "99.59", "96.15", "52.73", "40.10"),
}
CARS = (  # registration district on 1 January 2021: cars, plug-in hybrids, battery electric
    ("08426  BIBERACH", 133547, 430, 907),
    ("08436  RAVENSBURG", 183418, 916, 1402),
    ("09162  MUENCHEN,STADT", 732045, 10658, 8271),
    ("02000  HAMBURG", 805780, 7332, 7035),
    ("03159  GÖTTINGEN", 185198, 819, 973),
    ("05315  KOELN,STADT", 492402, 5431, 3204),
    ("05774  PADERBORN", 185254, 1068, 1619),
    ("05974  SOEST", 192866, 1082, 1435),
    ("07211  TRIER-SAARBURG", 154688, 766, 918),
    ("07231  BERNKASTEL-WITTLICH", 75722, 298, 365),
    ("01001  FLENSBURG,STADT", 45029, 266, 321),
    ("16056  EISENACH, STADT", 21213, 120, 103),
    ("16063  WARTBURGKREIS", 74256, 182, 230),
)

UNEMPLOYED = {  # yearly means of 2016 to 2021
    "01001000": (4495, 4512, 4304, 4174, 4722, 4369),
    "02000000": (70666, 69248, 65589, 64774, 80677, 80395),
    "03159016": (4582, 4546, 4507, 4263, 4890, 4759),
    "05315000": (49596, 48227, 45968, 46397, 55194, 56528),
    "05774032": (5764, 5676, 5305, 5248, 6174, 5645),
    "05974040": (1900, 1814, 1746, 1645, 1874, 1794),
    "07211000": (3248, 2980, 2655, 2949, 3962, 3708),
    "07231021": (0, 0, 0, 1, 0, 0),
    "08426118": (3, 3, 3, 4, 4, 2),
    "08436064": (959, 962, 885, 889, 1171, 1116),
    "09162000": (37969, 35718, 32465, 30557, 42525, 42452),
    "16063105": (1692, 1556, 1454, 1406, 1677, 1631),
}
DWELLINGS = {  # district with its name as indented by the publisher: completed in 2019, in 2018
    ("01001", "      Flensburg, Kreisfreie Stadt"): (478, 829),
    ("02", "  Hamburg"): (9079, 9700),
    ("03159", "      Göttingen, Landkreis"): (479, 428),
    ("05315", "      Köln, Kreisfreie Stadt"): (2030, 3402),
    ("05774", "      Paderborn, Kreis"): (958, 1265),
    ("05974", "      Soest, Kreis"): (810, 874),
    ("07211", "      Trier, Kreisfreie Stadt"): (478, 627),
    ("07231", "      Bernkastel-Wittlich, Landkreis"): (267, 448),
    ("08426", "      Biberach, Landkreis"): (1188, 885),
    ("08436", "      Ravensburg, Landkreis"): (930, 851),
    ("09162", "      München, Landeshauptstadt"): (6663, 8502),
    ("16056", "      Eisenach, krsfr. Stadt"): (75, 31),
    ("16063", "      Wartburgkreis"): (312, 215),
}


def gv_isys(
    *,
    date: str = "31.12.2021 (Jahr)",
    cells: Cells | None = None,
    insert_column: int | None = None,
    keys_as_numbers: bool = False,
    places: Sequence[Municipality] = TWELVE,
) -> bytes:
    """Gemeindeverzeichnis as XLSX: a cover, headers in rows 3 to 5 with the dates, data from row 7, notes below.

    `cells` overwrites cells at the end; `keys_as_numbers` is what a spreadsheet makes of a key.
    """
    book = openpyxl.Workbook()
    cover = _sheet(book, "Inhalt")
    for row, text in ((1, "Statistisches Bundesamt"), (6, "Gemeindeverzeichnis"), (34, f"Gebietsstand: {date}")):
        cover.cell(row, 1, text)
    sheet = book.create_sheet("Onlineprodukt_Gemeinden")
    _put(sheet, 1, [f"Gemeinden in Deutschland nach Fläche, Bevölkerung und Postleitzahl am {date}"])
    upper = "Satz-art|Text-kenn-zeichen|Amtlicher Regionalschlüssel (ARS)|||||Gemeindename|Fläche km2 1)|Bevölkerung2)"
    upper += "||||Postleit-zahl3)|Geografische Mittelpunktkoordinaten||Reisegebiete||Grad der Verstädterung|"
    _put(sheet, 3, upper.split("|"))
    lower = ["Land", "RB", "Kreis", "VB", "Gem", "", "", "insgesamt", "männlich", "weiblich", "je km2", ""]
    _put(sheet, 4, ["", "", *lower, "Längengrad", "Breitengrad"])
    dates = f"||Gebietsstand am {date}||||||{date}|am {date}|||||Zuordnungsstand am 31.12.2020||Schlüssel|Bezeichnung"
    _put(sheet, 5, [*dates.split("|"), "Schlüssel", "Bezeichnung"])
    for row, values in enumerate(_gv_rows(places), 7):
        keys = [int(str(v)) if keys_as_numbers and v else v for v in values[2:7]]
        _put(sheet, row, [*values[:2], *keys, *values[7:]])
    for row, text in enumerate(GV_FOOTER, sheet.max_row + 2):
        sheet.cell(row, 1, text)
    if insert_column:
        sheet.insert_cols(insert_column)
        sheet.cell(3, insert_column, "Neu")
    return _saved(book, sheet, cells)


def _gv_rows(places: Sequence[Municipality]) -> Iterable[list[object]]:
    """Land, district and association stand once above their first municipality."""
    seen: set[tuple[str, ...]] = set()
    for place in sorted(places, key=lambda p: p.ags):
        land, rb, kreis, vb = place.land, place.rb, place.kreis, place.vb
        district, kind = GV_DISTRICTS[land + rb + kreis]
        association, rank = GV_ASSOCIATIONS.get(land + rb + kreis + vb, (place.name, "50"))
        for head in (
            ["10", None, land, None, None, None, None, LAENDER[land]],
            ["40", kind, land, rb, kreis, None, None, district],
            ["50", rank, land, rb, kreis, vb, None, association],
        ):
            key = tuple(str(value) for value in head[:7])
            if key not in seen:
                seen.add(key)
                yield [*head, *[None] * 12]
        numbers = [place.area_km2, place.population, place.male, place.female]
        density = round(place.population / place.area_km2)
        where = [place.plz, place.longitude, place.latitude, None, None, None, None]
        yield ["60", place.text_kind, land, rb, kreis, vb, place.gem, place.name, *numbers, density, *where]


def gv100ad(*, date: str = "20180930", places: Sequence[Municipality] = TWELVE) -> bytes:
    """Gemeindeverzeichnis in records of 220 characters, ISO-8859-1."""
    lines = []
    for row in _gv_rows(places):
        kind, text_kind, land, rb, kreis, vb, gem, name = (str(v or "") for v in row[:8])
        key = f"{land:2}{rb:1}{kreis:2}{gem:3}{vb:4}"
        line = f"{kind}{date}{key}{name:50}{'':50}{text_kind:2}{'':4}"
        if kind == "60":
            area, population, male = row[8], row[9], row[10]
            line += f"{round(float(str(area)) * 100):011d}{population:011d}{male:011d}{'':4}{row[13]:5}"
        lines.append(f"{line:220}")
    return ("\r\n".join(lines) + "\r\n").encode("iso-8859-1")


def breitbandatlas(
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
    header: Mapping[int, str] | None = None,
    extra: Mapping[int, str] | None = None,
    replace: Mapping[str, str] | None = None,
    lose_zeros: bool = False,
) -> bytes:
    """Breitbandatlas of mid 2021: 54 columns. `header` renames columns (from 1), `extra` adds a field to rows."""
    speeds = {
        "alle Technologien": (1, 2, 6, 8, 10, 16, 30, 50, 100, 200, 400, 1000),
        "leitungsg. Technologien": (1, 2, 6, 8, 10, 16, 30, 50, 100, 200, 400, 1000),
        "mobile Technologien": (1, 2, 6),
        "DSL": (1, 2, 6, 8, 10, 16, 30, 50, 100, 200),
        "CATV": (1, 2, 6, 8, 10, 16, 30, 50, 100, 200, 400, 1000),
        "FTTH/B": (100, 200, 400, 1000),
    }
    titles = ["AGS", *(f"{kind} ≥ {speed} Mbit/s" for kind, steps in speeds.items() for speed in steps)]
    for number, title in (header or {}).items():
        titles[number - 1] = title
    lines = [[f'"{title}"' for title in titles]]
    for ags, values in BROADBAND.items():
        row = ["0"] * 54
        row[0] = str(int(ags)) if lose_zeros else f'"{ags}"'
        for column, value in zip((1, 8, 9, 12, 53), values, strict=True):
            row[column] = value
        lines.append(row)
    for number, field in (extra or {}).items():
        lines[number - 1] = [*lines[number - 1], field]
    text = "\n".join(delimiter.join(line) for line in lines) + "\n"
    for old, new in (replace or {}).items():
        text = text.replace(old, new)
    return text.encode(encoding)


def kba_fz1(
    *,
    date: str = "1. Januar 2021",
    cells: Cells | None = None,
    cars: Sequence[tuple[str, object, object, object]] = CARS,
) -> bytes:
    """FZ 1.2 of 2021: sheet FZ1.2 after a cover, headers in rows 8 and 9, data from row 10, totals and a footer."""
    book = openpyxl.Workbook()
    _put(_sheet(book, "Deckblatt"), 1, ["Kraftfahrt-Bundesamt"])
    sheet = book.create_sheet("FZ1.2")
    _put(sheet, 6, [None, f"FZ1.2 Personenkraftwagen am {date} nach Zulassungsbezirken, Kraftstoffarten"])
    _put(
        sheet, 8, [None, "Land\n\n", "Regierungsbezirk", "Statistische Kennziffer und Zulassungsbezirk\n", "Insgesamt"]
    )
    fuels = ["Benzin", "Diesel", "Gas\n(einschl.\nbivalent)", "Hybrid \ninsgesamt", "darunter\nPlug-in-Hybrid"]
    _put(sheet, 9, [None] * 5 + [*fuels, "Elektro (BEV)", "sonstige", *(f"Euro {n}" for n in range(1, 7))])
    sheet.cell(9, 32, "schadstoffred.\nmit Diesel-\nantrieb insgesamt")
    for row, (district, total, plugin, electric) in enumerate(cars, 10):
        _put(sheet, row, [None, None, None, district, total, None, None, None, None, plugin, electric])
    below = sheet.max_row
    others = (40706, 438, 338)
    total, plugin, electric = (
        sum(number for row in cars if isinstance(number := row[at], int)) + others[at - 1] for at in (1, 2, 3)
    )
    _put(sheet, below + 1, [None, "SONSTIGE", None, None, others[0], *[None] * 4, *others[1:]])
    _put(sheet, below + 2, [None, "DEUTSCHLAND INSGESAMT", None, None, total, *[None] * 4, plugin, electric])
    sheet.cell(below + 4, 2, "© Kraftfahrt-Bundesamt, Flensburg")
    return _saved(book, sheet, cells)


CARS_OF_PLACES = (  # FZ 3 of 1 January 2021: AGS, district, postcode and name as written there, cars
    ("01001000", "FLENSBURG,STADT (01001)", "24937  FLENSBURG", 45029),
    ("02000000", "HAMBURG (02000)", "20095  HAMBURG-STADT", 805780),
    ("03159016", "Göttingen (03159)", "37073  Göttingen, Stadt", 52799),
    ("05315000", "KOELN,STADT (05315)", "50667  KOELN", 492402),
    ("05774032", "PADERBORN (05774)", "33098  PADERBORN,ST.", 83449),
    ("05974040", "SOEST (05974)", "59494  SOEST,ST.", 29253),
    ("07211000", "TRIER-SAARBURG (07211)", "54290  TRIER,ST.", 53689),
    ("07231021", "BERNKASTEL-WITTLICH (07231)", "54533  DIERFELD", "."),
    ("08426118", "BIBERACH (08426)", "88422  TIEFENBACH", 378),
    ("08436064", "RAVENSBURG (08436)", "88212  RAVENSBURG,ST.", 30658),
    ("09162000", "MUENCHEN,STADT (09162)", "80331  MUENCHEN", 732045),
    ("16056000", "EISENACH, STADT (16056)", "99817  EISENACH, STADT", 21213),
)


def kba_fz3(*, year: int = 2021, header: Mapping[str, str] | None = None) -> bytes:
    """FZ 3.1 of 2021, or of 2026 as it is described: AGS before the name, another order, one column less.

    `header` renames the texts of the lower header row.
    """
    book = openpyxl.Workbook()
    _put(_sheet(book, "Deckblatt"), 1, ["Kraftfahrt-Bundesamt"])
    sheet = book.create_sheet("FZ 3.1" if year == 2021 else "FZ3.1")
    top = 8 if year == 2021 else 10
    _put(
        sheet, 6, [None, f"FZ 3.1 Bestand an Kraftfahrzeugen am 1. Januar {year} nach Zulassungsbezirken und Gemeinden"]
    )
    upper = "|Land|Zulassungsbezirk|PLZ, Gemeinde|Krafträder|Personen-\nkraftwagen||Lastkraft-\nwagen|Zugmaschinen"
    if year == 2021:
        lower, place = upper.split("|")[1:4], "PLZ, Gemeinde"
    else:
        lower, place = ["Land", "Zulassungsbezirk", "Gemeinde"], "Gemeinde"
    _put(sheet, top, [None, None, None, None, *upper.split("|")[4:]])
    texts = [*lower[:2], place, None, "insgesamt", "darunter \ngewerbliche\nHalter", None, "insgesamt"]
    _put(sheet, top + 1, [None, *[(header or {}).get(str(text), text) for text in texts]])
    row = top + 2
    for ags, district, name, cars in CARS_OF_PLACES:
        digits = re.search(r"\((\d{5})\)", district)
        assert digits is not None
        if year != 2021:
            district, name = f"{digits[1]} {district.split(' (')[0]}", f"{ags} {name[7:]}"
        _put(sheet, row, [None, LAENDER[ags[:2]].upper(), district, name, 100, cars, 10, 20, 30])
        _put(sheet, row + 1, [None, None, None, "ZUSAMMEN", 100, cars, 10, 20, 30])
        row += 2
    _put(sheet, row, [None, None, None, "GEMEINDE UNBEKANNT", 1, 7, 1, 1, 1])
    _put(sheet, row + 1, [None, "DEUTSCHLAND INSGESAMT", None, None, 4661561, 48248584, 5147620, 3410280, 2301166])
    sheet.cell(row + 3, 2, "© Kraftfahrt-Bundesamt, Flensburg")
    return _saved(book, sheet, None)


def ladesaeulenregister(*, date: str = "01.01.2022", cells: Cells | None = None, devices: int = 12) -> bytes:
    """Charging register of 2022: text above, headers in rows 10 and 11, a made-up device in each place."""
    book = openpyxl.Workbook()
    sheet = _sheet(book, "Ladesäulenregister BNetzA")
    _put(sheet, 1, ["Ladesäulenregister Bundesnetzagentur"])
    _put(sheet, 8, [f"Stand: {date}"])
    _put(sheet, 10, ["Allgemeine Informationen", *[None] * 13, "1. Ladepunkt"])
    names = "Betreiber|Straße|Hausnummer|Adresszusatz|Postleitzahl|Ort|Bundesland|Kreis/kreisfreie Stadt|Breitengrad|"
    names += "Längengrad|Inbetriebnahmedatum|Anschlussleistung|Art der Ladeeinrichung|Anzahl Ladepunkte"
    plugs = [text for n in range(1, 5) for text in (f"Steckertypen{n}", f"P{n} [kW]", f"Public Key{n}")]
    _put(sheet, 11, [*names.split("|"), *plugs])
    for row, place in enumerate(TWELVE[:devices], 12):
        district, kind = GV_DISTRICTS[place.ags[:5]]
        where = [place.plz, place.name.split(",")[0], LAENDER[place.land]]
        where += [("Kreisfreie Stadt " if kind == "41" else "Landkreis ") + district.split(",")[0]]
        degrees = [float(place.latitude.replace(",", ".")), float(place.longitude.replace(",", "."))]
        device = [dt.date(2021, 11, 11), 22, "Normalladeeinrichtung", 2, "AC Steckdose Typ 2", 22]
        _put(sheet, row, ["Beispielwerke", "Marktplatz", 1, None, *where, *degrees, *device])
    return _saved(book, sheet, cells)


def ladesaeulen_csv(*, date: str = "01.09.2026", encoding: str = "utf-8-sig", preamble: int = 10) -> bytes:
    """Charging register as it is described for 2025 and later: lines of text, 47 columns, a ";" inside quotes."""
    names = "Ladeeinrichtungs-ID;Betreiber;Anzeigename (Karte);Status;Art der Ladeeinrichtung;Anzahl Ladepunkte;"
    names += "Nennleistung Ladeeinrichtung [kW];Inbetriebnahmedatum;Straße;Hausnummer;Adresszusatz;Postleitzahl;Ort;"
    names += "Kreis/kreisfreie Stadt;Bundesland;Breitengrad;Längengrad;Standortbezeichnung;Informationen zum Parkraum;"
    names += "Bezahlsysteme;Öffnungszeiten;Öffnungszeiten: Wochentage;Öffnungszeiten: Tageszeiten;"
    plugs = ("Steckertypen", "Nennleistung Stecker", "EVSE-ID", "Public Key")
    names += ";".join(f"{plug}{n}" for n in range(1, 7) for plug in plugs)
    lines = ["Ladesäulenregister der Bundesnetzagentur", *["Hinweis; mit Strichpunkt"] * 6]
    lines += [f"Letzte Aktualisierung vom: {date}", "", "Allgemeine Informationen;;;1. Ladepunkt"]
    lines = [*lines[:preamble], names]
    for number, place in enumerate(TWELVE, 1):
        district, kind = GV_DISTRICTS[place.ags[:5]]
        status = "In Betrieb" if number > 1 else "In Wartung"
        row = [str(number), "Beispielwerke", "", status, "Normalladeeinrichtung", "2", '"11; 3,7"']
        row += [f"11.07.{date[-4:]}"]
        row += ["Marktplatz", "1", "", place.plz, place.name.split(",")[0]]
        row += [("Kreisfreie Stadt " if kind == "41" else "Landkreis ") + district.split(",")[0], LAENDER[place.land]]
        row += [place.latitude, place.longitude, "", "", "", "", "", "", '"AC Typ 2; Schuko"', '"11; 3,7"']
        lines.append(";".join([*row, *[""] * (47 - len(row))]))
    return ("\r\n".join(lines) + "\r\n").encode(encoding)


def breitbandatlas_xlsx(*, date: str = "12.2025") -> bytes:
    """Sheet Privathaushalte as it is described for the end of 2025, of all levels, with made-up shares."""
    book = openpyxl.Workbook()
    sheet = _sheet(book, "Privathaushalte")
    speeds = (16, 30, 50, 100, 200, 400, 1000)
    blocks = ("alle Technologien", "HFC", "FTTB/H", "FTTC")
    sheet.cell(1, 7, "Angaben zur Verfügbarkeit in Prozent der Privathaushalte")
    sheet.cell(3, 3, f"Festnetz: {date}")
    _put(sheet, 4, ["AGS", "Name", "Verwaltungsebene", *[f"≥ {speed} Mbit/s" for _ in blocks for speed in speeds]])
    for number, block in enumerate(blocks):
        sheet.cell(3, 4 + len(speeds) * number, block)
    _put(sheet, 5, ["0", "Deutschland", "1 - Bund", *[90.5] * 28])
    _put(sheet, 6, ["05974", "Landkreis Soest", "3 - Kreis", *[90.5] * 28])
    for row, place in enumerate(TWELVE, 7):
        values = [99.5, 99.0, 98.5, 98.0, 97.0, 96.0, 95.5, *["–"] * 7, 12.5, 12.5, 12.5, 12.5, 12.5, 12.5, 12.25]
        _put(sheet, row, [place.ags, f"Gemeinde {place.name}", "4 - Gemeinde", *values, *["-"] * 7])
    return _saved(book, sheet, None)


def repacked(workbook: bytes, member: str, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one member of its zip changed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name == member else content)
    return packed.getvalue()


def vg5000(squares: Mapping[str, tuple[float, float, float]]) -> tuple[bytes, bytes]:
    """Outlines as .dbf and .shp: AGS to west edge, south edge and side of a square, in metres of EPSG:31467."""
    dbf, shp = io.BytesIO(), io.BytesIO()
    with shapefile.Writer(shp=shp, dbf=dbf, shx=io.BytesIO(), shapeType=shapefile.POLYGON, encoding="utf-8") as writer:
        writer.field("AGS", "C", 12)
        writer.field("GEN", "C", 50)
        for ags, (west, south, side) in squares.items():
            ring = [(0, 0), (0, side), (side, side), (side, 0), (0, 0)]
            writer.poly([[(west + x, south + y) for x, y in ring]])
            writer.record(ags, next((p.name for p in TWELVE if p.ags == ags), "Anderswo"))
    return dbf.getvalue(), shp.getvalue()


def vg250_zip(
    outlines: Mapping[str, bytes],
    *,
    date: str = "01.01.2025",
    layer: str = "vg250_gem",
    crs: int = 25832,
    water: Sequence[str] = (),
    envelope: bool = True,
) -> bytes:
    """The publisher's zip with a GeoPackage as it is described: AGS to WKB of its land, and some with water.

    `envelope`: whether each geometry's header holds its bounds, as most writers do.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "DE_VG250.gpkg"
        with sqlite3.connect(path) as package:
            package.executescript(
                f"""
                create table gpkg_spatial_ref_sys (srs_id, organization, organization_coordsys_id);
                create table gpkg_geometry_columns (table_name, column_name, srs_id);
                create table {layer} (fid integer primary key, geom, gf, ars, ags, gen, bez);
                insert into gpkg_spatial_ref_sys values (1, 'EPSG', {crs});
                insert into gpkg_geometry_columns values ('{layer}', 'geom', 1), ('vg250_krs', 'geom', 1);
                """
            )
            header = b"GP" + bytes([0, 0b11 if envelope else 0b1]) + struct.pack("<i", crs)
            header += struct.pack("<4d", 0, 1, 0, 1) if envelope else b""
            land = [(4, ags) for ags in outlines] + [(2, ags) for ags in water]
            for gf, ags in land:
                name = next((p.name.split(",")[0] for p in TWELVE if p.ags == ags), "Anderswo")
                row = (header + outlines[ags], gf, f"{ags[:5]}0000{ags[5:]}", ags, name, "Stadt")
                package.execute(f"insert into {layer} (geom, gf, ars, ags, gen, bez) values (?, ?, ?, ?, ?, ?)", row)
        package.close()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            top = "vg250_01-01.utm32s.gpkg.ebenen"
            archive.writestr(f"{top}/aktualitaet.txt", f"{date}\r\n")
            archive.write(path, f"{top}/vg250_ebenen_0101/DE_VG250.gpkg")
        return packed.getvalue()


def inkar(*, rename: Mapping[str, str] | None = None, rows: int = 12, as_text: str | None = None) -> bytes:
    """A wide INKAR table as Parquet: region_id, year and four indicators."""
    header = ("region_id", "zeitbezug", "x238", "x240", "x249", "x252")
    names = {name: (rename or {}).get(name, name) for name in header}
    values = "range * 100.0, range * 1.5, nullif(range, 3)::double, null::double"
    columns = f"range::varchar, (2016 + range % 5)::varchar, {values}"
    quoted = ", ".join(f'"{name}"' for name in names.values())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "umwelt.parquet"
        select = f"select * {f'replace ({as_text}::varchar as {as_text})' if as_text else ''}"
        duckdb.execute(
            f"copy ({select} from (select {columns} from range({rows})) as t({quoted})) to '{path}' (format parquet)"
        )
        return path.read_bytes()


def inkar_export(*, years: Sequence[int] = range(1998, 2022), cells: Cells | None = None) -> bytes:
    """An export of INKAR: the indicator's name above every year; years before 2016 are left empty here."""
    book = openpyxl.Workbook()
    sheet = _sheet(book, "Daten")
    _put(sheet, 1, ["Kennziffer", "Raumeinheit", "Aggregat", *["Arbeitslose"] * len(years)])
    _put(sheet, 2, [None, None, None, *map(str, years)])
    for row, place in enumerate(TWELVE, 3):
        known = dict(zip(range(2016, 2022), UNEMPLOYED[place.ags], strict=True))
        _put(sheet, row, [place.ags, place.name, "Gemeinden", *(known.get(year) for year in years)])
    return _saved(book, sheet, cells)


def dwellings(*, years: Sequence[str] = ("2019", "2018"), cells: Cells | None = None) -> bytes:
    """Table 31121-01-02-4: a row with the year above each block, notes below a line; half of the dwellings in flats."""
    book = openpyxl.Workbook()
    sheet = _sheet(book, "31121-01-02-4")
    _put(sheet, 1, [None, None, "Gebäude-(nach Anzahl der Wohnungen)", None, None, None, "Wohnungen-in Wohngebäuden"])
    counted = [f"Wohnungen-in Wohngebäuden-{which}" for which in ("Insgesamt", "1 Wohnung", "2 Wohnungen")]
    flats = "Wohnungen-in Wohngebäuden-mit 3 und mehr Wohnungen"
    _put(sheet, 2, ["id", "name", *[None] * 4, *counted, flats, "Wohnfläche(1000 qm)"])
    row = 3
    for at, year in enumerate(years):
        _put(sheet, row, [year])
        for (key, name), numbers in DWELLINGS.items():
            row += 1
            _put(sheet, row, [key, name, *[None] * 4, numbers[at], None, None, numbers[at] // 2])
        row += 1
    _put(sheet, row, ["______________"])
    _put(sheet, row + 1, ["© Statistische Ämter des Bundes und der Länder, Deutschland, 2020."])
    return _saved(book, sheet, cells)


def zensus_dwellings() -> bytes:
    """Sheet CSV-Wohnungen of the regional table, all levels in one; 20,000 made-up dwellings a place, 4 in Dierfeld."""
    book = openpyxl.Workbook()
    _put(_sheet(book, "Wohnungen"), 1, ["Zensus 2022"])
    sheet = book.create_sheet("CSV-Wohnungen")
    codes = ["GEBAEUDEART_SYS_1", "GEBAEUDEART_SYS_11", "LEERSTAND_INSGESAMT", "LEERSTAND_DAUER__4"]
    _put(sheet, 1, ["Berichtszeitpunkt", "_RS", "Name", "Regionalebene", *codes])
    _put(sheet, 2, ["20220515", "0", "Deutschland", "Bund", 43106589, 41000000, 1900000, 1000000])
    for row, place in enumerate(TWELVE, 3):
        small = place.population < 10
        ars = place.land + place.rb + place.kreis + place.vb + place.gem
        counts = [4, 4, "–", "–"] if small else [20000, 19000, 800, 300]
        _put(sheet, row, ["20220515", ars, place.name, "Gemeinde", *counts])
    _put(sheet, 15, ["20220515", "05974", "Soest", "Stadtkreis/kreisfreie Stadt/Landkreis", 150000, 1, 5000, 2000])
    return _saved(book, sheet, None)


def oparl_endpoints() -> bytes:
    """The list of OParl endpoints: a mirror, then the twelve places as if each had an interface."""
    entries = ["- title: OParl Mirror\n  url: https://mirror.example/system\n"]
    entries += [f"- title: Stadt {p.name.split(',')[0]}\n  url: https://{p.ags}.example/oparl\n" for p in TWELVE]
    return "\n".join(entries).encode()


def domains(*, replace: Mapping[str, str] | None = None) -> bytes:
    """The list of municipal domains: one made-up line per place."""
    lines = ["Domain Name,Domain Type,Agency,City,State"]
    lines += [f"{place.ags}.example,City,,{place.name.split(',')[0]},NW" for place in TWELVE]
    text = "\n".join(lines) + "\n"
    for old, new in (replace or {}).items():
        text = text.replace(old, new)
    return text.encode()


def _sheet(book: openpyxl.Workbook, name: str) -> Worksheet:
    sheet = book.worksheets[0]
    sheet.title = name
    return sheet


def _put(sheet: Worksheet, row: int, values: Sequence[object]) -> None:
    for column, value in enumerate(values, 1):
        if value not in (None, ""):
            sheet.cell(row, column, value)  # type: ignore[arg-type]


def _saved(book: openpyxl.Workbook, sheet: Worksheet, cells: Cells | None) -> bytes:
    for address, value in (cells or {}).items():
        sheet[address] = value
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


SAMPLES: dict[tuple[str, str, str], Callable[[], bytes]] = {  # source, edition and part that each sample stands for
    ("destatis_gv", "2021-12-31", "auszug"): gv_isys,
    ("destatis_gv100ad", "2018-09-30", "fixed_220"): gv100ad,
    ("bnetza_breitbandatlas", "2021-06", "mid_2021"): breitbandatlas,
    ("kba_fz1", "2021-01-01", "y2021"): kba_fz1,
    ("kba_fz3", "2021-01-01", "by_text"): kba_fz3,
    ("bnetza_ladesaeulenregister", "2022-01-01", "preamble_10"): ladesaeulenregister,
    ("bbsr_inkar_2021", "2021", "umwelt"): inkar,
    ("german_gov_domains", "2020-10", "list"): domains,
    ("bbsr_inkar_export", "2024", "Arbeitslosigkeit"): inkar_export,
    ("regionalstatistik", "2020-2021", "31121-01-02-4"): dwellings,
    ("oparl_endpoints", "2021-12-31", "list"): oparl_endpoints,
    ("bkg_vg5000", "2021-01-01", "dbf"): lambda: vg5000({"05974040": (3_400_000, 5_700_000, 10_000)})[0],
    ("bkg_vg5000", "2021-01-01", "shp"): lambda: vg5000({"05974040": (3_400_000, 5_700_000, 10_000)})[1],
}


def publish(folder: Path, catalog: Catalog, files: Mapping[tuple[str, str, str], bytes]) -> list[Source]:
    """Lay the files out as a publisher's folder, each where its part is declared. Returns the sources concerned."""
    for (source, edition, name), content in files.items():
        (part,) = (p for p in catalog.sources[source].editions[edition].parts if part_name(p) == name)
        path = folder / part.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return [catalog.sources[source] for source in sorted({source for source, _, _ in files})]
