"""Bundes-Klinik-Atlas: one JSON list of hospital sites, every value a text. Described, not retrieved."""

from __future__ import annotations

from pipeline.catalog import Layout, Part
from pipeline.read import Place, Reading
from pipeline.replies import parse_json, reading


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """One row per site, without its telephone, mail and street."""
    sites = parse_json(content, place)
    if not isinstance(sites, list):
        raise place.fail(f"a list of sites is expected, found {type(sites).__name__} {str(sites)[:80]!r}")
    return reading(sites, layout, part, place)
