"""From the tables of an edition to the grid of places and indicators: every cell at its place, or an error."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from pipeline import catalog, scores, warehouse
from pipeline.errors import PipelineError

CATALOG = catalog.load()
WIDTH = len(CATALOG.sorted_indicators)
SOEST, PADERBORN, LONELY = 5974040, 5774032, 1001000


def edition(*places: int, cells_of: tuple[int, ...]) -> duckdb.DuckDBPyConnection:
    """An edition whose cells hold their own position, in no order: place in thousands, indicator in ones."""
    connection = warehouse.connect()
    connection.execute(
        f"""
        create table edition__places as
        select 2021 as edition_year, ags_number, 1000 as population, '05' as land_code, '05974' as district_key,
          'size_20_50k' as size_class
        from unnest({list(places)}) as places(ags_number);
        create table edition__values as
        select 2021 as edition_year, ags_number, indicator_number, ags_number * 1000.0 + indicator_number as value,
          null::double as numerator, null::double as denominator, 'reported' as value_status, 2021 as reference_year
        from unnest({list(cells_of)}) as cells(ags_number), range({WIDTH}) as indicators(indicator_number)
        order by hash(ags_number, indicator_number)
        """
    )
    return connection


def test_a_value_comes_to_its_place_and_indicator_in_whatever_order_the_rows_are() -> None:
    with edition(SOEST, PADERBORN, cells_of=(SOEST, PADERBORN)) as connection:
        year = scores.read_year(connection, CATALOG, 2021)
    assert year.ags.tolist() == [PADERBORN, SOEST]
    assert np.array_equal(year.matrix.values, year.ags[:, None] * 1000.0 + np.arange(WIDTH))


@pytest.mark.parametrize("cells_of", [(SOEST,), (SOEST, SOEST), (SOEST, LONELY), (SOEST, PADERBORN, LONELY)])
def test_cells_that_are_not_those_of_the_places_are_an_error(cells_of: tuple[int, ...]) -> None:
    """Those of an unknown place must not take the row of the next one."""
    with (
        edition(SOEST, PADERBORN, cells_of=cells_of) as connection,
        pytest.raises(PipelineError, match=f"not one for each of 2 places x {WIDTH} indicators"),
    ):
        scores.read_year(connection, CATALOG, 2021)
