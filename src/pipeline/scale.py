"""The frozen scale: bounds of every indicator, computed once per method version from its base years."""

from __future__ import annotations

from pathlib import Path

import yaml

from pipeline import build, scores, warehouse
from pipeline.archive import write_atomic
from pipeline.catalog import Catalog

HEADER = """# Written by `stadtrang bounds`: population-weighted quantiles over all municipalities and the base years,
# in the indicator's unit. Frozen: a change is a new method version, since it moves every rank of every year.
"""


def compute(catalog: Catalog, figures: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """Bounds per method and indicator from the figures."""
    with warehouse.connect() as connection:
        build.derive(connection, catalog, figures)
        return {spec.id: scores.new_bounds(connection, catalog, spec) for spec in catalog.methods.values()}


def freeze(catalog: Catalog, figures: Path, target: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """Compute the bounds and write them as declarations."""
    found = compute(catalog, figures)
    entries = [
        {
            "method": name,
            "version": catalog.methods[name].version,
            "indicators": {indicator: list(pair) for indicator, pair in sorted(bounds.items())},
        }
        for name, bounds in found.items()
    ]
    text = yaml.safe_dump(entries, sort_keys=False, default_flow_style=None, width=200)
    write_atomic(target, (HEADER + text).encode())
    return found
