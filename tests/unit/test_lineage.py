"""Lineage: every way in which SQL makes a value of cells, on tables small enough to be followed by eye."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pytest

from pipeline import lineage
from pipeline.errors import PipelineError

TABLES = {  # columns and rows
    "typed__cars": (
        "row_number bigint, place varchar, variable varchar, value double",
        "(7, 'a', 'cars', 100), (8, 'a', 'electric', 3), (9, 'b', 'cars', 50), (10, 'b', 'electric', null)",
    ),
    "typed__people": (
        "row_number bigint, ags varchar, persons integer, estimate integer",
        "(2, 'a', 1000, null), (3, 'b', null, 400), (4, 'c', 10, 20)",
    ),
}
FRAME = "frame__years"


def trace(models: Mapping[str, str], model: str, column: str = "value") -> tuple[lineage.Columns, dict[str, set[str]]]:
    """The base columns of a model's column, and per place its cells as `table.column@row_number`."""
    with duckdb.connect() as db:
        db.execute(f"create table {FRAME} as select 2020 as year")
        for name, (columns, rows) in TABLES.items():
            db.execute(f"create table {name} ({columns})")
            db.execute(f"insert into {name} values {rows}")
            db.execute(f"create view {lineage.NUMBERED}{name} as select *, rowid as {lineage.ROW} from {name}")
        bases = {name: [c.split()[0] for c in columns.split(", ")] for name, (columns, _) in TABLES.items()}
        tracer = lineage.Tracer(models, bases, {FRAME: ["year"]})
        found = tracer.ask(model, column)
        for name, sql in tracer.known().items():
            db.execute(f"create view {name} as {sql}")
        for name, sql in tracer.views().items():
            db.execute(f"create view {name} as {sql}")
        original = db.execute(f"select place, {column} from {model} order by all").fetchall()
        traced = lineage.TRACED + model
        assert db.execute(f"select place, {column} from {traced} order by all").fetchall() == original
        if not found:
            return found, {}
        cells: dict[str, set[str]] = {}
        for place, numbers in db.execute(f'select place, "{column}{lineage.CELLS}" from {traced}').fetchall():
            cells[place] = set()
            for table, base_column, row in map(tracer.cell, numbers or ()):
                ((row_number,),) = db.execute(f"select row_number from {table} where rowid = {row}").fetchall()
                cells[place].add(f"{table.removeprefix('typed__')}.{base_column}@{row_number}")
        return found, cells


def cells_of(sql: str, column: str = "value") -> dict[str, set[str]]:
    return trace({"model": sql}, "model", column)[1]


def test_a_value_over_two_tables_has_the_cells_of_both() -> None:
    columns, cells = trace(
        {"model": "select cars.place, 1000 * cars.value / nullif(people.persons, 0) as value from typed__cars as cars "
         "join typed__people as people on people.ags = cars.place where cars.variable = 'cars'"},
        "model",
    )  # fmt: skip
    assert columns == {("typed__cars", "value"), ("typed__people", "persons")}
    assert cells == {"a": {"cars.value@7", "people.persons@2"}, "b": {"cars.value@9", "people.persons@3"}}


def test_a_renamed_column_is_followed_through_ctes_and_stars() -> None:
    sql = """
      with counted as (select *, value as number_of_cars from typed__cars where variable = 'cars'),
      again as (select counted.* exclude (value), 2 * number_of_cars as doubled from counted)
      select place, doubled as value from again
    """
    assert cells_of(sql) == {"a": {"cars.value@7"}, "b": {"cars.value@9"}}


def test_a_column_is_followed_through_other_models() -> None:
    models = {
        "core__people": "select ags as place, persons as heads from typed__people",
        "core__places": "select place, heads + 0 as population from core__people",
        "model": "select place, population as value from core__places where place <> 'b'",
    }
    columns, cells = trace(models, "model")
    assert columns == {("typed__people", "persons")}
    assert cells == {"a": {"people.persons@2"}, "c": {"people.persons@4"}}


@pytest.mark.parametrize(
    "expression",
    [
        "coalesce(persons, estimate)",
        "case when persons is not null then persons else estimate end",
        "case persons is null when true then estimate else persons end",
    ],
)
def test_only_the_branch_that_was_taken_counts(expression: str) -> None:
    cells = cells_of(f"select ags as place, {expression} as value from typed__people")
    assert cells == {"a": {"people.persons@2"}, "b": {"people.estimate@3"}, "c": {"people.persons@4"}}


def test_a_constant_comes_from_the_columns_that_decided_for_it() -> None:
    sql = "select ags as place, case when estimate is null then 0 else persons end as value from typed__people"
    assert cells_of(sql) == {"a": {"people.estimate@2"}, "b": {"people.persons@3"}, "c": {"people.persons@4"}}


def test_an_outer_join_without_a_row_has_no_cell() -> None:
    sql = """
      select people.ags as place, case when cars.place is null then 0 else 1 end as value
      from typed__people as people left join typed__cars as cars on cars.place = people.ags and cars.variable = 'cars'
    """
    assert cells_of(sql) == {"a": {"cars.place@7"}, "b": {"cars.place@9"}, "c": set()}


def test_a_filter_of_an_aggregate_chooses_cells_and_a_sum_has_all_of_a_group() -> None:
    sql = "select place, max(value) filter (where variable = 'electric') as value from typed__cars group by place"
    models = {"model": f"with found as ({sql}) select place, value from found"}
    assert trace(models, "model")[1] == {"a": {"cars.value@8"}, "b": set()}
    everything = "select 'x' as place, sum(persons) as value from typed__people"
    assert cells_of(everything) == {"x": {"people.persons@2", "people.persons@3", "people.persons@4"}}


def test_an_extreme_comes_from_the_one_row_that_has_it() -> None:
    assert cells_of("select 'x' as place, max(persons) as value from typed__people") == {"x": {"people.persons@2"}}
    sql = "select 'x' as place, arg_min(ags, persons) as value from typed__people"
    assert cells_of(sql) == {"x": {"people.ags@4"}}


@pytest.mark.parametrize("expression", ["count(*)", "1.0"])
def test_a_count_and_a_constant_come_from_the_rows_themselves(expression: str) -> None:
    sql = f"select place, {expression} as value, min(row_number) as row_number from typed__cars group by place"
    assert cells_of(sql) == {
        "a": {"cars.row_number@7", "cars.row_number@8"}, "b": {"cars.row_number@9", "cars.row_number@10"},
    }  # fmt: skip


def test_both_sides_of_a_union_keep_their_cells() -> None:
    sql = """
      select place, value from typed__cars where variable = 'cars'
      union all
      select ags, persons from typed__people where ags = 'c'
      union all
      select 'z', 0.5 from frame__years
    """
    assert cells_of(sql) == {"a": {"cars.value@7"}, "b": {"cars.value@9"}, "c": {"people.persons@4"}, "z": set()}


def test_equal_rows_that_become_one_have_the_cells_of_all() -> None:
    sql = "with places as (select distinct place from typed__cars) select place, place as value from places"
    found = cells_of(sql)
    assert found == {"a": {"cars.place@7", "cars.place@8"}, "b": {"cars.place@9", "cars.place@10"}}


def test_a_look_at_other_rows_is_no_part_of_the_value() -> None:
    sql = """
      with judged as (select *, max(value) over () as most from typed__cars where variable = 'cars')
      select place, case when most > 10 then value end as value from judged
    """
    assert cells_of(sql) == {"a": {"cars.value@7"}, "b": {"cars.value@9"}}


def test_what_is_declared_is_no_cell() -> None:
    assert trace({"model": "select 'x' as place, year as value from frame__years"}, "model") == (frozenset(), {})


def test_a_union_that_drops_rows_cannot_be_followed_and_says_so() -> None:
    both = "select place from typed__cars union select ags from typed__people"
    sql = f"with both as ({both}) select place, place as value from both"
    with pytest.raises(PipelineError, match="UNION ALL"):
        cells_of(sql)


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(PipelineError, match="model model has no column price"):
        trace({"model": "select ags as place from typed__people"}, "model", "price")
