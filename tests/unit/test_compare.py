"""Somebody else's ranks against ours: correlations as SciPy has them, places matched exactly, and clear errors."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import small_edition
from hypothesis import given, settings
from hypothesis import strategies as st
from places import TWELVE

from pipeline import catalog, cli, compare, published
from pipeline.composite import agreement
from pipeline.errors import PipelineError, ReadError

CATALOG = catalog.load()
NOMINAL = (1, 40)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_edition.write(tmp_path_factory.mktemp("editions"))


def csv_file(folder: Path, text: str) -> Path:
    path = folder / "ranks.csv"
    path.write_text(text, "utf-8")
    return path


def compared(out: Path, path: Path) -> tuple[compare.Lists, list[dict[str, Any]]]:
    with published.connect(published.folder(out, 2021), *compare.FILES) as edition:
        return compare.place(edition, "city_30k", compare.read_ranks(path), CATALOG, path)


def our_ranks(out: Path) -> dict[str, int]:
    with published.connect(published.folder(out, 2021), "rankings") as edition:
        return dict(edition.execute("select ags, rank from rankings where rank is not null order by rank").fetchall())


def listed(ranks: dict[str, int]) -> str:
    return "ags,rank\n" + "".join(f"{ags},{rank}\n" for ags, rank in ranks.items())


@given(seed=st.integers(0, 10_000), values=st.integers(2, 40))
@settings(max_examples=60, deadline=None)
def test_correlations_are_those_of_scipy_with_and_without_ties(seed: int, values: int) -> None:
    generator = np.random.default_rng(seed)
    x, y = generator.integers(0, values, (2, 40)).astype(float)
    y[::3] = x[::3]
    once = np.ones(NOMINAL)
    with np.errstate(invalid="ignore"):
        assert agreement.spearman(x, y)(once)[0] == pytest.approx(scipy.stats.spearmanr(x, y).statistic, nan_ok=True)
        assert agreement.kendall(x, y)(once)[0] == pytest.approx(scipy.stats.kendalltau(x, y).statistic, nan_ok=True)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_a_draw_of_counts_is_the_list_with_places_repeated(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, y = generator.integers(0, 12, (2, 40)).astype(float)
    (counts,) = agreement.drawn_counts(40, 1, seed)
    repeated = np.repeat(np.arange(40), counts[0].astype(int))
    assert len(repeated) == 40
    for ours, theirs in ((agreement.spearman, scipy.stats.spearmanr), (agreement.kendall, scipy.stats.kendalltau)):
        assert ours(x, y)(counts)[0] == pytest.approx(theirs(x[repeated], y[repeated]).statistic, abs=1e-9)


def test_more_places_than_a_block_give_the_same_kendall() -> None:
    x, y = np.random.default_rng(3).normal(size=(2, 700)) + np.linspace(0, 2, 700)
    found = agreement.kendall(x, y)(np.ones((1, 700)))[0]
    assert found == pytest.approx(scipy.stats.kendalltau(x, y).statistic, abs=1e-12)


def test_the_interval_holds_the_true_correlation_in_nine_of_ten_replications() -> None:
    truth, hits = 6 / np.pi * np.arcsin(0.6 / 2), 0  # Spearman's of a normal pair with correlation 0.6
    for seed in range(300):
        x, y = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 120).T
        _, low, high = agreement.interval(agreement.spearman(x, y), 120, draws=300, seed=seed)
        hits += int(low <= truth <= high)
    assert 0.84 <= hits / 300 <= 0.95


def test_our_own_ranks_agree_with_us_and_reversed_ones_do_not(out: Path, tmp_path: Path) -> None:
    ours = our_ranks(out)
    for ranks, expected in ((ours, 1.0), ({ags: 12 - rank for ags, rank in ours.items()}, -1.0)):
        lists, left_out = compared(out, csv_file(tmp_path, listed(ranks)))
        found = compare.document(lists, "city_30k", 2021, left_out, top=3)
        assert found["spearman"] == {"estimate": expected, "p05": expected, "p95": expected}
        assert found["kendall_tau_b"]["estimate"] == expected
        assert (found["places"], left_out) == (11, [])
    assert len(found["disagreements"]) == 3


def test_places_are_ranked_among_those_in_both_lists(out: Path, tmp_path: Path) -> None:
    """Their ranks 3, 10, 100, ... become 1, 2, 3, ...; what is published stands beside it."""
    six = dict(list(our_ranks(out).items())[5:])
    lists, _ = compared(out, csv_file(tmp_path, listed({ags: 3 + 7 * number for number, ags in enumerate(six)})))
    found = compare.document(lists, "city_30k", 2021, [], top=10)
    assert found["spearman"]["estimate"] == 1.0
    assert found["disagreements"] == []
    assert sorted(lists.ours.tolist()) == list(range(6, 12))


def test_the_biggest_disagreement_and_the_area_behind_it_are_found(tmp_path: Path) -> None:
    """They rank by society alone, we by three areas: mobility, which they ignore, is what lifts places with us."""
    generator = np.random.default_rng(0)
    points = np.full((12, 4), 50.0)
    names = sorted(small_edition.INDICATORS)
    points[:, names.index("unemployed")] = generator.permutation(np.linspace(20, 60, 12))
    points[:, names.index("charging_points")] = generator.permutation(np.linspace(0, 100, 12))
    out = small_edition.write(tmp_path / "editions", points.round(10))
    places = sorted(TWELVE, key=lambda place: place.ags)[:-1]
    society = points[:-1, names.index("unemployed")]
    theirs = {place.ags: 1 + int((society > mine).sum()) for place, mine in zip(places, society, strict=True)}
    lists, _ = compared(out, csv_file(tmp_path, listed(theirs)))
    found = compare.document(lists, "city_30k", 2021, [], top=11)
    assert found["areas"][0]["area"] == "mobility"
    assert found["areas"][0]["estimate"] > 0.5
    gaps = [abs(row["gap"]) for row in found["disagreements"]]
    assert gaps == sorted(gaps, reverse=True)
    for row in found["disagreements"]:
        assert row["gap"] == row["rank_there"] - row["rank_here"]
        assert all(area["points"] * row["gap"] > 0 for area in row["areas"])
    ahead = next(row for row in found["disagreements"] if row["gap"] > 0)
    assert ahead["areas"][0]["area"] == "mobility"


@pytest.mark.parametrize(
    ("entry", "ags"),
    [
        ("Soest", "05974040"),
        ("Soest, Stadt", "05974040"),
        ("soest", "05974040"),
        ("05974040", "05974040"),
        ("Köln", "05315000"),
        ("koln", "05315000"),  # an alias
        ("Hamburg", "02000000"),
    ],
)
def test_a_name_or_key_means_one_place(out: Path, entry: str, ags: str) -> None:
    with published.connect(published.folder(out, 2021), "rankings") as edition:
        assert [found.ags for found in published.match(edition, "city_30k", [entry], CATALOG)] == [ags]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("Soes", "exactly this name"),
        ("Soester", "exactly this name"),
        ("5974040", "a leading zero may be lost"),
        ("05974041", "no place of city_30k has this key"),
        ("", "exactly this name"),
    ],
)
def test_what_is_not_exactly_a_place_is_none(out: Path, entry: str, reason: str) -> None:
    with published.connect(published.folder(out, 2021), "rankings") as edition:
        (found,) = published.match(edition, "city_30k", [entry], CATALOG)
    assert found.ags is None
    assert reason in found.reason


def test_two_places_of_one_name_are_listed_and_not_chosen_from(out: Path) -> None:
    with published.connect(published.folder(out, 2021), "rankings") as edition:
        edition.execute("create or replace table copy as from rankings")
        edition.execute("drop view rankings")
        edition.execute("create table rankings as from copy")
        edition.execute("insert into rankings by name select * replace ('03999999' as ags, 'Soest (Heide)' as name) "
                        "from copy where ags = '05974040'")  # fmt: skip
        (found,) = published.match(edition, "city_30k", ["Soest"], CATALOG)
    assert (found.ags, found.reason) == (None, "2 places of city_30k have this name")
    assert found.candidates == ("Soest (Heide) (03999999)", "Soest, Stadt (05974040)")


def test_unknown_and_unranked_entries_are_left_out_with_row_and_reason(out: Path, tmp_path: Path) -> None:
    text = "Stadt;Rang\n" + "".join(f"{place.name};{n}\n" for n, place in enumerate(TWELVE, 1)) + "\nAtlantis;13\n"
    lists, left_out = compared(out, csv_file(tmp_path, text))
    assert len(lists.ags) == 11
    assert [(row["row"], row["entry"]) for row in left_out] == [(13, "Eisenach, Stadt"), (15, "Atlantis")]
    assert "no rank in city_30k" in left_out[0]["reason"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column for a place"),
        (
            "place,rank\nSoest,1\n",
            "no column for a place: ags or name; expected one of ags, name, .* found place, rank",
        ),
        ("name,score\nSoest,1\n", "no column for the rank"),
        ("name,rank\n", "no row below the header"),
        ("name,rank\nSoest,0\n", "row 2: column 'rank': expected a whole number from 1 to 9999999, found '0'"),
        ("name,rank\nSoest," + "9" * 30 + "\n", "row 2: column 'rank': expected a whole number from 1 to 9999999"),
        ('name,rank\n"Soest,1\nKöln,2\n', "not a CSV: unexpected end of data"),
        ('name,rank\n"Mün\nchen",1\n', "row 2: column 'name': one line is expected"),
        ("name,rank\n\x1b[31mSoest,1\n", r"printable text is expected, found '\\x1b'"),
        ("name,rank\n" + "x" * 200_000 + ",1\n", "not a CSV: field larger than field limit"),
        ("name,rank\nSoest,1.5\n", "row 2: .* found '1.5'"),
        ("name,rank\nSoest,\n", "row 2: .* found ''"),
        ("name,rank\nSoest,1\nKöln\n", "row 3: 1 cells, the header has 2"),
        ("name,rank\n,1\n", "row 2: column 'name' is empty"),
        ("name,rank,rank\nSoest,1,2\n", "column 'rank' stands twice"),
        ('name,rank\nSoest,1\nKöln,2\n"Soest, Stadt",3\n', "rows 2 .* and 4 .* are the same place, 05974040"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_row(out: Path, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        compared(out, csv_file(tmp_path, text))


def test_bytes_that_are_not_utf8_are_no_names(tmp_path: Path) -> None:
    path = tmp_path / "ranks.csv"
    path.write_bytes("name,rank\nKöln,1\n".encode("latin-1"))
    with pytest.raises(ReadError, match="not UTF-8"):
        compare.read_ranks(path)


def test_too_few_common_places_and_equal_ranks_are_errors(out: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"1 of 2 rows are ranked places .* at least 5 .* row 3 Atlantis"):
        compared(out, csv_file(tmp_path, "name,rank\nSoest,1\nAtlantis,2\n"))
    lists, _ = compared(out, csv_file(tmp_path, listed(dict.fromkeys(our_ranks(out), 7))))
    with pytest.raises(PipelineError, match="the same rank"):
        compare.document(lists, "city_30k", 2021, [], top=3)


@pytest.mark.parametrize(
    ("name", "options", "code", "message"),
    [
        ("ranks.csv", ["--year", 2021], 0, ""),
        ("ranks.csv", ["--year", 2019], 2, "no published edition 2019"),
        ("ranks.csv", ["--year", 2021, "--league", "x"], 2, "unknown league 'x'"),
        ("gone.csv", ["--year", 2021], 2, "No such file"),
    ],
)
def test_the_command_exits_as_the_contract_says(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    name: str, options: list[object], code: int, message: str,
) -> None:  # fmt: skip
    csv_file(tmp_path, listed(our_ranks(out)))
    arguments = ["stadtrang", "compare", str(tmp_path / name), "--out", str(out), "--json", *map(str, options)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    output = capsys.readouterr()
    assert int(stopped.value.code or 0) == code
    if code:
        assert output.out == ""
        assert re.search(message, output.err)
    else:
        assert json.loads(output.out)["places"] == 11
