"""Long crosswalk of municipalities: one data frame among others in a file of R data."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from pipeline.catalog import Layout, Part
from pipeline.errors import PipelineError
from pipeline.read import Place, Reading, Rejected, check_patterns, text_of

NEEDS_RDA = "reading R data needs the extra `rda` (pip install 'stadtrang[rda]')"


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """One row per pair of municipalities, in the order of the data frame that the layout names as its sheet.

    Raises ReadError for damaged bytes, other columns and years that nobody declared, PipelineError without `rda`.
    """
    table = _data_frame(content, str(layout.sheet), place)
    _check_columns(table, layout, place)
    columns = {name: table[int(spec.split(":")[0]) - 1][1] for name, spec in layout.columns.items()}
    frame = pd.DataFrame({"row_number": range(1, len(table[0][1]) + 1), **columns})
    rejected = Rejected()
    for name, allowed in layout.where.items():
        texts = frame[name].map({value: text_of(value) for value in frame[name].unique()})
        outside = ~texts.isin(allowed)
        unknown = texts[outside & ~texts.str.fullmatch(layout.outside[name])]
        if len(unknown):
            row = int(frame.loc[unknown.index[0], "row_number"])
            raise place.fail(
                f"row {row}, column {layout.columns[name]}: one of {', '.join(allowed)}, or what may be left out "
                f"({layout.outside[name]!r}), is expected, found {unknown.iloc[0]!r}"
            )
        reason = f"{name} is not one of {allowed[0]} .. {allowed[-1]} ({len(allowed)} values)"
        rejected.add_all(frame.loc[outside, "row_number"], "out_of_scope", reason)
        frame = frame[~outside]
    if frame.empty:
        raise place.fail("rows in scope are expected, found none")
    frame = frame.assign(**{name: frame[name].map(text_of).astype("str") for name in columns})
    check_patterns(frame, layout, place)
    frame = frame.reset_index(drop=True).assign(**layout.constants, **part.constants)
    return Reading(frame, rejected.frame(), len(table[0][1]))


def _data_frame(content: bytes, name: str, place: Place) -> list[tuple[str, Any]]:
    """Names and values of the columns of one data frame; text as a list, numbers as an array (NA is NaN)."""
    try:
        from rdata import parser
    except ImportError as error:
        raise PipelineError(f"{place.source}: {NEEDS_RDA}: {error}") from error
    found = {}
    try:
        entry = parser.parse_data(content).object
        while entry.tag is not None and entry.info.type == parser.RObjectType.LIST:
            found[entry.tag.value.value.decode()] = entry.value[0]
            entry = entry.value[1]
        columns = [_values(column) for column in found[name].value] if name in found else []
        names = _names(found[name].attributes) if name in found else []
    except Exception as error:  # the library raises whatever a damaged byte makes it stumble over
        raise place.fail(
            f"a whole file of R data is expected, found {len(content)} bytes ({type(error).__name__}: {error}); "
            "fetch it again"
        ) from error
    if not columns or len({len(column) for column in columns}) != 1 or len(names) != len(columns):
        raise place.fail(f"a data frame {name!r} with columns of one length is expected, found {sorted(found)}")
    return list(zip(names, columns, strict=True))


def _values(vector: Any) -> Any:
    """A column: numbers are an array already, every text is an object of its own."""
    return vector.value if isinstance(vector.value, np.ndarray) else [text.value.decode() for text in vector.value]


def _names(attributes: Any) -> list[str]:
    """The attribute `names` among an object's attributes, a linked list whose tags may refer to earlier ones."""
    while attributes is not None and attributes.value is not None:
        tag = attributes.tag.referenced_object or attributes.tag
        if tag.value.value == b"names":
            return [text.value.decode() for text in attributes.value[0].value]
        attributes = attributes.value[1]
    return []


def _check_columns(table: list[tuple[str, Any]], layout: Layout, place: Place) -> None:
    names = [name for name, _ in table]
    expected = [re.split(r":\s*", spec, maxsplit=1) for spec in layout.columns.values()]
    if len(names) != layout.width or any(names[int(at) - 1] != name for at, name in expected):
        declared = ", ".join(layout.columns.values())
        raise place.fail(f"{layout.width} columns, among them {declared}, are expected, found {names}")
