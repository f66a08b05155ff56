"""Kinds of damage: a table (or its bytes) in, a damaged one out, the same for the same seed.

A damage that does not apply to a family raises `DoesNotApplyError` with the reason; nothing is skipped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from families import Family, Table, columns, empty, save

from pipeline.catalog import Layout


class DoesNotApplyError(Exception):
    """This family has nothing that could be damaged so."""


@dataclass(frozen=True)
class Case:
    """What a damage gets: family, layout, table and bytes, the table of the year before, a source of randomness."""

    family: Family
    layout: Layout
    table: Table
    content: bytes
    sheets: tuple[str, ...]
    before: Table | None
    before_layout: Layout | None
    random: np.random.Generator

    @property
    def at(self) -> dict[str | int, int]:
        return columns(self.family, self.layout)

    @property
    def key(self) -> int:
        return self.at[self.family.key]

    def value(self, number: int = 0) -> int:
        if len(self.family.values) <= number:
            raise DoesNotApplyError("no such value column")
        return self.at[self.family.values[number]]

    def saved(self, table: Table) -> bytes:
        return save(self.family, self.layout, table, self.sheets)

    @property
    def fixed(self) -> bool:
        return self.layout.reader == "fixed_width"


Damage = Callable[[Case], bytes]
DAMAGES: dict[str, Damage] = {}


def damage(function: Damage) -> Damage:
    DAMAGES[function.__name__] = function
    return function


def changed(case: Case, change: Callable[[Table], None]) -> bytes:
    table = case.table.copy()
    change(table)
    return case.saved(table)


def put(table: Table, column: int, values: Iterable[object]) -> None:
    table.body[column] = pd.Series(list(values), index=table.body.index, dtype=object)


def number_in(cell: object) -> float | None:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return None if empty(cell) else float(cell)
    text = str(cell or "").strip().replace(" ", "")
    return float(text.replace(",", ".")) if re.fullmatch(r"-?\d+([.,]\d+)?", text) else None


def cells(case: Case, number: int, change: Callable[[object], object], where: np.ndarray | None = None) -> bytes:
    """One value column with every number in it (or those `where`) changed."""
    if case.fixed:
        return fixed_cells(case, number, change, where)
    column = case.value(number)

    def on(table: Table) -> None:
        old = table.body[column].to_list()
        new = [
            change(cell) if number_in(cell) is not None and (where is None or where[row]) else cell
            for row, cell in enumerate(old)
        ]
        put(table, column, new)

    return changed(case, on)


def span(case: Case, name: str | int) -> tuple[int, int]:
    start, end = case.layout.columns[str(name)].split(":")[1].strip().split("-")
    return int(start), int(end)


def fixed_cells(case: Case, number: int, change: Callable[[object], object], where: np.ndarray | None) -> bytes:
    if len(case.family.values) <= number:
        raise DoesNotApplyError("no such value column")
    start, end = span(case, case.family.values[number])

    def on(table: Table) -> None:
        lines = table.body[0].to_list()
        for row, line in enumerate(lines):
            if line[start:end].strip() and (where is None or where[row]):
                new = change(int(line[start:end]))
                text = f"{round(new):0{end - start}d}" if isinstance(new, float | int) else str(new).rjust(end - start)
                lines[row] = line[:start] + text + line[end:]
        table.body[0] = lines

    return changed(case, on)


def times(factor: float) -> Callable[[object], object]:
    """A number times a factor, in the kind and with the decimal mark that it had."""

    def multiplied(cell: object) -> object:
        number = number_in(cell)
        if number is None:
            return cell
        product = round(number * factor, 9)
        if not isinstance(cell, str):
            return product
        text = str(int(product)) if product == int(product) else repr(product)
        return text.replace(".", ",") if "," in cell else text

    return multiplied


def rows_of(case: Case, share: float) -> np.ndarray:
    return case.random.random(len(case.table.body)) < share


# the file as a whole


@damage
def truncated(case: Case) -> bytes:
    return case.content[: int(len(case.content) * case.random.uniform(0.2, 0.95))]


@damage
def html_page(case: Case) -> bytes:
    return b"<!DOCTYPE html><html><body>503 Service Unavailable</body></html>"


@damage
def encoding_changed(case: Case) -> bytes:
    if case.layout.reader not in ("csv", "fixed_width") and case.family.source != "oparl_endpoints":
        raise DoesNotApplyError("a workbook or Parquet file has no encoding of its own")
    old = case.layout.encoding
    return case.saved(case.table).decode(old).encode("cp850" if old == "iso-8859-1" else "cp1252", "replace")


@damage
def nul_byte(case: Case) -> bytes:
    if case.layout.reader not in ("csv", "fixed_width") and case.family.source != "oparl_endpoints":
        raise DoesNotApplyError("binary format")
    content = case.saved(case.table)
    at = int(case.random.integers(len(content) // 2, len(content)))
    return content[:at] + b"\0" + content[at + 1 :]


# columns


@damage
def header_renamed(case: Case) -> bytes:
    if not case.table.head:
        raise DoesNotApplyError("no header")

    def on(table: Table) -> None:
        column = case.value() if case.family.values else case.key
        rows = [row - 1 for row in case.layout.header_rows] or [0]
        row = next(r for r in reversed(rows) if len(table.head[r]) > column and not empty(table.head[r][column]))
        table.head[row][column] = "Anzahl neu"

    return changed(case, on)


@damage
def columns_swapped(case: Case) -> bytes:
    """Headers and contents of two columns in each other's place."""
    if not case.table.head or case.layout.reader == "parquet" or case.family.source == "bkg_vg5000":
        raise DoesNotApplyError("columns are found by name or position alone")
    a, b = case.key, case.value() if case.family.values else (case.key + 1) % len(case.table.body.columns)

    def on(table: Table) -> None:
        table.body[[a, b]] = table.body[[b, a]].to_numpy()
        for row in table.head:
            if len(row) > max(a, b):
                row[a], row[b] = row[b], row[a]

    return changed(case, on)


@damage
def contents_swapped(case: Case) -> bytes:
    """The contents of two value columns in each other's place, under the old headers."""
    if len(case.family.values) < 2:
        raise DoesNotApplyError("one value column")
    if case.fixed:
        (a, b), (c, d) = span(case, case.family.values[0]), span(case, case.family.values[1])

        def on_lines(table: Table) -> None:
            table.body[0] = [
                line[:a] + line[c:d] + line[a + d - c : c] + line[a:b] + line[d:] for line in table.body[0]
            ]

        return changed(case, on_lines)

    def on(table: Table) -> None:
        first, second = case.value(0), case.value(1)
        table.body[[first, second]] = table.body[[second, first]].to_numpy()

    return changed(case, on)


@damage
def column_inserted(case: Case) -> bytes:
    if case.layout.reader == "parquet" or case.family.source in ("oparl_endpoints", "bkg_vg5000"):
        raise DoesNotApplyError("columns are found by name")
    if case.fixed:
        return changed(case, lambda table: put(table, 0, table.body[0].map(lambda line: line[:10] + " " + line[10:])))
    at = min(case.value(), case.key) + 1 if case.family.values else case.key

    def on(table: Table) -> None:
        table.body.insert(at, "new", "neu")
        table.body.columns = range(len(table.body.columns))
        for row in table.head:
            if len(row) >= at:
                row.insert(at, "neu")

    return changed(case, on)


@damage
def column_removed(case: Case) -> bytes:
    if case.fixed:
        start, end = span(case, case.family.values[0])
        return changed(case, lambda table: put(table, 0, table.body[0].map(lambda line: line[:start] + line[end:])))
    if case.family.source == "oparl_endpoints":
        return changed(case, lambda table: put(table, 0, table.body[0].str.replace("title:", "titel:")))
    at = case.value() if case.family.values else case.key

    def on(table: Table) -> None:
        del table.body[at]
        table.body.columns = range(len(table.body.columns))
        for row in table.head:
            if len(row) > at:
                del row[at]

    return changed(case, on)


# keys and names


@damage
def leading_zeros_lost(case: Case) -> bytes:
    if case.fixed:
        start, end = span(case, "land")
        return changed(
            case,
            lambda t: put(
                t, 0, t.body[0].map(lambda x: x[:start] + x[start:end].lstrip("0").ljust(end - start) + x[end:])
            ),
        )
    keys = case.table.body[case.key].dropna().astype(str)
    if not keys.str.match(r"0\d").any():
        raise DoesNotApplyError("the keys have no leading zero")
    return changed(
        case,
        lambda t: put(
            t, case.key, t.body[case.key].map(lambda key: re.sub(r"^0+", "", key) if isinstance(key, str) else key)
        ),
    )


@damage
def keys_shifted(case: Case) -> bytes:
    """The keys one row lower than what they stand for."""
    if case.fixed:
        start, end = span(case, "land")[0], span(case, "vb")[1]

        def on_lines(table: Table) -> None:
            lines = table.body[0].to_list()
            table.body[0] = [
                line[:start] + before[start:end] + line[end:]
                for line, before in zip(lines, [lines[-1], *lines[:-1]], strict=True)
            ]

        return changed(case, on_lines)
    if len(case.table.body.columns) < 2:
        raise DoesNotApplyError("one column")
    return changed(case, lambda table: put(table, case.key, np.roll(table.body[case.key].to_numpy(), 1)))


@damage
def names_shifted(case: Case) -> bytes:
    """The names one row lower than their keys."""
    names = ("unit_name", "name", "place_name", "member_name", "source_name")
    at = next((case.at[name] for name in names if name in case.at and case.at[name] != case.key), None)
    if case.fixed:
        start, end = span(case, "name")

        def on_lines(table: Table) -> None:
            lines = table.body[0].to_list()
            befores = [lines[-1], *lines[:-1]]
            put(table, 0, [x[:start] + y[start:end] + x[end:] for x, y in zip(lines, befores, strict=True)])

        return changed(case, on_lines)
    if at is None:
        raise DoesNotApplyError("no names beside the keys")
    return changed(case, lambda table: put(table, at, np.roll(table.body[at].to_numpy(), 1)))


# rows


@damage
def rows_cut_off(case: Case) -> bytes:
    """Saved again without its last third."""

    def on(table: Table) -> None:
        table.body = table.body.iloc[: len(table.body) * 2 // 3]
        table.tail = []

    return changed(case, on)


@damage
def rows_dropped(case: Case) -> bytes:
    keep = ~rows_of(case, 0.05)
    return changed(case, lambda table: setattr(table, "body", table.body[keep]))


@damage
def one_row_dropped(case: Case) -> bytes:
    row = int(case.random.integers(len(case.table.body) // 4, len(case.table.body) // 2))
    while case.family.source == "kba_fz1" and not str(case.table.body[case.key].iloc[row])[:5].isdigit():
        row += 1
    return changed(case, lambda table: setattr(table, "body", table.body.drop(table.body.index[row])))


@damage
def rows_doubled(case: Case) -> bytes:
    return changed(case, lambda table: setattr(table, "body", pd.concat([table.body, table.body])))


@damage
def every_row_twice(case: Case) -> bytes:
    return changed(case, lambda table: setattr(table, "body", table.body.loc[table.body.index.repeat(2)]))


@damage
def block_repeated(case: Case) -> bytes:
    size = max(len(case.table.body) // 20, 3)
    start = int(case.random.integers(0, len(case.table.body) - size))
    return changed(
        case, lambda table: setattr(table, "body", pd.concat([table.body, table.body.iloc[start : start + size]]))
    )


@damage
def totals_row_added(case: Case) -> bytes:
    """Below the data a row with the sum of every number column."""
    if case.fixed or case.layout.reader == "parquet" or case.family.source in ("oparl_endpoints", "bkg_vg5000"):
        raise DoesNotApplyError("no room for a total")

    def on(table: Table) -> None:
        last = table.body.iloc[-1].to_list()
        for name in case.family.values:
            column = case.at[name]
            numbers = [number_in(cell) for cell in table.body[column]]
            last[column] = round(float(sum(n for n in numbers if n is not None)), 6)
        last[case.key] = "Insgesamt"
        table.body.loc[len(table.body)] = last

    return changed(case, on)


@damage
def rows_shuffled(case: Case) -> bytes:
    """Another order of the rows: the same result, or a stop where the order means something."""
    order = case.random.permutation(len(case.table.body))
    return changed(case, lambda table: setattr(table, "body", table.body.iloc[order]))


@damage
def rows_emptied(case: Case) -> bytes:
    """Blank lines between the rows: the same result."""
    if case.layout.reader != "excel":
        raise DoesNotApplyError("no blank lines in this format")

    def on(table: Table) -> None:
        blank = pd.DataFrame([[None] * len(table.body.columns)] * 5, columns=table.body.columns, dtype=object)
        half = len(table.body) // 2
        table.body = pd.concat([table.body.iloc[:half], blank, table.body.iloc[half:]])

    return changed(case, on)


# values


@damage
def values_shifted(case: Case) -> bytes:
    """One value column one row lower."""
    if case.fixed:
        start, end = span(case, case.family.values[0])

        def on_lines(table: Table) -> None:
            lines = table.body[0].to_list()
            table.body[0] = [
                line[:start] + before[start:end] + line[end:]
                for line, before in zip(lines, [lines[-1], *lines[:-1]], strict=True)
            ]

        return changed(case, on_lines)
    column = case.value()
    return changed(case, lambda table: put(table, column, np.roll(table.body[column].to_numpy(), 1)))


@damage
def second_values_shifted(case: Case) -> bytes:
    """Another value column one row lower, from the middle of the file on."""
    if case.fixed:
        raise DoesNotApplyError("as the first")
    column = case.value(1)

    def on(table: Table) -> None:
        half = len(table.body) // 2
        old = table.body[column].to_numpy()
        put(table, column, np.concatenate([old[:half], np.roll(old[half:], 1)]))

    return changed(case, on)


@damage
def all_values_shifted(case: Case) -> bytes:
    """All value columns together one row lower than their keys."""
    if case.fixed or len(case.family.values) < 2:
        raise DoesNotApplyError("one value column")

    def on(table: Table) -> None:
        for name in case.family.values:
            column = case.at[name]
            put(table, column, np.roll(table.body[column].to_numpy(), 1))

    return changed(case, on)


@damage
def a_few_values_shifted(case: Case) -> bytes:
    """One value column one row lower in 300 rows of the middle only."""
    if case.fixed:
        raise DoesNotApplyError("as the first")
    column = case.value()

    def on(table: Table) -> None:
        values = table.body[column].to_numpy().copy()
        start = len(values) // 2
        part = slice(start, start + min(300, len(values) // 3))
        values[part] = np.roll(values[part], 1)
        put(table, column, values)

    return changed(case, on)


@damage
def times_1000(case: Case) -> bytes:
    return cells(case, 0, times(1000))


@damage
def divided_by_1000(case: Case) -> bytes:
    return cells(case, 0, times(0.001))


@damage
def second_times_10(case: Case) -> bytes:
    return cells(case, 1, times(10))


@damage
def one_place_times_1000(case: Case) -> bytes:
    where = np.zeros(len(case.table.body), dtype=bool)
    order = case.random.permutation(len(where))
    given = [row for row in order if case.fixed or (number_in(case.table.body[case.value()].iloc[row]) or 0) > 0]
    where[given[0]] = True
    return cells(case, 0, times(1000), where)


@damage
def minus_signs(case: Case) -> bytes:
    return cells(case, 0, times(-1))


@damage
def unknown_sign(case: Case) -> bytes:
    return cells(case, 0, lambda cell: "k.A.", rows_of(case, 0.02))


@damage
def marker_numbers(case: Case) -> bytes:
    """Another publisher's number for "missing"."""
    return cells(case, 0, lambda cell: -9999.0 if not isinstance(cell, str) else "-9999", rows_of(case, 0.02))


@damage
def decimal_mark_changed(case: Case) -> bytes:
    def other(cell: object) -> object:
        text = cell if isinstance(cell, str) else repr(cell)
        return text.translate(str.maketrans(",.", ".,"))

    if case.fixed:
        raise DoesNotApplyError("whole numbers of fixed width")
    return cells(case, 0, other)


@damage
def dots_between_thousands(case: Case) -> bytes:
    def dotted(cell: object) -> object:
        number = number_in(cell)
        return cell if number is None or abs(number) < 1000 else f"{int(number):,}".replace(",", ".")

    if case.fixed or case.layout.reader == "parquet":
        raise DoesNotApplyError("numbers of fixed width or type")
    if not any((number_in(cell) or 0) >= 1000 for cell in case.table.body[case.value()]):
        raise DoesNotApplyError("no number of four digits")
    return cells(case, 0, dotted)


@damage
def half_emptied(case: Case) -> bytes:
    if case.fixed:
        return fixed_cells(case, 0, lambda cell: "", rows_of(case, 0.5))
    return cells(case, 0, lambda cell: None, rows_of(case, 0.5))


@damage
def zeros_for_values(case: Case) -> bytes:
    return cells(case, 0, lambda cell: 0 if not isinstance(cell, str) else "0", rows_of(case, 0.3))


@damage
def footnotes_glued(case: Case) -> bytes:
    if case.fixed:
        raise DoesNotApplyError("no room")
    return cells(
        case,
        0,
        lambda cell: f"{str(int(cell)) if isinstance(cell, float) and cell.is_integer() else cell} 1)",
        rows_of(case, 0.02),
    )


@damage
def year_before(case: Case) -> bytes:
    """The content of the edition before in this edition's layout, with this edition's headers and dates."""
    if case.before is None or case.before_layout is None:
        raise DoesNotApplyError("one edition")
    if case.family.source in ("oparl_endpoints",):
        return case.saved(case.before)
    theirs = columns(case.family, case.before_layout)
    pairs = [(column, theirs[name]) for name, column in case.at.items() if isinstance(name, str) and name in theirs]
    rows = [*case.before.body.to_numpy().tolist(), *case.before.tail]
    body = pd.DataFrame(None, index=range(len(rows)), columns=case.table.body.columns, dtype=object)
    for mine, other in pairs:
        put(Table([], body), mine, [row[other] if len(row) > other else None for row in rows])
    return case.saved(Table(case.table.head, body))
