"""A score against the number of inhabitants: known lines are found, and what has no line says so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.composite import size
from pipeline.errors import PipelineError


def places(seed: int, number: int = 300) -> tuple[np.random.Generator, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator, 10 ** generator.uniform(2.5, 6.2, number)


def test_a_line_without_noise_is_found_exactly() -> None:
    _, population = places(1)
    scores = np.column_stack([10 + 4 * np.log10(population), 80 - 2.5 * np.log10(population)])
    found = size.lines(population, scores, draws=100, seed=1)
    np.testing.assert_allclose(found.slope, [4, -2.5], atol=1e-10)
    np.testing.assert_allclose(found.intercept, [10, 80], atol=1e-9)
    np.testing.assert_allclose(found.r2, [1, 1], atol=1e-10)
    np.testing.assert_allclose([found.slope_p05, found.slope_p95], [[4, -2.5], [4, -2.5]], atol=1e-9)
    assert found.n.tolist() == [300, 300]


def test_the_line_is_that_of_numpy() -> None:
    generator, population = places(2)
    score = generator.normal(50, 10, 300)
    found = size.lines(population, score[:, None], draws=0, seed=1)
    slope, intercept = np.polyfit(np.log10(population), score, 1)
    assert found.slope[0] == pytest.approx(slope, abs=1e-9)
    assert found.intercept[0] == pytest.approx(intercept, abs=1e-8)
    assert found.r2[0] == pytest.approx(np.corrcoef(np.log10(population), score)[0, 1] ** 2, abs=1e-10)


def test_the_interval_holds_the_true_slope_in_nine_of_ten_replications() -> None:
    """Noise that grows with size, as it does not in the textbook: the pairs are drawn, not the residuals."""
    truth, hits = 3.0, 0
    for seed in range(300):
        generator, population = places(seed, 150)
        x = np.log10(population)
        score = truth * x + generator.normal(0, 1, 150) * x
        found = size.lines(population, score[:, None], draws=400, seed=seed)
        hits += int(found.slope_p05[0] <= truth <= found.slope_p95[0])
    assert 0.85 <= hits / 300 <= 0.94


def test_a_missing_score_leaves_its_place_out_of_that_measure_only() -> None:
    generator, population = places(3)
    scores = generator.normal(50, 10, (300, 2))
    scores[:40, 1] = np.nan
    found = size.lines(population, scores, draws=200, seed=7)
    alone = size.lines(population[40:], scores[40:, 1:], draws=0, seed=7)
    assert found.n.tolist() == [300, 260]
    assert found.slope[1] == pytest.approx(alone.slope[0], abs=1e-10)
    assert found.slope[0] == pytest.approx(size.lines(population, scores[:, :1], draws=0, seed=7).slope[0], abs=1e-12)


def test_the_seed_decides_the_interval_and_the_other_measures_do_not() -> None:
    generator, population = places(4)
    scores = generator.normal(50, 10, (300, 3))
    both = size.lines(population, scores, draws=200, seed=5)
    again = size.lines(population, scores, draws=200, seed=5)
    alone = size.lines(population, scores[:, 2:], draws=200, seed=5)
    other = size.lines(population, scores, draws=200, seed=6)
    assert both.slope_p05.tolist() == again.slope_p05.tolist()
    assert both.slope_p05[2] == pytest.approx(alone.slope_p05[0], abs=1e-10)
    assert both.slope_p05[0] != other.slope_p05[0]


@pytest.mark.parametrize(
    ("population", "what"), [([500.0] * 20, "all of one size"), ([100.0, 5000.0, 90000.0], "fewer than asked for")]
)
def test_without_enough_places_of_different_size_there_is_no_line(population: list[float], what: str) -> None:
    score = np.linspace(10, 90, len(population))
    found = size.lines(np.array(population), score[:, None], draws=100, seed=1, minimum_places=10)
    assert np.isnan([found.slope[0], found.slope_p05[0], found.slope_p95[0], found.r2[0]]).all(), what
    assert found.n.tolist() == [len(population)]
    assert np.isnan(size.adjusted(np.array(population), score, found.slope[0])).all()


@pytest.mark.parametrize("wrong", [0.0, -5.0, np.nan])
def test_a_place_without_inhabitants_is_an_error(wrong: float) -> None:
    with pytest.raises(PipelineError, match="inhabitants"):
        size.lines(np.array([100.0, wrong, 300.0]), np.ones((3, 1)), draws=10, seed=1)


@given(seed=st.integers(0, 10_000), shift=st.floats(-5, 5), scale=st.floats(0.1, 5))
@settings(max_examples=40, deadline=None)
def test_an_adjusted_score_knows_nothing_of_size(seed: int, shift: float, scale: float) -> None:
    generator, population = places(seed, 60)
    score = generator.normal(50, 8, 60) + shift * np.log10(population) * scale
    slope = size.lines(population, score[:, None], draws=0, seed=0).slope[0]
    freed = size.adjusted(population, score, slope)
    assert abs(size.lines(population, freed[:, None], draws=0, seed=0).slope[0]) < 1e-8
    assert freed.mean() == pytest.approx(score.mean(), abs=1e-9)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_order_of_places_does_not_matter(seed: int) -> None:
    generator, population = places(seed, 50)
    score = generator.normal(50, 8, 50)
    order = generator.permutation(50)
    here = size.lines(population, score[:, None], draws=0, seed=0)
    there = size.lines(population[order], score[order, None], draws=0, seed=0)
    assert here.slope[0] == pytest.approx(there.slope[0], abs=1e-10)
    assert here.r2[0] == pytest.approx(there.r2[0], abs=1e-10)
