"""Explain: published numbers are followed back to the publishers' bytes, and add up on the way to the rank."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import originals
import pytest

from pipeline import archive, catalog, cli, explain, lineage, origins, published, report, warehouse
from pipeline.errors import PipelineError, UsageError
from pipeline.figures import BUNDLED

CATALOG = catalog.load()
YEARS = sorted(CATALOG.editions)
DRAWN, SEED = 20, 20261125
SOEST, HAMBURG, GOETTINGEN, TRIER = "05974040", "02000000", "03159016", "07211000"


def document(editions: Path, year: int, ags: str, **options: Any) -> dict[str, Any]:
    folder = published.folder(editions, year)
    with published.connect(folder, *explain.FILES) as edition:
        return explain.document(CATALOG, edition, folder, ags, **options)


@pytest.fixture(scope="module")
def soest(editions: Path) -> dict[str, Any]:
    return document(editions, 2020, SOEST)


@pytest.fixture(scope="module")
def traced() -> Iterator[tuple[duckdb.DuckDBPyConnection, lineage.Tracer]]:
    """All indicators with companions, once for all places."""
    with warehouse.connect(threads=2) as connection:
        indicators = [indicator.id for indicator in CATALOG.sorted_indicators]
        yield connection, explain.prepare(connection, CATALOG, BUNDLED, YEARS, CATALOG.sources, indicators)


def follow(traced: tuple[duckdb.DuckDBPyConnection, lineage.Tracer], row: dict[str, Any]) -> explain.Trace:
    connection, tracer = traced
    return explain.follow(
        connection, tracer, CATALOG, explain.unit_keys(connection, row["edition_year"], row["ags"]), row
    )


def rows(db: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    result = db.execute(sql)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def drawn_cells(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """20 rows of `indicators` of all years that name a row of their source; the order is a hash of seed and key."""
    return rows(
        db,
        f"from indicators where value_unshrunk is not null and source_row is not null "
        f"order by md5('{SEED}' || edition_year || ags || indicator_id) limit {DRAWN}",
    )


def test_twenty_cells_of_all_years_lead_to_the_bytes_at_the_publisher(
    db: duckdb.DuckDBPyConnection, traced: Any, upstream: Path, archive_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each cell is opened in the publisher's own file by a general reader; it must hold the text that explain shows,
    in a file of the published sha256, below the header that explain names; and the published number must be made of
    it."""
    connection, _ = traced
    files = {
        (r["source_id"], r["edition"], r["part"]): r
        for r in rows(db, "select distinct on (sha256, part) * from sources")
    }
    drawn = drawn_cells(db)
    traces = [follow(traced, row) for row in drawn]
    cells = {cell for trace in traces for some in trace.cells.values() for cell in some}
    places = origins.locate(connection, CATALOG, cells)
    file_of = {c: files[o.source.id, o.edition, archive.part_name(o.part)] for c, o in places.items()}
    texts = origins.texts(archive_root, places, {cell: file["sha256"] for cell, file in file_of.items()})
    confirmed = 0
    with capsys.disabled():
        print(f"\n{DRAWN} cells of indicators.parquet, seed {SEED}, followed to {upstream.name}:")
        for row, trace in zip(drawn, traces, strict=True):
            assert trace.cells, (row, trace.missing_because)
            for role, some in trace.cells.items():
                for cell in some:
                    confirm(upstream, places[cell], file_of[cell], texts[cell])
                shown = places[some[0]]
                print(
                    f"  {row['edition_year']} {row['ags']} {row['indicator_id']} {row['value_unshrunk']:g}: {role} = "
                    f"{shown.part.file}, {shown.layout.sheet if shown.address else '-'}, row {shown.row}, column "
                    f"{shown.mark}, {texts[some[0]]!r}" + (f" and {len(some) - 1} more" if len(some) > 1 else "")
                )
            made_of(row, {role: [places[cell] for cell in some] for role, some in trace.cells.items()})
            confirmed += 1
        print(f"  {confirmed} confirmed, {len(cells)} cells of {len({f['sha256'] for f in file_of.values()})} files")
    assert confirmed == DRAWN
    assert {row["edition_year"] for row in drawn} == set(YEARS)
    assert len({row["source_id"] for row in drawn}) >= 5, "the draw is not all of one source"


def confirm(upstream: Path, origin: origins.Origin, file: dict[str, Any], shown: str | None) -> None:
    """The publisher's file has the published sha256, and the text that is shown, in the cell that is named."""
    path = next(p for p in (upstream / file["file"], upstream.parent / file["file"]) if p.is_file())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
    if origin.mark is None:
        row = originals.row_of(path, origin.layout.sheet, origin.row)
        texts = [str(t) for k, t in origin.typed.items() if k in ("ags", "place_name", "name", "domain") and t]
        assert texts
        assert all(any(text in str(cell) for cell in row) for text in texts), (origin, row)
        return
    found = originals.cell_of(path, origin.layout.sheet, origin.row, origin.mark, origin.header or "")
    assert found is not None
    assert found == shown or float(found.replace(",", ".")) == float(str(shown).replace(",", ".")), (origin, found)
    if path.suffix in (".xlsx", ".xls", ".csv"):
        above = [originals.row_of(path, origin.layout.sheet, n) for n in range(1, min(origin.row, 12))]
        column = int(origin.mark) - 1 if origin.mark.isdigit() else originals.number(origin.mark)
        heading = " ".join(str(line[column]) for line in above if column < len(line) and line[column])
        assert str(origin.header).split()[-1] in heading, (origin, heading)


def made_of(row: dict[str, Any], parts: dict[str, list[origins.Origin]]) -> None:
    """The published numbers are those in the cells: a value as it stands there, a count as the sum of its cells."""
    if row.get("predecessors"):  # of other territory: by shares, which `explain` adds up itself
        return
    for role in ("numerator", "denominator"):
        numbers = [float(origin.value or "nan") for origin in parts.get(role, ())]
        if row["indicator_id"] == "pay_gap" and role == "numerator":
            one, other = numbers
            numbers = [abs(one - other)]
        if numbers:
            factor = 1000 if row["indicator_id"] == "living_space" and role == "numerator" else 1
            assert factor * sum(numbers) == pytest.approx(row[role], rel=1e-12), row
    if "value" in parts and all(origin.column == "value" for origin in parts["value"]):
        (origin,) = parts["value"]
        assert float(origin.value or "nan") == row["value_unshrunk"]


def test_every_value_of_some_places_in_every_year_is_traced(db: duckdb.DuckDBPyConnection, traced: Any) -> None:
    """A district town, a city state, a town whose cars are counted by another district, one of new keys, a hamlet."""
    places = (SOEST, HAMBURG, TRIER, GOETTINGEN, "07231021")
    found = rows(db, f"from indicators where value_unshrunk is not null and ags in {places}")
    assert len(found) > 500
    for row in found:
        trace = follow(traced, row)
        is_zero_of_a_list = row["source_row"] is None and row["value_unshrunk"] == 0
        if is_zero_of_a_list:
            assert "the source is complete" in str(trace.missing_because), (row, trace)
        else:
            assert trace.cells, (row, trace)
            assert trace.missing_because is None, (row, trace)


def test_a_zero_for_want_of_rows_says_so_beside_the_inhabitants_it_is_divided_by(
    db: duckdb.DuckDBPyConnection, traced: Any
) -> None:
    sql = "from indicators where indicator_id = 'charging_points' and value_status = 'true_zero' order by ags limit 3"
    for row in rows(db, sql):
        trace = follow(traced, row)
        assert list(trace.cells) == ["denominator"]
        assert "no row of the source names this place" in str(trace.missing_because)


def test_the_published_row_is_among_the_cells(db: duckdb.DuckDBPyConnection, traced: Any) -> None:
    """What `indicators` names as source row is where the lineage of the SQL leads to."""
    connection, _ = traced
    for row in drawn_cells(db):
        trace = follow(traced, row)
        cells = [cell for role, some in trace.cells.items() if role != "denominator" for cell in some]
        places = origins.locate(connection, CATALOG, cells).values()
        assert (row["source_edition"], row["source_row"]) in {(p.edition, p.row) for p in places}
        assert {p.source.id for p in places} == {row["source_id"]}


@pytest.mark.parametrize(
    ("year", "ags", "league"), [(2020, SOEST, "city_30k"), (2018, HAMBURG, "germany"), (2021, "07231021", "size_0_5k")]
)
def test_points_add_up_to_areas_and_score(editions: Path, year: int, ags: str, league: str) -> None:
    found = document(editions, year, ags, league=league)
    assert found["sum_of_points"] == pytest.approx(found["place"]["score"], abs=1e-9)
    scored = [area for area in found["areas"] if area["status"] == "scored"]
    assert scored
    for area in scored:
        assert area["points"] == pytest.approx(area["weight"] * area["score"], abs=1e-8)
    for row in found["indicators"]:
        if row["points"] is not None:
            assert row["points"] == pytest.approx(row["weight"] * row["normalised"], abs=1e-12)
            assert row["scale"]["recomputed"] == pytest.approx(row["normalised"], abs=1e-6)


def test_shrinkage_shows_both_rates(soest: dict[str, Any]) -> None:
    (row,) = [row for row in soest["indicators"] if row["indicator_id"] == "charging_points"]
    assert row["value_unshrunk"] == pytest.approx(1000 * row["numerator"] / row["denominator"])
    assert row["value"] != row["value_unshrunk"]
    assert "shrunk to" in "\n".join(report.explain_lines(soest, 5))


def test_a_sum_shows_all_its_rows_and_the_screen_the_first(soest: dict[str, Any]) -> None:
    (row,) = [row for row in soest["indicators"] if row["indicator_id"] == "charging_points"]
    devices = [cell for cell in row["cells"] if cell["used_for"] == "numerator"]
    assert sum(int(cell["value"]) for cell in devices) == row["numerator"]
    assert len(devices) > 5
    text = "\n".join(report.explain_lines(soest, 5))
    assert f"and {len(devices) - 5} more (" in text


def test_the_value_that_alone_would_close_the_gap_does_so_and_a_bit_less_does_not(soest: dict[str, Any]) -> None:
    found = soest["next_group"]
    assert found["points_missing"] == pytest.approx(found["last_ahead"]["score"] - soest["place"]["score"])
    assert found["last_ahead"]["rank_group"] == soest["place"]["rank_group"] - 1
    by_id = {row["indicator_id"]: row for row in soest["indicators"]}
    reachable = [row for row in found["by_one_value"] if row["is_reachable"]]
    assert reachable
    for alone in found["by_one_value"]:
        row = by_id[alone["indicator_id"]]
        assert row["level"] == "municipality"
        assert row["value_status"] not in ("inherited", "imputed")
        if not alone["is_reachable"]:
            assert row["points"] + found["points_missing"] > 100 * row["weight"]
            continue
        step = 10.0 ** -CATALOG.indicators[alone["indicator_id"]].decimals
        towards = 1 if row["direction"] == "higher" else -1

        def points(value: float, row: dict[str, Any] = row) -> float:
            return float(row["weight"] * explain.scaled({**row, "value": value})) - float(row["points"])

        assert points(alone["needed"]) >= found["points_missing"] - 1e-9
        assert points(alone["needed"] - towards * 1.01 * step) < found["points_missing"]


def test_who_is_in_the_first_group_is_told_so(editions: Path, db: duckdb.DuckDBPyConnection) -> None:
    (first,) = rows(db, "from rankings where edition_year = 2021 and league = 'city_30k' and rank = 1")
    found = document(editions, 2021, first["ags"], only=["fibre_1000"])
    assert found["next_group"]["reason"] == "it is in the first group"
    assert [row["indicator_id"] for row in found["indicators"]] == ["fibre_1000"]


def test_a_place_without_a_rank_is_explained_with_its_reason(editions: Path) -> None:
    rankings = editions / "2021" / "rankings.parquet"
    unranked = f"select min(ags) from '{rankings}' where league = 'city_30k' and rank is null"
    ((ags,),) = duckdb.connect().execute(unranked).fetchall()
    found = document(editions, 2021, ags, only=["doctors"])
    assert found["place"]["rank"] is None
    assert found["place"]["reason"] != ""
    text = "\n".join(report.explain_lines(found, 5))
    assert f"no rank: {found['place']['reason']}" in text
    assert found["sum_of_points"] is None


def test_other_figures_than_those_of_the_edition_are_refused(editions: Path, tmp_path: Path) -> None:
    for path in BUNDLED.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "typed__facts_funding__members.parquet").unlink()
    name = "typed__facts_funding__members.parquet"
    duckdb.connect().execute(f"copy (from '{BUNDLED / name}' offset 1) to '{tmp_path / name}'")
    with pytest.raises(UsageError, match="--figures"):
        document(editions, 2020, SOEST, figures_folder=tmp_path)


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["stadtrang", "explain", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    output = capsys.readouterr()
    return int(stopped.value.code or 0), output.out, output.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Soestt", "--year", 2020], "no place of germany has exactly this name"),
        (["Neustadt", "--year", 2020], "places of germany have this name; did you mean Neustadt"),
        (["Mühlhausen", "--year", 2020], "did you mean Mühlhausen"),
        (["5974040", "--year", 2020], "a leading zero may be lost"),
        (["05974041", "--year", 2020], "no place of germany has this key"),
        (["Soest", "--year", 1999], "no published edition 1999"),
        (["Soest", "--year", 2020, "--figures", "nowhere"], "--figures nowhere: No such file"),
        (["Soest", "--year", 2020, "--league", "size_0_5k"], "is not in size_0_5k; it is in city_30k"),
        (["Soest", "--year", 2020, "--league", "moon"], "unknown league 'moon'"),
        (["Soest", "--year", 2020, "--indicator", "moon"], "unknown indicator moon"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    editions: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[object],
    message: str,
) -> None:
    code, out, error = run(capsys, monkeypatch, *arguments, "--out", editions)
    assert (code, out) == (2, "")
    assert message in error


def test_json_is_one_document_and_quiet_is_nothing(
    editions: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ["Soest", "--year", 2020, "--indicator", "doctors", "--out", editions]
    code, out, error = run(capsys, monkeypatch, *call, "--json", "--quiet")
    assert (code, error) == (0, "")
    (row,) = json.loads(out, parse_constant=pytest.fail)["indicators"]  # NaN is no JSON
    assert row["cells"][0]["typed"]["unit_key"] == SOEST
    assert run(capsys, monkeypatch, *call, "--quiet") == (0, "", "")


def test_every_number_of_the_whole_document_is_json(soest: dict[str, Any]) -> None:
    json.loads(json.dumps(soest, default=str), parse_constant=pytest.fail)


def test_with_an_archive_the_text_in_the_publishers_cell_is_shown(
    editions: Path, archive_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ["Soest", "--year", 2020, "--indicator", "unemployed", "--out", editions]
    _, without, _ = run(capsys, monkeypatch, *call)
    code, out, error = run(capsys, monkeypatch, *call, "--archive", archive_root)
    assert (code, error) == (0, "")
    assert 'cell Z2459 "Arbeitslose": text 1874\n' in out
    assert '"Bevölkerung am 31.12.2020 in 100": text 472.1\n' in out
    assert '"Bevölkerung am 31.12.2020 in 100": value 47210\n' in without


def test_an_archive_without_the_file_is_an_error_that_names_it(editions: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="archive"):
        document(editions, 2020, SOEST, only=["doctors"], archive_root=tmp_path)
