"""What drives a rank: points of the unit cube are the method's own draws, and a factor that acts is found."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import small_edition
from hypothesis import given, settings
from test_composite import AREAS, SEEDS, everyone, indicators, matrix, method
from test_uncertainty import AGS, ALL, NAMES, problem_of, uneven

from pipeline import catalog, cli, drivers, published, report
from pipeline.composite import draws, ranks, scoring, sensitivity, uncertainty
from pipeline.composite.draws import ARITHMETIC, DECLARED, LEVELS, MIN_MAX, NOTHING, OPEN, Factors, Names
from pipeline.composite.uncertainty import Problem
from pipeline.errors import PipelineError

BASE = 64


def random_problem(seed: int = 3) -> Problem:
    m = uneven(np.random.default_rng(seed))
    return problem_of(m, indicators(), method(m, indicators()))


def ranked(problem: Problem, names: Names = NAMES) -> drivers.Ranked:
    """All places of a problem as one league, with the ranks of draw 0."""
    scores = uncertainty.totals(problem, draws.nominal(names))[0]
    return drivers.Ranked(problem, ranks.competition(scores.astype(float)))


def totals_of(found: drivers.Ranked, factors: Factors) -> dict[str, np.ndarray]:
    """Factor to the total indices of the mean rank shift and of every place."""
    units = range(len(found.nominal))
    return dict(zip(OPEN, drivers.indices(found, factors, NAMES, 1, BASE, units)[0].total, strict=True))


SWITCHED_OFF: dict[str, dict[str, object]] = {
    "area_weight": {"weight_noise": 0.0},
    "indicator_weight": {"weight_noise": 0.0},
    "normalisation": {"normalisation": (MIN_MAX,)},
    "treatment": {"treatment": (DECLARED,)},
    "aggregation": {"aggregation": (ARITHMETIC,)},
    "left_out": {"leave_out": 0.0},
    "sampling": {"sampling": False},
    "imputation": {"imputation": False},
}


@pytest.mark.parametrize("factor", OPEN)
def test_a_factor_that_is_switched_off_moves_nothing_and_one_that_is_on_does(factor: str) -> None:
    found = ranked(random_problem())
    open_ = totals_of(found, ALL)
    closed = totals_of(found, dataclasses.replace(ALL, **SWITCHED_OFF[factor]))  # type: ignore[arg-type]
    assert np.nanmax(open_[factor]) > 0
    assert np.nanmax(closed[factor]) == 0


def test_with_every_factor_switched_off_nothing_moves_and_nothing_drives() -> None:
    found, sample = drivers.indices(ranked(random_problem()), NOTHING, NAMES, 1, BASE, [0])
    assert np.isnan(found.total).all()
    assert (sample[:, 0] == 0).all()
    assert sensitivity.driver(found, OPEN, 0).factor == ""


def flat(scores: np.ndarray) -> Problem:
    """Places with one exactly known indicator per area, scores (places, areas) under every scenario."""
    areas = scores.shape[1]
    return Problem(
        ags=np.arange(len(scores)) + 1001000,
        indicators=np.arange(areas),
        area=np.arange(areas),
        weight=np.full(areas, 1.0 / areas),
        there=np.ones(scores.shape, dtype=bool),
        scores=lambda *_: scores,
        noise=[],
        drawn_scores=lambda *_: np.empty((0, LEVELS)),
    )


def test_an_index_in_which_one_area_alone_tells_places_apart_is_driven_by_leaving_it_out() -> None:
    scores = np.full((40, 4), 50.0)
    scores[:, 2] = np.linspace(0, 100, 40)
    names = Names(("a", "b", "c", "d"), ("w", "x", "y", "z"))
    field = ranked(flat(scores), names)
    found, _ = drivers.indices(field, Factors(), names, 1, BASE, [0, 20])
    for output in range(3):
        driver = sensitivity.driver(found, OPEN, output)
        assert (driver.factor, driver.is_clear) == ("left_out", True)
        others = [k for k, name in enumerate(OPEN) if name != "left_out"]
        assert (found.total[others, output] == 0).all(), "the order is the area's own while it is there"


def test_two_areas_against_each_other_are_driven_by_the_weights_of_areas_where_none_is_left_out() -> None:
    rng = np.random.default_rng(5)
    first = rng.uniform(20, 80, 60)
    names = Names(("a", "b"), ("x", "y"))
    found, _ = drivers.indices(
        ranked(flat(np.column_stack([first, 100 - first + rng.normal(0, 2, 60)])), names),
        Factors(leave_out=0.0, aggregation=(ARITHMETIC,)), names, 1, BASE, [],
    )  # fmt: skip
    assert sensitivity.driver(found, OPEN, 0).factor == "area_weight"
    assert sensitivity.driver(found, OPEN, 0).total == pytest.approx(1.0, abs=0.2)


@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_a_point_of_the_cube_is_the_method_itself_with_the_choices_of_the_point(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = uneven(rng)
    declared, spec = indicators(), method(m, indicators())
    made = draws.at(ALL, seed, rng.random((12, len(OPEN))), NAMES)
    problem = problem_of(m, declared, spec)
    fast = uncertainty.totals(problem, made)
    for row in range(12):
        result = scoring.score_year(m, declared, everyone(m), spec, made.pick([row]), AGS).sets["all"]
        if made.aggregation[row] != draws.COPELAND:
            np.testing.assert_allclose(fast[row], result.score[np.isin(AGS, problem.ags)], atol=0.08)


def test_uniform_points_choose_as_often_as_the_draws_of_the_intervals() -> None:
    rng = np.random.default_rng(2)
    made = draws.at(ALL, 1, rng.random((6000, len(OPEN))), NAMES)
    for name in draws.CHOICES:
        options, counts = np.unique(getattr(made, name), return_counts=True)
        assert sorted(options) == sorted(getattr(ALL, name))
        np.testing.assert_allclose(counts / 6000, 1 / len(options), atol=0.03)
    shares = np.bincount(made.left_out + 1, minlength=AREAS + 1) / 6000
    np.testing.assert_allclose(shares, [0.5, *[0.5 / AREAS] * AREAS], atol=0.03)
    for noise in (made.area_weight, made.indicator_weight):
        assert (noise.min(), noise.max()) == pytest.approx((0.75, 1.25), abs=0.001)
        np.testing.assert_allclose(noise.mean(axis=0), 1.0, atol=0.012)


def test_one_coordinate_changes_one_factor_alone() -> None:
    point = np.full((1, len(OPEN)), 0.3)
    for k, name in enumerate(OPEN):
        moved = point.copy()
        moved[0, k] = 0.9
        before, after = draws.at(ALL, 1, point, NAMES), draws.at(ALL, 1, moved, NAMES)
        differing = [n for n in OPEN if not np.array_equal(getattr(before, n), getattr(after, n))]
        assert differing == [name]


@pytest.mark.parametrize("cube", [np.full((2, 3), 0.5), np.full((2, 8), 1.0), np.full((2, 8), np.nan), np.zeros(8)])
def test_what_is_no_point_of_the_cube_is_refused(cube: np.ndarray) -> None:
    with pytest.raises(PipelineError, match="8 coordinates"):
        draws.at(ALL, 1, cube, NAMES)


def test_the_outputs_stand_in_the_order_of_the_points_whatever_is_drawn_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = ranked(random_problem())
    made = draws.at(ALL, 1, np.random.default_rng(1).random((50, len(OPEN))), NAMES)
    whole = drivers.outputs(found, made, [0, 5])
    monkeypatch.setattr(drivers, "RUNS", 7)
    assert np.array_equal(drivers.outputs(found, made, [0, 5]), whole)
    alone = np.concatenate([drivers.outputs(found, made.pick([row]), [0, 5]) for row in range(50)])
    assert np.array_equal(alone, whole)


def test_draw_0_moves_no_rank() -> None:
    m = matrix(np.random.default_rng(1), missing=0.06)
    result = scoring.score_year(m, indicators(), everyone(m), method(m, indicators())).sets["all"]
    nominal = ranks.competition(result.score[result.is_available])
    found = drivers.Ranked(problem_of(m, indicators(), method(m, indicators())), nominal)
    units = list(range(len(nominal)))
    published_ranks = drivers.outputs(found, draws.nominal(NAMES), units)[0]
    assert published_ranks[0] == 0
    assert published_ranks[1:].tolist() == nominal.tolist()


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_edition.write(tmp_path_factory.mktemp("editions"))


def places_of(out: Path) -> list[tuple[int, int]]:
    with published.connect(published.folder(out, 2021), *drivers.FILES) as edition:
        rows = edition.execute("select ags::integer, rank from rankings where rank is not null order by ags")
        return rows.fetchall()


def test_figures_that_give_other_ranks_than_the_edition_are_refused_with_the_first_place(out: Path) -> None:
    rows = places_of(out)
    problem = dataclasses.replace(flat(np.zeros((len(rows), 2))), ags=np.array([ags for ags, _ in rows]))
    nominal = np.array([rank for _, rank in rows])
    with published.connect(published.folder(out, 2021), *drivers.FILES) as edition:
        drivers.require_published(drivers.Ranked(problem, nominal), edition, "city_30k")
        swapped = nominal.copy()
        swapped[[0, 1]] = nominal[[1, 0]]
        with pytest.raises(PipelineError, match=rf"2 ranks .* the first is {rows[0][0]:08d}: {nominal[0]} published"):
            drivers.require_published(drivers.Ranked(problem, swapped), edition, "city_30k")
        swapped = np.where(np.arange(len(rows)) == 0, 0, nominal)
        with pytest.raises(PipelineError, match=r"1 ranks .*none from the figures"):
            drivers.require_published(drivers.Ranked(problem, swapped), edition, "city_30k")


def test_the_answer_names_the_place_its_published_rank_and_every_choice_the_strongest_first() -> None:
    declared = catalog.load()
    scores = np.full((12, 3), 50.0)
    scores[:, 1] = np.linspace(90, 10, 12)
    found = ranked(flat(scores), Names(tuple(declared.areas), tuple(i.id for i in declared.sorted_indicators)))
    document = drivers.document(declared, found, 2021, "city_30k", BASE, [("01001005", "Ort")])
    shift, place = document["outputs"]
    assert (document["ranked"], document["draws"]) == (12, BASE * (len(OPEN) + 2))
    assert (shift["output"], shift["rank"]) == ("rank_shift", None)
    assert (place["ags"], place["name"], place["rank"]) == ("01001005", "Ort", 6)
    assert (place["driver"], place["is_clear"], place["factors"][0]["factor"]) == ("left_out", True, "left_out")
    assert sorted(row["factor"] for row in place["factors"]) == sorted(OPEN)
    lines = report.sensitivity_lines(document)
    (title,) = (line for line in lines if line.startswith("Ort (01001005), published rank 6; over the draws 6.0 ("))
    assert title.endswith(": driven by left_out")
    assert lines[lines.index(title) + 2].startswith("left_out")


def test_a_rank_that_no_choice_moves_has_no_driver_and_no_shares() -> None:
    declared = catalog.load()
    names = Names(tuple(declared.areas), tuple(i.id for i in declared.sorted_indicators))
    scores = np.linspace(90, 10, 12)[:, None].repeat(3, axis=1)
    document = drivers.document(declared, ranked(flat(scores), names), 2021, "city_30k", 2, [])
    (shift,) = document["outputs"]
    assert (shift["driver"], shift["is_clear"], shift["factors"][0]["total"]) == (None, False, None)
    lines = report.sensitivity_lines(document)
    assert "mean rank shift; over the draws 0.0 (0.0 to 0.0): no choice moves it" in lines
    assert any("not defined" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--base", 100], "--base 100: a power of 2 is expected"),
        (["--base", 1], "--base 1: a power of 2 is expected"),
        (["--base", 0], "--base 0: a power of 2 is expected"),
        (["--place", "Atlantis"], "'Atlantis': no place of city_30k has exactly this name"),
        (["--place", "LAST"], "has no rank in city_30k: values for 50 %"),
        (["--league", "moon"], "unknown league 'moon'"),
        (["--year", 1999], "no published edition 1999"),
    ],
)
def test_what_cannot_be_answered_is_refused_before_anything_is_drawn(
    out: Path,
    arguments: list[object],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    last = max(place.ags for place in small_edition.TWELVE)
    words = ["stadtrang", "sensitivity", "--year", 2021, "--out", out, *arguments]
    monkeypatch.setattr(sys, "argv", [last if word == "LAST" else str(word) for word in words])
    monkeypatch.setattr(drivers, "read", lambda *_: pytest.fail("the figures were read"))
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
