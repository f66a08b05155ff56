"""Which cells a value is made of: column lineage, read from the SQL and computed with it.

Every column that somebody asks for gets a companion that lists the cells it comes from, row by row. The companion
follows the column's own expression through renamed columns, CTEs, unions, aggregates and other models down to the
base tables, so there is no second list of what comes from where:

    expression              its cells are those of
    column                  the column where it comes from; of a base table, the cell itself
    coalesce, case          the branch that was taken; where that is a constant, the columns that decided for it
    sum, count(x), ...      all rows of the group; with a filter those that pass it
    min, max, arg_min, ...  the one row that gives it
    count(*), a constant    the rows themselves (the column row_number)
    window function         none: it looks at other rows to judge, it is not what the value is made of

Join conditions and filters choose rows and add no cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import MappingSchema

from pipeline import warehouse
from pipeline.errors import PipelineError

DIALECT = "duckdb"
CELLS = "__cells"  # behind a column's name: its companion, a list of numbers of cells
ROW = "__row"  # of a numbered base table: the row's position in its file, from 0
TRACED, NUMBERED = "traced__", "numbered__"
ROW_NUMBER = "row_number"
ROW_BITS = 32  # of a cell's number; above them the number of its table and column

Columns = frozenset[tuple[str, str]]  # base table and column
NONE: Columns = frozenset()


class Tracer:
    """Models with companions. `models`: name to SQL; `bases`: base table to its columns, whose cells are told apart;
    `others`: tables whose columns are no cells (declarations).

    After `ask` for some columns, `views` are the models with their companions under TRACED names. They read base
    tables under NUMBERED names, which have a column ROW more.
    """

    def __init__(
        self, models: Mapping[str, str], bases: Mapping[str, Iterable[str]], others: Mapping[str, Iterable[str]]
    ) -> None:
        self.models = models
        self.bases = bases
        self.columns: list[tuple[str, str]] = []
        self._number: dict[tuple[str, str], int] = {}
        self._schema = MappingSchema(dialect=DIALECT)
        self._scopes: dict[str, Scope] = {}
        self._found: dict[tuple[int, str], Columns] = {}
        for name, columns in {**others, **bases}.items():
            self._schema.add_table(name, dict.fromkeys(columns, "unknown"))

    def ask(self, model: str, column: str) -> Columns:
        """The base columns that a column of a model comes from; none where it is made of none."""
        scope = self._scope(model)
        if column not in _names_of(scope):
            raise PipelineError(f"lineage: model {model} has no column {column}")
        return self._companion(scope, column)

    def columns_of(self, model: str) -> list[str]:
        """The columns of a model, without companions."""
        self._scope(model)
        return self._names(model)

    def views(self) -> dict[str, str]:
        """Name to SQL of the traced models, in an order in which each finds what it reads."""
        return {TRACED + name: query.sql(DIALECT) for name, query in self._asked()}

    def known(self, *models: str) -> dict[str, str]:
        """Name to SQL of the models looked at so far and of some more, with all that they read."""
        for name in models:
            self._scope(name)
        return {name: self.models[name] for name in self._scopes}

    def reads(self) -> set[str]:
        """The models that the traced ones read as they are."""
        return {table.name for _, query in self._asked() for table in query.find_all(exp.Table)} & self.models.keys()

    def _asked(self) -> list[tuple[str, exp.Expr]]:
        """The models with companions. A model is known only after those that it reads, so this is their order."""
        asked = {query for query, _ in self._found}
        return [(name, s.expression) for name, s in self._scopes.items() if id(s.expression) in asked]

    def _names(self, table: str) -> list[str]:
        return list(self._schema.column_names(table))

    def cell(self, number: int) -> tuple[str, str, int]:
        """Base table, column and row (from 0) of a cell's number."""
        return (*self.columns[number >> ROW_BITS], number & ((1 << ROW_BITS) - 1))

    def _scope(self, model: str) -> Scope:
        if model not in self._scopes:
            for read in sorted(warehouse.references(self.models[model]) & self.models.keys()):
                self._scope(read)  # its columns must be known
            tree = warehouse.parsed(self.models[model]).copy()
            tree = qualify(tree, schema=self._schema, dialect=DIALECT, validate_qualify_columns=False)
            scope = build_scope(tree)
            if scope is None:
                raise PipelineError(f"lineage: model {model} is no SELECT")
            self._schema.add_table(model, dict.fromkeys(_names_of(scope), "unknown"))
            self._scopes[model] = scope
        return self._scopes[model]

    def _companion(self, scope: Scope, column: str) -> Columns:
        """Add a column's companion to a query, once."""
        key = (id(scope.expression), column)
        if key not in self._found:
            query = scope.expression
            if isinstance(query, exp.SetOperation):
                self._found[key] = self._of_both(scope, query, column)
            elif isinstance(query, exp.Select):
                self._found[key] = self._of_select(scope, query, column)
            else:  # VALUES and the like: written down in the SQL itself
                self._found[key] = NONE
        return self._found[key]

    def _of_both(self, scope: Scope, query: exp.SetOperation, column: str) -> Columns:
        """Both sides of a union get a companion, or none does."""
        at = query.named_selects.index(column)
        sides = [(side, _names_of(side)[at]) for side in scope.set_operation_scopes]
        found = [self._companion(side, name) for side, name in sides]
        if not any(found):
            return NONE
        if query.args.get("distinct"):
            raise PipelineError(
                f"lineage: {column} comes out of a UNION that drops repeated rows; UNION ALL keeps them"
            )
        for (side, name), there in zip(sides, found, strict=True):
            if not there:
                self._add(side.expression, name, _no_cells())
        return NONE.union(*found)

    def _add(self, query: exp.Expr, column: str, cells: exp.Expr) -> None:
        """Append a companion to a SELECT, or to all SELECTs of a union."""
        if isinstance(query, exp.SetOperation):
            for side in (query.left, query.right):
                self._add(side, column, cells.copy())
        else:
            query.append("expressions", exp.alias_(cells, column + CELLS, quoted=True))

    def _of_select(self, scope: Scope, query: exp.Select, column: str) -> Columns:
        if query.args.get("distinct"):  # one row for equal rows, with the cells of all of them
            width = len(query.expressions)
            query.set("distinct", None)
            query.set("group", exp.Group(expressions=[exp.Literal.number(n) for n in range(1, width + 1)]))
        (projection,) = (found for found in query.expressions if found.alias_or_name == column)
        expression = projection.unalias()
        reader = _Reader(self, scope)
        is_grouped = query.args.get("group") is not None or any(map(_is_aggregate, query.expressions))
        cells = reader.cells(expression, is_grouped)
        if cells is None and not isinstance(expression, exp.Null) and expression.find(exp.Column) is None:
            cells = reader.rows(is_grouped)
        if cells is None:
            return NONE
        self._add(query, column, cells)
        return frozenset(reader.found)

    def base(self, table: str, column: str) -> int:
        """The number of a base table's column."""
        if (table, column) not in self._number:
            self._number[table, column] = len(self.columns)
            self.columns.append((table, column))
        return self._number[table, column]


class _Reader:
    """Expressions of one SELECT to the SQL of their cells; `found`: the base columns met on the way."""

    def __init__(self, tracer: Tracer, scope: Scope) -> None:
        self.tracer = tracer
        self.scope = scope
        self.found: set[tuple[str, str]] = set()

    def cells(self, e: exp.Expr, is_grouped: bool) -> exp.Expr | None:
        """The SQL of an expression's cells; None where it has none whatever the row."""
        if isinstance(e, exp.Column):
            cells = self._column(e)
            return _gathered(cells) if cells is not None and is_grouped else cells
        if isinstance(e, exp.Window | exp.Subquery | exp.Exists | exp.Literal | exp.Null):
            return None
        if isinstance(e, exp.Case):
            return self._case(_branches(e), e.args.get("default"), is_grouped)
        if isinstance(e, exp.Coalesce):
            first, *others = [e.this, *e.expressions]
            known = [(exp.Is(this=some.copy(), expression=exp.Null()).not_(), some) for some in (first, *others[:-1])]
            return self._case(known, others[-1] if others else None, is_grouped)
        if isinstance(e, exp.Nullif):
            return self.cells(e.this, is_grouped)
        if isinstance(e, exp.Filter):
            return self._aggregate(e.this, e.expression)
        if isinstance(e, exp.AggFunc):
            return self._aggregate(e, None)
        return _together(self.cells(part, is_grouped) for part in e.iter_expressions())

    def rows(self, is_grouped: bool) -> exp.Expr | None:
        """The cells of the rows themselves: those of the first table with a row number."""
        for name, source in self.scope.selected_sources.items():
            names = _names_of(source[1]) if isinstance(source[1], Scope) else self.tracer._names(_untraced(source[1]))
            if ROW_NUMBER in names:
                return self.cells(exp.column(ROW_NUMBER, table=name, quoted=True), is_grouped)
        return None

    def _case(
        self,
        branches: Sequence[tuple[exp.Expr, exp.Expr]],
        default: exp.Expr | None,
        is_grouped: bool,
    ) -> exp.Expr | None:
        """The cells of the branch that is taken."""
        ifs, conditions = [], []
        for condition, value in branches:
            conditions.append(condition)
            ifs.append((condition, self._branch(value, [condition], is_grouped)))
        last = self._branch(default, conditions, is_grouped) if default is not None else None
        if last is None and all(cells is None for _, cells in ifs):
            return None
        taken = [exp.If(this=condition.copy(), true=_or_none(cells)) for condition, cells in ifs]
        return exp.Case(ifs=taken, default=_or_none(last))

    def _branch(self, value: exp.Expr, conditions: Iterable[exp.Expr], is_grouped: bool) -> exp.Expr | None:
        if isinstance(value, exp.Null):
            return None
        if isinstance(value.unnest(), exp.Literal | exp.Boolean):
            return _together(self.cells(condition, is_grouped) for condition in conditions)
        return self.cells(value, is_grouped)

    def _aggregate(self, e: exp.Expr, where: exp.Expr | None) -> exp.Expr | None:
        value = e.this
        if value is None or isinstance(value, exp.Star):
            cells = self.rows(is_grouped=False)
            return None if cells is None else _gathered(cells, where)
        if isinstance(value, exp.Distinct):
            (value,) = value.expressions
        cells = self.cells(value, is_grouped=False)
        if cells is None:
            return None
        is_first = value.name == ROW_NUMBER  # it names the first of several rows, and all of them are meant
        if isinstance(e, exp.Min | exp.Max) and not is_first:
            return _filtered(_function("arg_min" if isinstance(e, exp.Min) else "arg_max", cells, value.copy()), where)
        if isinstance(e, exp.ArgMin | exp.ArgMax) and not is_first:
            name = "arg_min" if isinstance(e, exp.ArgMin) else "arg_max"
            return _filtered(_function(name, cells, e.expression.copy()), where)
        return _gathered(cells, where)

    def _column(self, column: exp.Column) -> exp.Expr | None:
        source = self.scope.sources.get(column.table)
        if isinstance(source, Scope):
            found = self.tracer._companion(source, column.name) if column.name in _names_of(source) else NONE
        elif isinstance(source, exp.Table) and _untraced(source) in self.tracer.models:
            found = self.tracer.ask(_untraced(source), column.name)
            if found:
                _rename(source, TRACED)
        elif isinstance(source, exp.Table) and _untraced(source) in self.tracer.bases:
            return self._base(source, column)
        else:
            return None
        self.found |= found
        return exp.column(column.name + CELLS, table=column.table, quoted=True) if found else None

    def _base(self, table: exp.Table, column: exp.Column) -> exp.Expr:
        name = _untraced(table)
        _rename(table, NUMBERED)
        self.found.add((name, column.name))
        row = exp.column(ROW, table=column.table, quoted=True)
        first = exp.Literal.number(self.tracer.base(name, column.name) << ROW_BITS)
        number = exp.Add(this=first, expression=row.copy())
        there = exp.Is(this=row, expression=exp.Null()).not_()  # an outer join has no row here
        return exp.Case(ifs=[exp.If(this=there, true=exp.Array(expressions=[number]))])


def _names_of(scope: Scope) -> Sequence[str]:
    query = scope.expression
    return query.named_selects if isinstance(query, exp.Query) else ()


def _untraced(table: exp.Table) -> str:
    return table.name.removeprefix(TRACED).removeprefix(NUMBERED)


def _rename(table: exp.Table, prefix: str) -> None:
    table.set("this", exp.to_identifier(prefix + _untraced(table), quoted=True))


def _branches(e: exp.Case) -> list[tuple[exp.Expr, exp.Expr]]:
    """Conditions with their values; `case x when 1` is `case when x = 1`."""
    return [
        (exp.EQ(this=e.this.copy(), expression=each.this.copy()) if e.this else each.this, each.args["true"])
        for each in e.args["ifs"]
    ]


def _is_aggregate(e: exp.Expr) -> bool:
    return any(found.find_ancestor(exp.Window, exp.Subquery) is None for found in e.find_all(exp.AggFunc))


def _function(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _filtered(aggregate: exp.Expr, where: exp.Expr | None) -> exp.Expr:
    return aggregate if where is None else exp.Filter(this=aggregate, expression=where.copy())


def _gathered(cells: exp.Expr, where: exp.Expr | None = None) -> exp.Expr:
    """The cells of all rows of a group."""
    return _function("flatten", _filtered(_function("list", cells), where))


def _together(parts: Iterable[exp.Expr | None]) -> exp.Expr | None:
    """The cells of several expressions; a part without any may be NULL."""
    some = [part for part in parts if part is not None]
    if len(some) < 2:
        return some[0] if some else None
    return _function("flatten", exp.Array(expressions=some))


def _no_cells() -> exp.Expr:
    return exp.cast(exp.Null(), "bigint[]", dialect=DIALECT)


def _or_none(cells: exp.Expr | None) -> exp.Expr:
    return _no_cells() if cells is None else cells
