"""What-if: nothing changed gives what is published, a change gives what can be computed by hand, bad input an error."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_edition
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import cli, published, whatif
from pipeline.composite.ranks import competition
from pipeline.errors import PipelineError, UsageError

NAMES = sorted(small_edition.INDICATORS)
POINTS = small_edition.normalised()[:-1]  # the last place has no rank


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_edition.write(tmp_path_factory.mktemp("editions"))


@pytest.fixture(scope="module")
def league(out: Path) -> whatif.League:
    with published.connect(published.folder(out, 2021), *whatif.FILES) as edition:
        return whatif.read(edition, "city_30k", "city")


def ask(league: whatif.League, **choices: Any) -> whatif.Answer:
    return whatif.answer(league, whatif.Question("city_30k", choices.pop("factors", {}), **choices))


def area_points(area: str) -> np.ndarray:
    members = [k for k, name in enumerate(NAMES) if small_edition.INDICATORS[name][0] == area]
    return POINTS[:, members].mean(axis=1)


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["stadtrang", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    output = capsys.readouterr()
    return int(stopped.value.code or 0), output.out, output.err


def test_nothing_changed_gives_the_published_scores_and_ranks(league: whatif.League) -> None:
    found = ask(league)
    assert found.rank.tolist() == league.rank.tolist()
    np.testing.assert_allclose(found.score, league.score, atol=1e-9)
    assert whatif.Question("city_30k", {"mobility": 1.0}).is_unchanged
    assert not whatif.Question("city_30k", {"mobility": 2.0}).is_unchanged
    assert not whatif.Question("city_30k", {}, aggregation="copeland").is_unchanged


def test_a_place_without_a_rank_is_not_part_of_the_answer(league: whatif.League) -> None:
    assert len(league.ags) == 11
    assert len(set(league.ags)) == 11
    assert ask(league).rank.max() == 11


def test_a_doubled_area_counts_twice(league: whatif.League) -> None:
    by_hand = (area_points("infrastructure") + 2 * area_points("mobility") + area_points("society_economy")) / 4
    found = ask(league, factors={"mobility": 2.0})
    np.testing.assert_allclose(found.score, by_hand, atol=1e-9)
    assert found.rank.tolist() == competition(by_hand).tolist()
    np.testing.assert_allclose(found.area_weight, [0.25, 0.5, 0.25], atol=1e-10)


def test_without_an_area_is_with_its_weight_0(league: whatif.League) -> None:
    by_hand = (area_points("infrastructure") + area_points("mobility")) / 2
    without = ask(league, without=["society_economy"])
    np.testing.assert_allclose(without.score, by_hand, atol=1e-9)
    assert without.rank.tolist() == ask(league, factors={"society_economy": 0.0}).rank.tolist()


def test_one_area_alone_is_ranked_by_its_own_points(league: whatif.League) -> None:
    found = ask(league, without=["infrastructure", "mobility"])
    assert found.rank.tolist() == competition(area_points("society_economy")).tolist()


def test_geometric_means_are_taken_between_areas_on_1_to_100(league: whatif.League) -> None:
    areas = [1 + 0.99 * area_points(area) for area in small_edition.AREAS]
    by_hand = np.prod(areas, axis=0) ** (1 / 3)
    np.testing.assert_allclose(ask(league, aggregation="geometric").score, by_hand, atol=1e-9)


def test_copeland_counts_the_other_places_that_are_beaten_in_most_areas(league: whatif.League) -> None:
    areas = np.column_stack([area_points(area) for area in small_edition.AREAS])
    by_hand = [sum(np.sign(np.sign(mine - other).sum()) for other in areas) for mine in areas]
    assert ask(league, aggregation="copeland").score.tolist() == by_hand


@pytest.mark.parametrize("kind", [*whatif.NORMALISATIONS])
def test_every_normalisation_puts_the_better_value_first_whatever_its_direction(
    league: whatif.League, kind: str
) -> None:
    for area in ("mobility", "society_economy"):  # more is better, less is better
        others = [name for name in small_edition.AREAS if name != area]
        found = ask(league, without=others, normalisation=kind)
        assert found.rank.tolist() == competition(area_points(area)).tolist()


def test_an_indicator_equal_in_all_places_is_left_out_by_name_where_it_has_no_scale(tmp_path: Path) -> None:
    points = small_edition.normalised()
    points[:, NAMES.index("fibre_1000")] = 40.0
    with published.connect(published.folder(small_edition.write(tmp_path, points), 2021), *whatif.FILES) as edition:
        league = whatif.read(edition, "city_30k", "city")
    assert ask(league).left_out == []
    assert ask(league, normalisation="rank").left_out == ["fibre_1000"]
    assert (ask(league, normalisation="rank").rank > 0).all()


@given(factor=st.floats(0.01, 100))
@settings(max_examples=30, deadline=None)
def test_all_weights_times_a_constant_changes_nothing(factor: float) -> None:
    league = whatif.League(
        2021, "1.0.0", [f"{n:08d}" for n in range(11)], ["x"] * 11, ["y"] * 11, np.zeros(11),
        np.ones(11, dtype=np.int64), POINTS, POINTS, np.array([small_edition.WEIGHT[name] for name in NAMES]),
        np.array([0, 1, 0, 2]), small_edition.AREAS, {}, NAMES, np.ones(4, dtype=bool), np.zeros(4, dtype=bool),
    )  # fmt: skip
    scaled = ask(league, factors=dict.fromkeys(small_edition.AREAS, factor))
    assert scaled.rank.tolist() == ask(league).rank.tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mobility", "not area=number"),
        ("mobility=", "not area=number"),
        ("mobility=viel", "not area=number"),
        ("mobility=nan", "not area=number"),
        ("=2", "not area=number"),
        ("mobility=-1", "from 0 to 1,000,000"),
        ("mobility=inf", "from 0 to 1,000,000"),
        ("mobility=2,mobility=3", "stands twice"),
    ],
)
def test_a_weight_that_is_none_is_an_error(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        whatif.parse_weights(text)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"factors": {"mobilty": 2.0}}, "unknown area 'mobilty'; scored are infrastructure, mobility, society_economy"),
        ({"without": ["tourism"]}, "unknown area 'tourism'"),
        ({"factors": {"administration": 2.0}}, "administration is not scored .* too few indicators"),
        ({"factors": {"mobility": -1.0}}, "0 or more"),
        ({"factors": {"mobility": 2.0}, "without": ["mobility"]}, "not in both"),
        ({"without": list(small_edition.AREAS)}, "no area is left"),
        ({"normalisation": "logistic"}, "unknown 'logistic'; there are min_max"),
        ({"aggregation": "median"}, "unknown 'median'; there are arithmetic"),
    ],
)
def test_a_choice_that_does_not_exist_is_a_usage_error(
    league: whatif.League, choices: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        ask(league, **choices)


def test_the_command_marks_its_answer_as_not_published_and_shows_the_asked_places(
    out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("whatif", "--year", 2021, "--out", out, "--weights", "mobility=3", "--place", "Soest", "--top", 3)
    code, text, _ = run(capsys, monkeypatch, *asked)
    lines = text.splitlines()
    assert code == 0
    assert lines[0].startswith("NOT THE PUBLISHED RANKING")
    assert "NOT THE PUBLISHED RANKING" in lines[-1]
    code, text, _ = run(capsys, monkeypatch, *asked, "--json")
    document = json.loads(text)
    assert (code, document["is_published_ranking"], document["is_unchanged"]) == (0, False, False)
    assert [row["rank"] for row in document["top"]] == [1, 2, 3]
    (soest,) = document["asked"]
    assert soest["ags"] == "05974040"
    assert soest["change"] == soest["rank_published"] - soest["rank"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--year", 2030], "no published edition 2030 in .*; there are 2021"),
        (["--year", 2021, "--league", "bundesliga"], "unknown league 'bundesliga'; the edition has city_30k"),
        (["--year", 2021, "--place", "Soestt"], "no place of city_30k has exactly this name"),
        (["--year", 2021, "--place", "5974040"], "a leading zero may be lost"),
        (["--year", 2021, "--place", "Eisenach"], "has no rank in city_30k: values for 50 %"),
        (["--year", 2021, "--weights", "mobility=-2"], "from 0 to 1,000,000"),
        (["--year", 2021, "--weights", "mobility=1e308,health=1e308"], "from 0 to 1,000,000"),
    ],
)
def test_the_command_says_what_is_wrong_and_exits_with_2(
    out: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[object],
    message: str,
) -> None:
    code, text, error = run(capsys, monkeypatch, "whatif", "--out", out, *arguments)
    assert (code, text) == (2, "")
    assert error.startswith("stadtrang: ")
    assert re.search(message, error)


def test_an_edition_that_is_not_whole_is_named(tmp_path: Path) -> None:
    folder = published.folder(small_edition.write(tmp_path), 2021)
    (folder / "weights.parquet").write_bytes(b"no parquet")
    with pytest.raises(PipelineError, match=r"weights\.parquet is not readable as Parquet"):
        published.connect(folder, *whatif.FILES)
    (folder / "weights.parquet").unlink()
    with pytest.raises(PipelineError, match=r"weights\.parquet is not there"):
        published.connect(folder, *whatif.FILES)
