"""Tables of the Regionaldatenbank as the GENESIS web service sends them: a flat CSV alone in a zip.

How the service is asked (an account, jobs for large tables) is the fetcher's; the CSV was read from recorded replies.
"""

from __future__ import annotations

from pipeline.catalog import Layout, Part
from pipeline.read import GRIDS, Place, Reading, from_grid
from pipeline.replies import refuse_page, unbundle


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """One row per unit, year and measure of the flat CSV. The years in it must be those that were asked for."""
    members = [text for name, text in unbundle(content, place).items() if name.lower().endswith(".csv")]
    if len(members) != 1:
        raise place.fail(f"one CSV is expected in the zip, found {len(members)}")
    grid = list(GRIDS["csv"](refuse_page(members[0], "CSV", place), layout, part, place))
    found = from_grid(grid, layout, part, place)
    rows = found.rows.assign(period=found.rows["period"].str.slice(0, 4), source_column="value")
    years = sorted(rows["period"].unique())
    if years != sorted(layout.periods):
        raise place.fail(
            f"years {', '.join(sorted(layout.periods))} are expected, found {', '.join(years)}: without startyear and "
            "endyear the service gives the newest year alone"
        )
    return Reading(rows, found.rejected, found.rows_read)
