"""A published composite indicator, stage by stage as another tool computed it, from the functions of our method.

The ASEM index (51 countries, 49 indicators, 8 pillars, 2 sub-indices) as COINr 1.1.14 computes it; see ../shared/coinr.
Each stage starts from our own result of the stage before, so an error anywhere shows in all that follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from pipeline.composite import aggregation, imputation, normalisation, ranks, screening, treatment, values
from pipeline.composite.scoring import IndicatorSet, Method, score_year
from pipeline.composite.values import Indicators, Matrix

EXACT = {"rtol": 1e-9, "atol": 1e-9}


@dataclass(frozen=True)
class Asem:
    """The example as arrays; units in the order of the stage files, nodes in the order of the metadata."""

    folder: Path
    units: pd.Index
    nodes: list[str]
    indicators: list[str]
    numerators: NDArray[np.float64]
    denominators: NDArray[np.float64]
    group: NDArray[np.int64]
    is_higher_better: NDArray[np.bool_]
    weight: NDArray[np.float64]
    parent: NDArray[np.int64]

    def stage(self, name: str, columns: list[str]) -> NDArray[np.float64]:
        frame = pd.read_csv(self.folder / f"asem_{name}.csv", index_col="uCode")
        return frame.loc[self.units, columns].to_numpy(dtype=float)


@dataclass(frozen=True)
class Stages:
    denominated: NDArray[np.float64]
    imputed: NDArray[np.float64]
    screened: NDArray[np.float64]
    treated: treatment.Treatment
    normalised: NDArray[np.float64]
    aggregated: NDArray[np.float64]


@pytest.fixture(scope="module")
def asem(shared: Path) -> Asem:
    folder = shared / "coinr"
    meta = pd.read_csv(folder / "asem_iMeta.csv")
    nodes = meta[meta["Type"].isin(["Indicator", "Aggregate"])].sort_values("Level", kind="stable")
    indicators = nodes[nodes["Type"] == "Indicator"]
    names = nodes["iCode"].tolist()
    data = pd.read_csv(folder / "asem_iData.csv", index_col="uCode")
    units = pd.read_csv(folder / "asem_denominated.csv", index_col="uCode").index
    data = data.loc[units].assign(nothing=1.0)
    return Asem(
        folder=folder,
        units=units,
        nodes=names,
        indicators=indicators["iCode"].tolist(),
        numerators=data[indicators["iCode"].tolist()].to_numpy(dtype=float),
        denominators=data[indicators["Denominator"].fillna("nothing").tolist()].to_numpy(dtype=float),
        group=pd.factorize(data["EurAsia_group"])[0].astype(np.int64),
        is_higher_better=(indicators["Direction"] == 1).to_numpy(),
        weight=nodes["Weight"].to_numpy(dtype=float),
        parent=np.array([names.index(p) if isinstance(p, str) else -1 for p in nodes["Parent"]]),
    )


@pytest.fixture(scope="module")
def ours(asem: Asem) -> Stages:
    everyone = np.ones(len(asem.units), dtype=bool)
    denominated = values.ratio(asem.numerators, asem.denominators)
    imputed = imputation.impute(denominated, [asem.group], minimum_places=1)
    screened = imputed[available(imputed)]
    treated = treatment.by_shape(screened)
    normalised = normalisation.range_of_places(treated.values, everyone, asem.is_higher_better)
    aggregated = aggregation.roll_up(normalised, asem.parent, asem.weight)
    return Stages(denominated, imputed, screened, treated, normalised, aggregated)


def available(data: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which units have 90 % of the indicators."""
    nothing_asked_of_areas = np.full((len(data), 1), np.nan)
    return screening.is_available(~np.isnan(data), nothing_asked_of_areas, 0.0, 0.9)


def test_indicators_are_divided_by_their_denominators(asem: Asem, ours: Stages) -> None:
    expected = asem.stage("denominated", asem.indicators)
    np.testing.assert_allclose(ours.denominated, expected, rtol=1e-9, atol=0, equal_nan=True)
    assert np.isnan(expected).sum() > 60


def test_gaps_are_filled_with_the_mean_of_the_group(asem: Asem, ours: Stages) -> None:
    np.testing.assert_allclose(ours.imputed, asem.stage("imputed", asem.indicators), rtol=1e-9, atol=0)


def test_screening_after_imputation_screens_nothing_and_before_it_would(asem: Asem, ours: Stages) -> None:
    np.testing.assert_allclose(ours.screened, asem.stage("screened", asem.indicators), rtol=1e-9, atol=0)
    assert asem.units[~available(ours.denominated)].tolist() == ["BGD", "BRN", "KHM", "LAO", "MMR"]


def test_skewed_indicators_are_winsorised(asem: Asem, ours: Stages) -> None:
    expected = asem.stage("treated", asem.indicators)
    np.testing.assert_allclose(ours.treated.values, expected, rtol=1e-9, atol=0)
    moved = (expected != asem.stage("screened", asem.indicators)).sum(axis=0)
    assert np.array_equal(ours.treated.winsorised, moved)
    assert moved.max() == 4
    assert not ours.treated.is_log.any()
    assert not ours.treated.is_skewed.any()


def test_scores_run_from_0_to_100_in_the_better_direction(asem: Asem, ours: Stages) -> None:
    np.testing.assert_allclose(ours.normalised, asem.stage("normalised", asem.indicators), **EXACT)


def test_every_level_is_the_weighted_mean_of_the_level_below(asem: Asem, ours: Stages) -> None:
    np.testing.assert_allclose(ours.aggregated, asem.stage("aggregated", asem.nodes), **EXACT)


def test_ranks_are_the_same_at_every_level_but_for_one_tie_that_noise_broke(asem: Asem, ours: Stages) -> None:
    """Greece has 5.1 like two others, read as 5.1000000000000005; COINr ranks it behind them, we beside them."""
    found = np.column_stack([ranks.competition(column) for column in ours.aggregated.T])
    expected = asem.stage("results_ranks", asem.nodes)
    unit, node = asem.units.get_loc("GRC"), asem.nodes.index("TolMin")
    assert (found[unit, node], expected[unit, node]) == (24, 26)
    found[unit, node] = 26
    assert np.array_equal(found, expected)


def test_the_yearly_scoring_configured_alike_gives_the_same_ranks(asem: Asem, ours: Stages) -> None:
    """The same index by the function that scores our editions: pillars as areas, ends of the data as bounds."""
    data = ours.treated.values
    count = len(asem.indicators)
    pillars = np.unique(asem.parent[:count])
    sub_index = asem.parent[pillars]
    nowhere, never = np.full(data.shape, np.nan), np.zeros(data.shape, dtype=bool)
    no_group = np.zeros(len(data), dtype=np.int64)
    matrix = Matrix(
        values=data,
        numerators=nowhere,
        denominators=nowhere,
        is_inherited=never,
        is_carried=never,
        population=np.ones(len(data)),
        land=no_group,
        district=no_group,
        size_class=no_group,
    )
    nothing = np.zeros(count, dtype=bool)
    declared = Indicators(
        area=np.searchsorted(pillars, asem.parent[:count]),
        is_implementation=nothing,
        is_higher_better=asem.is_higher_better,
        is_log1p=nothing,
        is_flag=nothing,
        is_shrunk=nothing,
        per=np.ones(count),
        weight=asem.weight[:count],
    )
    method = Method(
        area_weight=1.0 / np.bincount(sub_index)[sub_index],  # sub-indices weigh the same
        joins=np.full(len(pillars), -1),
        lower=data.min(axis=0),
        upper=data.max(axis=0),
        indicator_coverage=0.9,
        area_share=0.9,
        unit_share=0.9,
        area_minimum=3,
        max_flag_share=1.0,
        imputation_minimum=1,
    )
    everyone = {"all": IndicatorSet(np.ones(count, dtype=bool), np.ones(len(data), dtype=bool))}
    result = score_year(matrix, declared, everyone, method).sets["all"]
    index = asem.stage("results_ranks", ["Index"])[:, 0]
    assert np.array_equal(ranks.competition(result.score), index)
    by_pillar = np.column_stack([ranks.competition(column) for column in result.area_score.T])
    assert np.array_equal(by_pillar, asem.stage("results_ranks", [asem.nodes[p] for p in pillars]))
