"""Throughput and peak memory of the readers of files too large for memory, beside the fastest general readers.

    python bench/streams.py [--megabytes N]

Files like INKAR's CSV and the Marktstammdatenregister's export are made in a temporary folder: as wide, as long per row
and as repetitive as they are described, in whole and at a quarter of the size, so that memory can be seen to stay.
The bounds: DuckDB's CSV reader on the unpacked file with the same filter (unpacking apart: DuckDB reads no zip), and
expat alone on the same members, its handlers taking the same four fields. Each runs in a process of its own.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

import duckdb
from stages import measure

from pipeline import catalog
from pipeline.catalog import Source
from pipeline.read import read_batches
from pipeline.warehouse import literal

MEGABYTE = 1_000_000
INDICATORS, YEARS, ROW_BYTES = 100, 28, 125
UNITS_PER_MEMBER = 100_000
SOLAR = """  <EinheitSolar>
    <EinheitMastrNummer>SEE9{number:011d}</EinheitMastrNummer>
    <DatumLetzteAktualisierung>2024-03-12T09:21:44.1234567</DatumLetzteAktualisierung>
    <LokationMaStRNummer>SEL9{number:011d}</LokationMaStRNummer>
    <NetzbetreiberpruefungStatus>2954</NetzbetreiberpruefungStatus>
    <AnlagenbetreiberMastrNummer>ABR9{number:011d}</AnlagenbetreiberMastrNummer>
    <Land>84</Land>
    <Bundesland>1409</Bundesland>
    <Landkreis>Soest</Landkreis>
    <Gemeinde>Möhnesee</Gemeinde>
    <Gemeindeschluessel>{ags:08d}</Gemeindeschluessel>
    <Postleitzahl>59494</Postleitzahl>
    <Registrierungsdatum>2019-02-02</Registrierungsdatum>
    <Inbetriebnahmedatum>{year}-12-03</Inbetriebnahmedatum>
    <EinheitSystemstatus>472</EinheitSystemstatus>
    <EinheitBetriebsstatus>35</EinheitBetriebsstatus>
    <NameStromerzeugungseinheit>PV M&amp;M {number}</NameStromerzeugungseinheit>
    <Energietraeger>2495</Energietraeger>
    <Bruttoleistung>{kw}.{watt:03d}</Bruttoleistung>
    <Nettonennleistung>{kw}.000</Nettonennleistung>
    <FernsteuerbarkeitNb>0</FernsteuerbarkeitNb>
    <Einspeisungsart>688</Einspeisungsart>
    <ZugeordneteWirkleistungWechselrichter>{kw}.000</ZugeordneteWirkleistungWechselrichter>
    <AnzahlModule>{modules}</AnzahlModule>
    <EegMaStRNummer>EEG9{number:011d}</EegMaStRNummer>
  </EinheitSolar>
"""


def inkar(target: Path, size: int) -> int:
    """A zip with one CSV of about so many bytes, of which a hundredth of the rows is in scope; returns the bytes."""
    layout = catalog.load().sources["bbsr_inkar"].layouts["bulk"]
    declared = list(layout.values.values())
    levels = [*layout.where["level_text"], "BBSR-Mittelbereiche"]
    regions = size // (INDICATORS * YEARS * len(levels) * ROW_BYTES) + 1
    header = ";".join(text.split(": ")[1] for text in layout.columns.values())
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        packed.open("inkar_2025.csv", "w", force_zip64=True) as file,
    ):
        done = file.write(f"\ufeff{header}\r\n".encode())
        for number, year, level in itertools.product(range(INDICATORS), range(YEARS), levels):
            short = declared[number // 16] if number % 16 == 0 and number < 96 else f"q_{number}"
            start = f"Medizinische und soziale Versorgung;{number};{short};Ärzte je 10.000 Einwohner;{level};"
            first, step = (72310000, 1) if level.startswith("Gemeindev") else (1001000, 1000)
            keys = range(first, first + regions * step, step)
            rows = (f"{start}{key};Gemeinde {key};{1996 + year};{key % 97 + number},{key % 89}\r\n" for key in keys)
            done += file.write("".join(rows).encode())
    return done


def mastr(target: Path, size: int) -> int:
    """A zip with numbered members of solar units, UTF-16, of at least so many bytes; returns the bytes."""
    done, first = 0, 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for kind in ("Wind", "Biomasse", "Wasser"):
            packed.writestr(f"Einheiten{kind}.xml", f"<?xml version='1.0'?><Einheiten{kind}/>".encode("utf-16"))
        for member in itertools.count(1):
            with packed.open(f"EinheitenSolar_{member}.xml", "w", force_zip64=True) as file:
                done += file.write('<?xml version="1.0" encoding="utf-16"?>\n<EinheitenSolar>\n'.encode("utf-16"))
                for number in range(first, first + UNITS_PER_MEMBER):
                    unit = SOLAR.format(
                        number=number, ags=1001000 + number % 10_800 * 1000, year=2000 + number % 25,
                        kw=number % 30 + 1, watt=number % 1000, modules=number % 50,
                    )  # fmt: skip
                    done += file.write(unit.encode("utf-16-le"))
                file.write("</EinheitenSolar>\n".encode("utf-16-le"))
            first += UNITS_PER_MEMBER
            if done >= size:
                return done
    return done


def ours(source_id: str, path: Path) -> None:
    source: Source = catalog.load().sources[source_id]
    (edition,) = source.editions
    (part,) = source.editions[edition].parts
    for _ in read_batches(source, edition, part, path):
        pass


def unpack(path: Path, target: Path) -> None:
    with zipfile.ZipFile(path) as packed, packed.open("inkar_2025.csv") as member, target.open("wb") as file:
        shutil.copyfileobj(member, file, 1 << 20)


def duckdb_alone(path: Path) -> None:
    """The rows in scope of the unpacked CSV, into a table."""
    layout = catalog.load().sources["bbsr_inkar"].layouts["bulk"]
    columns = ", ".join(f"'{name}': 'varchar'" for name in layout.columns)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(
            f"create table cells as from read_csv({literal(str(path))}, columns = {{{columns}}}, delim = ';', "
            "quote = '\"', escape = '\"', header = true, auto_detect = false) "
            "where level_text in $level_text and period in $period and short_name in $names",
            {**layout.where, "names": list(layout.values.values())},
        )


def expat_alone(path: Path) -> None:
    """The four fields of every unit by expat's handlers, and nothing done with them."""
    wanted = {"Gemeindeschluessel", "Bruttoleistung", "Inbetriebnahmedatum", "DatumEndgueltigeStilllegung"}
    with zipfile.ZipFile(path) as packed:
        for name in (n for n in packed.namelist() if "Solar" in n):
            unit: dict[str, str] = {}
            parser, tag = expat.ParserCreate(), [""]
            parser.buffer_text = True

            def start(name: str, _: dict[str, str], tag: list[str] = tag) -> None:
                tag[0] = name if name in wanted else ""

            def text(data: str, tag: list[str] = tag, unit: dict[str, str] = unit) -> None:
                if tag[0]:
                    unit[tag[0]] = data
                    tag[0] = ""

            parser.StartElementHandler, parser.CharacterDataHandler = start, text
            with packed.open(name) as member:
                while block := member.read(1 << 20):
                    parser.Parse(block, False)
            parser.Parse(b"", True)


def lines(folder: Path, size: int) -> Iterator[tuple[str, float, float, float]]:
    """What was read, MB, seconds and peak MB."""
    for name, source_id, make in (("INKAR", "bbsr_inkar", inkar), ("MaStR", "bnetza_mastr_export", mastr)):
        path, csv = folder / "publisher.zip", folder / "inkar.csv"
        for part in (size // 4, size):
            megabytes = make(path, part) / MEGABYTE
            yield f"{name}: stadtrang, from the zip", megabytes, *measure(ours, source_id, path)
        if name == "MaStR":
            yield f"{name}: expat alone, from the zip", megabytes, *measure(expat_alone, path)
        else:
            yield f"{name}: unpacking to disk", megabytes, *measure(unpack, path, csv)
            yield f"{name}: DuckDB alone, unpacked", megabytes, *measure(duckdb_alone, csv)
            csv.unlink()
        path.unlink()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=2000, help="unpacked size of each file")
    size = parser.parse_args(arguments).megabytes * MEGABYTE
    print(f"{'':36} {'MB':>7} {'s':>7} {'MB/s':>7} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name, megabytes, seconds, peak in lines(Path(folder), size):
            print(f"{name:36} {megabytes:7,.0f} {seconds:7.1f} {megabytes / seconds:7.0f} {peak:8.0f}", flush=True)


if __name__ == "__main__":
    main()
