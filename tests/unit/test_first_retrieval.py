"""What is only described until somebody fetches it: its first real file must make figures that a build can start from.

Each source is taken as if it had been retrieved, with the reply that its own tests build, beside the bundled figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import samples
import test_bbsr_inkar as inkar
import test_bnetza_mastr_export as mastr
import test_foerderkatalog as foekat
import test_points as points
import test_source_govdata as govdata
import test_source_klinik_atlas as klinik
import test_source_ozg_pvog as ozg
import test_source_regionalatlas as regionalatlas
import test_source_wegweiser_kommune as wegweiser
import test_source_wikidata as wikidata
import test_unfallatlas as unfallatlas
from interfaces import fetch
from places import TWELVE

from pipeline import archive, catalog, figures, warehouse
from pipeline.catalog import Catalog

CATALOG = catalog.load()
DESCRIBED = sorted(name for name, source in CATALOG.sources.items() if not source.is_retrieved)
OUTLINES = dict(zip(("dbf", "shp"), samples.vg5000(klinik.SQUARES), strict=True))
FILES: Mapping[str, Callable[[Path], bytes]] = {
    "bbsr_inkar": lambda folder: inkar.bulk(folder, inkar.lines()).read_bytes(),
    "bnetza_mastr_export": lambda folder: mastr.packed(folder, mastr.whole()).read_bytes(),
    "foerderkatalog": lambda _: foekat.export([foekat.project(f"01AB{n}", p.ags) for n, p in enumerate(TWELVE)]),
    "govdata": lambda _: fetch(govdata.catalogue(govdata.SETS), "govdata", "2026-12-31"),
    "gtfs_stops": lambda folder: points.feed(folder).read_bytes(),
    "jedeschule": lambda _: points.list_of_schools(points.all_schools()),
    "klinik_atlas": lambda _: klinik.content(klinik.SITES),
    "ozg_pvog": lambda _: fetch(ozg.server(), "ozg_pvog", "2026-12-31"),
    "regionalatlas": lambda _: fetch(regionalatlas.publisher(regionalatlas.areas()), "regionalatlas", "2023"),
    "unfallatlas": lambda _: unfallatlas.atlas("2021", [p.ags for p in TWELVE]),
    "wegweiser_kommune": lambda _: fetch(wegweiser.server(), "wegweiser_kommune", "2023"),
    "wikidata": lambda _: fetch(wikidata.service(), "wikidata", "2026-12-31"),
    "zensus_2022_housing": lambda _: samples.zensus_dwellings(),
}


def as_if_retrieved(source: str) -> Catalog:
    """The catalog with a source of which real bytes were seen."""
    seen = CATALOG.sources[source].model_copy(update={"evidence": "original bytes"})
    return replace(CATALOG, sources={**CATALOG.sources, source: seen})


def made(seen: Catalog, source: str, folder: Path) -> Path:
    """The bundled figures, and beside them those of the source from one file of it."""
    declared = seen.sources[source]
    edition = "2021" if source == "unfallatlas" else max(declared.editions)
    (part,) = declared.editions[edition].parts
    files = {(source, edition, archive.part_name(part)): FILES[source](folder / "made")}
    if source in {name.removeprefix("raw__") for name in figures.POINTS}:
        files |= {("bkg_vg5000", "2021-01-01", name): content for name, content in OUTLINES.items()}
    archive.fetch_from(folder / "archive", folder / "publisher", samples.publish(folder / "publisher", seen, files))
    figures.make(seen, folder / "archive", folder / "new")
    together = folder / "figures"
    together.mkdir()
    for path in figures.BUNDLED.glob("*.parquet"):
        (together / path.name).symlink_to(path)
    for table in declared.tables:
        (folder / "new" / f"{table}.parquet").rename(together / f"{table}.parquet")
    return together


def needed(seen: Catalog, model: str) -> dict[str, str]:
    """The model and all models that it rests on."""
    found, waiting = dict[str, str](), [model]
    while waiting:
        name = waiting.pop()
        if name in seen.sql and name not in found and seen.sql_layer[name] != "1_typed":
            found[name] = seen.sql[name]
            waiting += warehouse.references(seen.sql[name])
    return found


@pytest.mark.parametrize("source", DESCRIBED)
def test_figures_of_a_first_file_are_what_a_build_wants_and_its_indicators_have_values(
    source: str, tmp_path: Path
) -> None:
    seen = as_if_retrieved(source)
    folder = made(seen, source, tmp_path)
    figures.require_schema(seen, folder)
    indicators = [i for i in seen.indicators.values() if i.source == source]
    assert indicators, "every connector reaches an indicator"
    with warehouse.connect() as connection:
        warehouse.declare(connection, seen)
        figures.load(connection, seen, folder)
        for indicator in indicators:
            model = indicator.model
            before = {name: text for name, text in needed(seen, model).items() if name != model}
            warehouse.run(connection, before)
            if "core__units" in before:  # rates wait for the list of places of their year, which is not out yet
                later = (
                    "select 2024 + n as list_year, * exclude (list_year, n) from core__units, range(1, 3) as years (n)"
                )
                connection.execute(f"insert into core__units by name {later} where list_year = 2024")
            warehouse.run(connection, {model: seen.sql[model]})
            known = f"select count(*) from {indicator.model} where value is not null and value_status = 'reported'"
            assert connection.execute(known).fetchone() > (0,), indicator.id


def test_every_described_source_is_tried() -> None:
    assert sorted(FILES) == DESCRIBED
