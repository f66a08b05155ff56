"""The draws as a user meets them: other numbers, none at all, one of them again, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import numpy as np
import pytest

from pipeline import build, catalog, changes, drivers, intervals, publish, published, warehouse
from pipeline.composite import draws
from pipeline.errors import UsageError
from pipeline.figures import BUNDLED

CATALOG = catalog.load()


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build leaves behind before anything is drawn."""
    folder = tmp_path_factory.mktemp("work")
    build.check_sources(CATALOG, BUNDLED, folder)
    build.compute(CATALOG, BUNDLED, folder)
    return folder


def write(work: Path, out: Path, year: int, count: int, seed: int | None = None) -> Path:
    """The rest of a build: the folder of the edition."""
    for each in build.to_draw(CATALOG, [year]):
        intervals.simulate(CATALOG, work, each, count, seed)
    with publish.staging(out) as staged:
        build.write_edition(CATALOG, work, year, staged, out)
        (edition,) = build.place(CATALOG, [year], staged, out)
    return edition.folder


def drawn(work: Path, year: int, league: str) -> tuple[np.ndarray, np.ndarray]:
    folder = work / intervals.FOLDER
    return np.load(folder / f"ags-{year}-{league}.npy"), np.load(folder / f"ranks-{year}-{league}.npy")


def test_any_draw_can_be_made_again_alone(work: Path) -> None:
    intervals.simulate(CATALOG, work, 2021, count=20, seed=4, threads=2)
    again = intervals.redraw(CATALOG, work, 2021, [17, 3], seed=4)
    made = draws.make(
        intervals.factors(intervals.settings(CATALOG, 2021)), 4, np.arange(1, 21), intervals.names(CATALOG)
    )
    order = made.by_scenario().numbers.tolist()
    for league in CATALOG.leagues:
        ags, ranks = drawn(work, 2021, league)
        assert again[league].index.tolist() == ags.tolist()
        for number in (17, 3):
            assert np.array_equal(again[league][number], ranks[order.index(number)]), league


def test_draw_0_is_the_published_ranking(work: Path, editions: Path) -> None:
    """In float32 and whole points: the order is the published one but for near ties."""
    nominal = intervals.redraw(CATALOG, work, 2021, [0])
    for league in ("germany", "city_30k", "size_500k"):
        path = editions / "2021" / "rankings.parquet"
        ranked = f"read_parquet('{path}') where league = '{league}' and rank is not null"
        published = duckdb.sql(f"select ags::integer as ags, rank from {ranked}").df()
        off = nominal[league].loc[published["ags"], 0].to_numpy().astype(int) - published["rank"].to_numpy()
        assert np.abs(off).mean() < 0.0005 * len(off) + 0.01, league
        assert np.abs(off).max() <= 0.01 * len(off), league


def test_the_draws_of_the_sensitivity_are_those_of_the_published_intervals(editions: Path) -> None:
    """The same nominal ranks exactly, and the same spread of every place's rank but for the sample."""
    city = drivers.read(CATALOG, BUNDLED, 2021, "city_30k")
    with published.connect(published.folder(editions, 2021), *drivers.FILES) as edition:
        drivers.require_published(city, edition, "city_30k")
        rows = edition.execute(
            "select ags::integer, rank_p05, rank_p95 from rankings where league = 'city_30k' and rank is not null"
        ).fetchall()
    asked = intervals.settings(CATALOG, 2021)
    units = [city.unit(ags) for ags, _, _ in rows]
    names = intervals.names(CATALOG)
    _, sample = drivers.indices(city, intervals.factors(asked), names, asked.seed, 512, units)
    off = np.quantile(sample[:, 1:], [0.05, 0.95], axis=0) - np.array(rows)[:, 1:].T
    assert np.abs(off).mean() < 3
    assert np.abs(off.mean()) < 1
    nominal = drivers.outputs(city, draws.nominal(names), units)[0]
    assert nominal[0] < 0.05  # near ties, in float32


def test_what_does_not_change_changes_in_no_draw(work: Path) -> None:
    """Two years with the same draws: the interval of a change is that of the differences draw by draw."""
    for year in (2020, 2021):
        intervals.simulate(CATALOG, work, year, count=40, seed=1)
    with warehouse.connect() as connection:
        changes.compare(connection, CATALOG, work, 2021)
    path = intervals.path(work, "draw__changes", 2021)
    found = duckdb.sql(f"from read_parquet('{path}') where league = 'city_30k' order by ags_number").df()
    (ags_0, before), (ags_1, after) = drawn(work, 2020, "city_30k"), drawn(work, 2021, "city_30k")
    both = np.intersect1d(ags_0, ags_1)
    risen = before[:, np.isin(ags_0, both)].astype(int) - after[:, np.isin(ags_1, both)]
    assert found["ags_number"].tolist() == both.tolist()
    np.testing.assert_allclose(found["rank_change_p05"], np.quantile(risen, 0.05, axis=0))
    independent = np.random.default_rng(0).permutation(before)[:, np.isin(ags_0, both)].astype(int)
    apart = independent - after[:, np.isin(ags_1, both)]
    assert np.median(np.ptp(risen, axis=0)) < 0.7 * np.median(np.ptp(apart, axis=0)), "common draws narrow a change"


def test_without_draws_the_intervals_are_empty_and_the_ranks_stand(work: Path, editions: Path, tmp_path: Path) -> None:
    write(work, tmp_path, 2019, 0)
    with duckdb.connect() as connection:
        for name, folder in (("bare", tmp_path), ("whole", editions)):
            path = folder / "2019" / "1.0.0"
            connection.execute(f"create view {name} as from read_parquet('{path}/rankings.parquet')")
            connection.execute(f"create view {name}_changes as from read_parquet('{path}/changes.parquet')")
        empty = (
            "rank_group",
            "rank_p05",
            "rank_p50",
            "rank_p95",
            "p_top10",
            "p_top100",
            "p_ahead_next",
            "rank_change_p05",
        )
        counts = connection.execute(f"select {', '.join(f'count({c})' for c in empty)} from bare").fetchall()
        assert counts == [(0,) * len(empty)]
        same = "select league, ags, rank, score, rank_change, rank_without_facts from"
        assert connection.execute(f"({same} bare) except ({same} whole)").fetchall() == []
        parts = "select league, ags, own_data, others_data, method, territory, evidence from"
        assert connection.execute(f"({parts} bare_changes) except ({parts} whole_changes)").fetchall() == []
        assert connection.execute("select count(*) from bare_changes where is_climber").fetchall() == [(0,)]
        checks = connection.execute(
            f"select severity from read_parquet('{tmp_path}/2019/1.0.0/checks.parquet') "
            "where suite = 'rankings' and not success"
        ).fetchall()
        assert ("warning",) in checks
    assert publish.read_draws(tmp_path / "2019" / "1.0.0") == (0, CATALOG.methods["default"].uncertainty.seed)


def test_an_edition_says_with_how_many_draws_and_which_seed_it_was_made(work: Path, tmp_path: Path) -> None:
    folder = write(work, tmp_path, 2018, 16, 99)
    assert publish.read_draws(folder) == (16, 99)
    found = (
        duckdb.connect().execute(f"select key, value from parquet_kv_metadata('{folder}/rankings.parquet')").fetchall()
    )
    assert {(b"draws", b"16"), (b"seed", b"99")} <= set(found)
    lock = json.loads((folder / publish.LOCK).read_text("utf-8"))
    assert (lock["draws"], lock["seed"]) == ("16", "99")


@pytest.mark.parametrize(("option", "value"), [("draws", -1), ("seed", -7)])
def test_a_negative_number_is_refused_before_any_work(option: str, value: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"--{option} {value}: a number of 0 or more"):
        build.build(CATALOG, BUNDLED, tmp_path, [2018], **{option: value})
    assert not (tmp_path / "2018").exists()
