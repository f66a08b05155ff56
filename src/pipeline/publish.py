"""The files of an edition, written beside the editions and moved into place in one step.

<out>/<year>/<revision>/   the edition, immutable
<out>/<year>/              copies of its newest revision
<out>/latest/, latest.json copies of the newest year, and the pointer
<out>/panel.parquet        all years on the newest territory (panel.py)
<out>/refused/             findings of a run that was stopped by a critical check
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from pipeline import __version__, figures, intervals, warehouse, workfolder
from pipeline.archive import locked, write_atomic
from pipeline.catalog import Catalog, Edition
from pipeline.errors import CatalogError, PipelineError

FILES: Mapping[str, str] = {  # file: the unique key that its rows are sorted by
    "rankings": "league, ags",
    "area_scores": "league, ags, area",
    "changes": "league, ags",
    "draws": "draw, factor, name",
    "indicators": "ags, indicator_id",
    "areas": "indicator_set, area",
    "weights": "indicator_set, indicator_id",
    "funding": "ags, project_id, role, source_url",
    "regions": "region_kind, region_key",
    "region_members": "region_kind, region_key, ags",
    "charging_account": "district_key",
    "size": "league, measure",
    "findings": "finding_id, league, outcome, comparison",
    "quality_coverage": "area, indicator_id, size_class",
    "quality_areas": "league, area",
    "quality_correlations": "league, scope, item, other",
    "quality_leave_out": "league, left_out_kind, left_out",
    "sources": "source_id, edition, part",
    "dictionary": "kind, name",
    "checks": 'suite, "table", "column", expectation, kwargs',
    "rejected": "source_id, edition, part, row_first, row_last, rule, reason, raw",
}
SPANS = "panel__spans"  # years of values, which the dictionary names beside what is declared
RANKS = "score__ranks"  # beside which those of the year before are published
FINDINGS = ("checks", "rejected")  # about the other files, so written last and not checked themselves
SUMS = "SHA256SUMS"
LOCK = "sources.lock.json"
LICENCE = "CC BY 4.0 (scores, ranks, text); copied figures keep their publisher's licence, see ATTRIBUTION.csv"


@dataclass(frozen=True)
class Published:
    """An edition that stands: where, and whether this run changed anything."""

    year: int
    revision: str
    folder: Path
    is_new: bool


@contextmanager
def writer(out: Path) -> Iterator[None]:
    """The right to write below `out`: one run at a time."""
    with locked(out, ".writer", "--out"):
        yield


def models(catalog: Catalog) -> dict[str, str]:
    """The models of the files of an edition, all years in one; named published__<file>."""
    rankings = warehouse.layer(catalog, "4_rankings")
    return {name: sql for name, sql in sorted(rankings.items()) if name.startswith("published__")}


def inputs(catalog: Catalog) -> list[str]:
    """The tables that the files are made from, without those of the draws, which each year has of its own."""
    read = {SPANS}.union(*map(warehouse.references, models(catalog).values()))
    return sorted(read - intervals.TABLES.keys())


def write_tables(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, work: Path, edition: Edition, staged: Path
) -> None:
    """One year's rows of the published tables from what the steps before left: written to <staged>/<year>/ and read
    from there again, so that what is checked is the file. The findings are made as tables: they are not whole yet."""
    folder = staged / str(edition.year)
    folder.mkdir()
    connection.execute("create schema inputs")
    connection.execute("use inputs")  # apart from the files: both have a table `rejected`
    workfolder.show(connection, work, [name for name in inputs(catalog) if name != RANKS], [edition.year])
    workfolder.show(connection, work, [RANKS], [edition.year - 1, edition.year])
    for name in intervals.TABLES:
        connection.read_parquet(str(intervals.path(work, name, edition.year))).create_view(name)
    warehouse.table(connection, "incoming_dictionary", dictionary(catalog))
    rows = {
        name: f"select * from (\n{sql}\n) where edition_year = {edition.year}" for name, sql in models(catalog).items()
    }
    rows["published__dictionary"] = (
        f"select {edition.year}::smallint as edition_year, words.*, spans.first_value_year, spans.last_value_year "
        f"from incoming_dictionary as words left join {SPANS} as spans on words.kind = 'indicator' "
        f"and spans.indicator_id = words.name and spans.edition_year = {edition.year}"
    )
    for name, sql in rows.items():
        file = name.removeprefix("published__")
        if file in FINDINGS:
            connection.execute(f"create table main.{file} as {sql}")
        else:
            _write_file(connection, catalog, work, edition, file, sql, folder)
            connection.execute(f"create view main.{file} as from read_parquet({_literal_path(folder, file)})")
    connection.execute("use main")


def _literal_path(folder: Path, file: str) -> str:
    return warehouse.literal(str(folder / f"{file}.parquet"))


def _write_file(
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    work: Path,
    edition: Edition,
    file: str,
    sql: str,
    folder: Path,
) -> None:
    """One file, its rows sorted by its key."""
    metadata = _metadata(catalog, work, edition)
    warehouse.write_parquet(connection, f"{sql} order by {FILES[file]}", folder / f"{file}.parquet", metadata)


def dictionary(catalog: Catalog) -> pd.DataFrame:
    """One row per published column and per indicator: what it is, in two languages, and whose figures it rests on."""
    rows: list[dict[str, str | None]] = [
        {
            "kind": "column", "name": c.name, "files": ", ".join(c.files), "type": c.type, "unit": c.unit,
            "label_de": c.label_de, "label_en": c.label_en, "text_de": c.text_de, "text_en": c.text_en,
        }
        for c in catalog.columns.values()
    ]  # fmt: skip
    for i in catalog.sorted_indicators:
        source = catalog.sources[i.source]
        signs = {**source.signs, **{s: v for e in source.editions.values() for s, v in e.signs.items()}}
        codes = "; ".join(f"{sign} = {status}" for sign, status in sorted(signs.items()))
        rows.append(
            {
                "kind": "indicator", "name": i.id, "files": "indicators", "type": "double", "unit": i.unit,
                "label_de": i.label_de, "label_en": i.label_en, "text_de": i.text_de, "text_en": i.text_en,
                "area": i.area, "dimension": i.dimension, "direction": i.direction, "direction_why": i.direction_why,
                "level": i.level, "sets": ", ".join(i.sets) or "none (context)",
                "treatment": "log(1 + x)" if i.log1p else "none",
                "is_shrunk": "yes" if i.shrink else "no",
                "source": i.source, "licence": source.licence, "attribution": source.attribution,
                "missing_codes": codes or "empty cell",
                "null_rule": i.null_rule, "limits": i.limits,
            }
        )  # fmt: skip
    return pd.DataFrame(rows).astype("str").where(lambda frame: frame != "nan", None)


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A folder beside the editions, on the same file system, for what is not published yet."""
    try:
        for leftover in out.glob(".writing-*"):  # of a run that was killed; the writer's lock says that it is gone
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".writing-", ignore_cleanup_errors=True) as name:
            yield Path(name)
    except (OSError, duckdb.IOException) as error:
        raise PipelineError(f"the editions could not be written to {out}: {error}") from error


def write_findings(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, work: Path, edition: Edition, staged: Path
) -> None:
    """The rest of the edition: findings, dictionary as CSV, licences, lock, checksums."""
    check_columns(connection, catalog)
    folder = staged / str(edition.year)
    for file in FINDINGS:
        _write_file(connection, catalog, work, edition, file, f"from {file}", folder)
    table = folder / "dictionary.csv"
    connection.execute(
        f"copy (from dictionary order by {FILES['dictionary']}) to {warehouse.literal(str(table))} (format csv, header)"
    )
    (folder / "ATTRIBUTION.csv").write_text(figures.attribution(catalog), "utf-8")
    (folder / "LICENSE.md").write_text(_licence_text(edition), "utf-8")
    (folder / LOCK).write_text(_lock(connection, catalog, work, edition), "utf-8")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / SUMS).write_text("".join(sums), "utf-8")


def check_columns(connection: duckdb.DuckDBPyConnection, catalog: Catalog, files: Iterable[str] = FILES) -> None:
    """Every published column is declared, and every declared one is published, file by file."""
    for name in files:
        there = set(warehouse.columns(connection, name))
        declared = {column.name for column in catalog.columns.values() if name in column.files}
        if there != declared:
            raise CatalogError(
                f"columns.yml: {name}: not declared: {sorted(there - declared)}; "
                f"declared and not there: {sorted(declared - there)}"
            )


def _metadata(catalog: Catalog, work: Path, edition: Edition) -> dict[str, str]:
    method, uncertainty = catalog.methods[edition.method], intervals.used(work, edition.year)
    return {
        "title": f"stadtrang {edition.year}",
        "edition": str(edition.year),
        "revision": edition.revision,
        "published": edition.published.isoformat(),
        "method": f"{method.id} {method.version}",
        "draws": str(uncertainty.draws),
        "seed": str(uncertainty.seed),
        **rights(catalog),
    }


def rights(catalog: Catalog) -> dict[str, str]:
    """What every published Parquet file says of its licence and of what it was made by."""
    return {
        "licence": LICENCE,
        "attribution": "stadtrang; publishers and licences of the figures: ATTRIBUTION.csv and sources.parquet",
        "configuration_sha256": catalog.fingerprint,
    }


def _lock(connection: duckdb.DuckDBPyConnection, catalog: Catalog, work: Path, edition: Edition) -> str:
    """What the edition was made from: every publisher file, every figures table, the declarations, the program."""
    inputs = connection.execute(
        f"select source_id, edition, part, sha256, bytes from sources order by {FILES['sources']}"
    ).fetchall()
    columns = ("source_id", "edition", "part", "sha256", "bytes")
    lock = {
        "edition": edition.year,
        "territory_date": edition.territory_date.isoformat(),
        "made_by": {"stadtrang": __version__, "duckdb": duckdb.__version__},
        **_metadata(catalog, work, edition),
        "figures": json.loads((work / "figures.json").read_text("utf-8")),
        "inputs": [dict(zip(columns, row, strict=True)) for row in inputs],
    }
    return json.dumps(lock, ensure_ascii=False, indent=1) + "\n"


def _licence_text(edition: Edition) -> str:
    return f"""# Licence of edition {edition.year}, revision {edition.revision}

Scores, ranks and texts: CC BY 4.0, "stadtrang {edition.year}". Figures that were copied or recomputed keep their
publisher's licence and attribution: ATTRIBUTION.csv, and per file of a publisher sources.parquet.

## A value is wrong?

Open an issue at the project with: the place's AGS, the indicator, the value you see, the value you know, and a public
source for it. You get an answer within 14 days. A confirmed error becomes an entry in the project's corrections
and a new revision of the edition beside this one, with its differences; this revision stays as it is.
"""


def is_new(staged: Path, edition: Edition, out: Path) -> bool:
    """Whether the written edition is not there yet. An edition is immutable: other bytes are an error."""
    target = out / str(edition.year) / edition.revision
    if not target.exists():
        return True
    stands = f"edition {edition.year} {edition.revision} in {target.parent}"
    if not (target / SUMS).is_file() or read_sums(target) != read_sums(staged / str(edition.year)):
        raise PipelineError(
            f"{stands} has other bytes, and an edition is immutable; raise its revision in frame/editions.yml, or "
            "choose another folder with --out"
        )
    expected = read_sums(target)
    changed = sorted(expected.items() - actual_sums(target, expected).items())
    if changed:
        raise PipelineError(
            f"{stands}: {', '.join(name for name, _ in changed)} is not what SHA256SUMS says: somebody changed it; "
            "move the folder away and build again"
        )
    return False


def place(staged: Path, edition: Edition, out: Path) -> Published:
    """Move a written edition into place in one step; equal bytes change nothing."""
    year = out / str(edition.year)
    fresh = is_new(staged, edition, out)
    if fresh:
        year.mkdir(exist_ok=True)
        (staged / str(edition.year)).rename(year / edition.revision)
    if edition.revision == _newest(path.name for path in year.iterdir() if (path / SUMS).is_file()):
        _copy(year / edition.revision, year)
    return Published(edition.year, edition.revision, year / edition.revision, fresh)


def point_to_newest(out: Path) -> None:
    """latest/ and latest.json: the newest year's newest revision."""
    year = max(
        (path for path in out.iterdir() if path.name.isdigit() and (path / SUMS).is_file()), key=lambda p: int(p.name)
    )
    revision = _newest(path.name for path in year.iterdir() if (path / SUMS).is_file())
    _copy(year / revision, out / "latest")
    pointer = json.dumps({"year": int(year.name), "revision": revision}) + "\n"
    if not (out / "latest.json").is_file() or (out / "latest.json").read_text("utf-8") != pointer:
        write_atomic(out / "latest.json", pointer.encode())


def _newest(names: Iterable[str]) -> str:
    """The highest revision; a folder that is none (somebody's copy) does not count."""
    revisions = [name for name in names if re.fullmatch(r"\d+(\.\d+)*", name)]
    return max(revisions, key=lambda revision: [int(part) for part in revision.split(".")])


def _copy(edition: Path, target: Path) -> None:
    """Copies of an edition's files, each replaced in one step, the checksums last; files of an older revision go."""
    target.mkdir(exist_ok=True)
    files = sorted(edition.iterdir(), key=lambda path: (path.name == SUMS, path.name))
    expected = read_sums(edition)
    if (target / SUMS).is_file() and read_sums(target) == expected == actual_sums(target, expected):
        return
    for path in files:
        write_atomic(target / path.name, path.read_bytes())
    for leftover in target.iterdir():
        if leftover.is_file() and leftover.name not in {path.name for path in files}:
            leftover.unlink()


def refuse(connection: duckdb.DuckDBPyConnection, what: str, checks_sql: str, failing_sql: str, out: Path) -> Path:
    """The findings of a run that publishes nothing: checks.parquet and rejected.parquet under <out>/refused/."""
    folder = out / "refused" / what.replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    warehouse.write_parquet(connection, checks_sql, folder / "checks.parquet")
    warehouse.write_parquet(connection, failing_sql, folder / "rejected.parquet")
    return folder


def read_sums(folder: Path) -> dict[str, str]:
    """File name to sha256 of an edition; an error if the folder is no edition or a file is not what it says."""
    if not (folder / SUMS).is_file():
        raise PipelineError(f"{folder} is no edition: it has no {SUMS}")
    sums = {}
    for line in (folder / SUMS).read_text("utf-8").splitlines():
        digest, _, name = line.partition("  ")
        sums[name] = digest
    return sums


def read_draws(folder: Path) -> tuple[int, int]:
    """How many draws a standing edition was made with, and their seed."""
    try:
        lock = json.loads((folder / LOCK).read_text("utf-8"))
        return int(lock["draws"]), int(lock["seed"])
    except (OSError, ValueError, KeyError) as error:
        raise PipelineError(f"{folder}: {LOCK} does not say the draws and the seed that it was made with") from error


def actual_sums(folder: Path, names: Mapping[str, str]) -> dict[str, str]:
    """File name to sha256 of the files as they are on disk; a file that is gone is left out."""
    there = [name for name in names if (folder / name).is_file()]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in there}
