"""Real files, damaged in many ways: each ends in the same typed tables or in a stop that names the fault.

`known_limits.csv` names what cannot be told from a real change, with the check that would see it; whatever else gets
through in silence fails here. `make test-long` runs every case and prints the counts.
"""

from __future__ import annotations

import csv
import zlib
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import pytest
from damages import DAMAGES, Case, DoesNotApplyError
from families import FAMILIES, Family, load, part_of, sheet_names

from pipeline import archive, catalog, checks, figures, relations, verdicts, warehouse
from pipeline.archive import Receipt, part_name
from pipeline.errors import PipelineError
from pipeline.read import Reading, read_part

pytestmark = pytest.mark.filterwarnings("ignore:.*(row_condition|condition_parser) parameter:DeprecationWarning")

CATALOG = catalog.load()
LIMITS = {
    (row["family"], row["damage"]): row
    for row in csv.DictReader((Path(__file__).parent / "known_limits.csv").open(encoding="utf-8"))
}
SAME, STOPPED, SILENT, NOT_APPLICABLE = "same result", "stopped", "silent", "not applicable"
outcomes: dict[tuple[str, str], tuple[str, str]] = {}
CASES = [(family, name) for family in FAMILIES for name in DAMAGES]
QUICK = [case for case in CASES if case[0].quick]
LONG = [case for case in CASES if not case[0].quick]


@cache
def content_of(root: Path, source: str, edition: str, part: str) -> bytes:
    (receipt,) = (r for r in archive.read_receipts(root, source) if (r.edition, r.part) == (edition, part))
    return archive.fetch(root, receipt.sha256)


@cache
def reading_of(root: Path, source: str, edition: str, part: str) -> Reading:
    """An undamaged part, read once for all cases."""
    declared = next(p for p in CATALOG.sources[source].editions[edition].parts if part_name(p) == part)
    return read_part(CATALOG.sources[source], edition, declared, content_of(root, source, edition, part))


def typed(connection: duckdb.DuckDBPyConnection, root: Path, family: Family, damaged: bytes | None) -> list[str]:
    """Everything that happens between the bytes and a published number, with one part's bytes damaged."""
    whole = {family.source, *family.beside}
    receipts = [r for source in sorted(whole) for r in archive.read_receipts(root, source)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "sources_with_receipts", lambda _: sorted(whole))
        patch.setattr(archive, "read_receipts", lambda _, source: [r for r in receipts if r.source_id == source])
        patch.setattr(figures, "_read_one", reader(root, family, damaged))
        accounts, rejected, stored = figures.read_archive(connection, CATALOG, root)
        names = figures.type_tables(connection, CATALOG, rejected)
        relations.require(connection, CATALOG, figures.whole_sources(CATALOG, stored))
        figures.balance(connection, accounts, names)
    return [name for name in names if CATALOG.typed_tables[name].id == family.source]


def reader(root: Path, family: Family, damaged: bytes | None) -> object:
    """figures._read_one that reads only the damaged part anew."""
    read_one = figures._read_one

    def read(connection: duckdb.DuckDBPyConnection, source: object, receipt: Receipt, _: Path) -> object:
        mine = (receipt.source_id, receipt.edition, receipt.part) == (family.source, family.edition, family.part)
        with pytest.MonkeyPatch.context() as patch:
            if damaged is None or not mine:
                known = reading_of(root, receipt.source_id, receipt.edition, receipt.part)
                patch.setattr(figures, "read_part", lambda *_: known)
            patch.setattr(archive, "fetch", lambda *_: damaged)
            return read_one(connection, source, receipt, root)

    return read


@cache
def baseline(root: Path, family: Family) -> Path:
    """The typed tables of the undamaged files, as Parquet. Their suites pass: else every damage would be stopped."""
    folder = root / "baseline" / family.source
    with warehouse.connect() as connection:
        for name in typed(connection, root, family, None):
            assert critical_of(connection, name) == []
            warehouse.write_parquet(connection, f'from "{name}"', folder / f"{name}.parquet")
    return folder


def critical_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return checks.critical_failures(verdicts.run_suite(connection, table, f'from "{table}"').checks)


def is_same(connection: duckdb.DuckDBPyConnection, folder: Path, names: list[str]) -> bool:
    """The same rows, wherever they stood in the file."""
    for name in names:
        there = f"read_parquet({warehouse.literal(str(folder / f'{name}.parquet'))})"
        columns = [c for c in warehouse.columns(connection, name) if c not in ("row_number", "source_column")]
        picked = ", ".join(f'"{column}"' for column in columns)
        query = "select count(*) from (select {0} from {1} except all select {0} from {2})"
        for one, other in ((there, f'"{name}"'), (f'"{name}"', there)):
            if connection.execute(query.format(picked, one, other)).fetchall() != [(0,)]:
                return False
    return True


def outcome(root: Path, family: Family, name: str) -> tuple[str, str]:
    """What a damage ends in, and the message."""
    source = CATALOG.sources[family.source]
    layout = source.layouts[part_of(CATALOG, family.source, family.edition, family.part).layout]
    content = content_of(root, family.source, family.edition, family.part)
    before = before_layout = None
    if family.before:
        other = part_of(CATALOG, family.source, family.before)
        before_layout = source.layouts[other.layout]
        before = load(family, before_layout, content_of(root, family.source, family.before, part_name(other)))
    sheets = tuple(sheet_names(content)) if layout.sheet is not None else ()
    seed = zlib.crc32(f"{family.id} {name}".encode())
    table = load(family, layout, content)
    case = Case(family, layout, table, content, sheets, before, before_layout, np.random.default_rng(seed))
    try:
        damaged = DAMAGES[name](case)
    except DoesNotApplyError as reason:
        return NOT_APPLICABLE, str(reason)
    folder = baseline(root, family)
    with warehouse.connect() as connection:
        try:
            names = typed(connection, root, family, damaged)
        except PipelineError as error:
            return STOPPED, str(error)
        if is_same(connection, folder, names):
            return SAME, ""
        critical = [message for table_name in names for message in critical_of(connection, table_name)]
        return (STOPPED, "\n".join(critical)) if critical else (SILENT, "")


def judge(root: Path, family: Family, name: str, record: Callable[[str, object], None]) -> None:
    what, message = outcome(root, family, name)
    outcomes[family.id, name] = what, message
    is_declared = what == SILENT and (family.id, name) in LIMITS
    record("damage", "known limits" if is_declared else what)
    if what == NOT_APPLICABLE:
        return
    if what == STOPPED:
        assert family.source in message, f"the source is not named: {message}"
        assert "expect" in message or "is neither a number nor" in message, f"what was expected is not said: {message}"
    limit = LIMITS.get((family.id, name))
    assert (what == SILENT) == (limit is not None), (
        f"{family.id}, {name}: {what}, and {'declared as' if limit else 'not declared as'} a known limit. {message}"
    )


@pytest.mark.parametrize(("family", "name"), QUICK, ids=lambda value: value if isinstance(value, str) else value.id)
def test_a_damaged_file_is_stopped_or_read_alike(
    archive_root: Path, family: Family, name: str, record_property: Callable[[str, object], None]
) -> None:
    judge(archive_root, family, name, record_property)


@pytest.mark.long
@pytest.mark.parametrize(("family", "name"), LONG, ids=lambda value: value if isinstance(value, str) else value.id)
def test_a_damaged_large_file_is_stopped_or_read_alike(
    archive_root: Path, family: Family, name: str, record_property: Callable[[str, object], None]
) -> None:
    judge(archive_root, family, name, record_property)


def test_a_known_limit_says_why_and_which_check_would_see_it() -> None:
    families = {family.id for family in FAMILIES}
    for (family, name), limit in LIMITS.items():
        assert family in families and name in DAMAGES
        assert limit["why"] and limit["seen_by"]


@pytest.mark.long
def test_three_hundred_cases_and_none_got_through_that_is_not_declared() -> None:
    """Runs after all cases, and only says something if they ran."""
    if len(outcomes) < len(CASES):
        pytest.skip("not all cases ran in this process")
    real = {case: what for case, (what, _) in outcomes.items() if what != NOT_APPLICABLE}
    assert len(real) >= 300
    assert {case for case, what in real.items() if what == SILENT} == LIMITS.keys()
    assert min(Counter(family for family, _ in real).values()) >= 12
