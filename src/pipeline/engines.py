"""The same SQL on Spark, for tables that no longer fit one machine: the models of sql/ above the typed tables,
transpiled by sqlglot, on the figures' own Parquet files; scores, draws and findings between them stay NumPy.

Local Spark needs the extra `spark` and Java 17 or newer. Tests compare it with DuckDB.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, reduce
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from pipeline import changes, figures, findings, intervals, panel, publish, scores, warehouse, workfolder
from pipeline.catalog import Catalog
from pipeline.errors import PipelineError, UsageError

LAYERS = ("2_core", "3_indicators", "4_rankings")
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}


SUM_IN_ORDER = """
aggregate(
  array_sort(collect_list(struct({keys}, {summand} as summand))),
  cast(null as double), (total, part) -> coalesce(total + part.summand, total, part.summand)
)"""


def session(master: str = "local[2]", **settings: str) -> Any:
    """A Spark session; master "local[n]" or the address of a cluster."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise UsageError("Spark needs the extra: pip install 'stadtrang[spark]', and Java 17 or newer") from error
    builder = SparkSession.builder.master(master).appName("stadtrang")
    for key, value in {**SETTINGS, **settings}.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def models(catalog: Catalog) -> dict[str, str]:
    """Every model above the typed tables by name, as DuckDB's SQL."""
    found = warehouse.layer(catalog, *LAYERS)
    found["indicator_values"] = warehouse.union_of_indicators(catalog)
    return found


def later(catalog: Catalog) -> dict[str, str]:
    """Of these the ones that read scores, draws and findings: the files of an edition and the panel."""
    return {name: sql for name, sql in models(catalog).items() if name in {*publish.models(catalog), panel.PANEL}}


@cache
def macros() -> dict[str, tuple[list[str], exp.Expression]]:
    """The project's macros: name to parameters and body."""
    found = {}
    for tree in sqlglot.parse(warehouse.MACROS, read="duckdb"):
        if isinstance(tree, exp.Create):
            signature = tree.this
            parameters = [parameter.name for parameter in signature.expressions]
            found[signature.this.name] = (parameters, tree.expression)
    return found


def to_spark(sql: str) -> list[str]:
    """DuckDB's SQL as Spark's. SqlglotError for what has no counterpart.

    A union by name, which Spark has as a function only, comes as its parts.
    """
    tree = sqlglot.parse_one(sql, read="duckdb").transform(_in_spark)
    return [
        part.sql(dialect="spark", comments=False, unsupported_level=sqlglot.ErrorLevel.RAISE) for part in _parts(tree)
    ]


def _parts(tree: Any) -> list[Any]:
    if isinstance(tree, exp.Union) and tree.args.get("by_name"):
        return [*_parts(tree.left), *_parts(tree.right)]
    return [tree]


def _in_spark(node: exp.Expr) -> exp.Expr:
    """What sqlglot passes on as it is: macros, rows, slices, accents, regular expressions, patterns of `format`,
    quotients, sums in an order, columns replaced in a star, hints."""
    if isinstance(node, exp.Anonymous) and node.name in macros():
        return _body(node).transform(_in_spark)
    if isinstance(node, exp.Anonymous) and node.name == "row":
        return exp.Struct(expressions=[part.transform(_in_spark) for part in node.expressions])
    if isinstance(node, exp.Bracket) and isinstance(part := node.expressions[0], exp.Slice):
        start, end = part.this, part.expression
        return exp.Anonymous(this="slice", expressions=[node.this, start, end - start + 1])
    if isinstance(node, exp.Anonymous) and node.name.lower() == "strip_accents":
        letters = [exp.Literal.string("".join(word)) for word in zip(*_accents().items(), strict=True)]
        return exp.Anonymous(this="translate", expressions=[node.expressions[0].transform(_in_spark), *letters])
    if isinstance(node, exp.RegexpReplace) and isinstance(written := node.args["replacement"], exp.Literal):
        node.set("replacement", exp.Literal.string(re.sub(r"\\(\d)", r"$\1", written.name)))
    if isinstance(node, exp.RegexpFullMatch):
        whole = exp.func("concat", exp.Literal.string("^(?:"), node.expression, exp.Literal.string(")$"))
        return exp.RegexpLike(this=node.this.transform(_in_spark), expression=whole)
    if isinstance(node, exp.Format):
        written = node.this.name.replace("%", "%%")
        node.set("this", exp.Literal.string(re.sub(r"\{:?(\.\df)?\}", lambda hole: f"%{hole[1] or 's'}", written)))
    if isinstance(node, exp.Sum) and isinstance(node.this, exp.Order):
        return _sum_in_order(node.this.transform(_in_spark))
    if isinstance(node, exp.Select):
        node.set("expressions", [part for column in node.expressions for part in _none_replaced(column)])
    if isinstance(node, exp.Div):
        node.set("this", exp.cast(node.this, "double"))  # a quotient of decimals has few digits there
    if isinstance(node, exp.CTE):
        node.set("materialized", None)  # a hint that Spark does not know
    return node


def _sum_in_order(ordered: exp.Expr) -> exp.Expr:
    """Of doubles, in ascending order: their sum's last bit depends on it, and Spark's own has none."""
    keys = ", ".join(key.this.sql("spark") for key in ordered.expressions)
    return sqlglot.parse_one(SUM_IN_ORDER.format(keys=keys, summand=ordered.this.sql("spark")), read="spark")


def _none_replaced(column: Any) -> list[Any]:
    """`* replace (x as y)` as all columns but y, and x as y."""
    star = column.this if isinstance(column, exp.Column) else column
    if not isinstance(star, exp.Star) or not (replaced := star.args.get("replace")):
        return [column]
    star.set("replace", None)
    star.set("except_", [*(star.args.get("except_") or []), *(exp.column(part.alias) for part in replaced)])
    return [column, *replaced]


@cache
def _accents() -> dict[str, str]:
    """Letters with accents of the Latin alphabet to those without."""
    latin = map(chr, (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)))
    plain = {letter: unicodedata.normalize("NFD", letter)[0] for letter in latin}
    return {letter: bare for letter, bare in plain.items() if bare != letter}


def _body(call: exp.Anonymous) -> exp.Expression:
    parameters, body = macros()[call.name]
    given = dict(zip(parameters, call.expressions, strict=True))

    def fill(node: exp.Expression) -> exp.Expression:
        return given[node.name].copy() if isinstance(node, exp.Column) and node.name in given else node

    return body.copy().transform(fill)


def run(spark: Any, catalog: Catalog, folder: Path, work: Path, draws: int | None = None) -> None:
    """Figures to the tables of every edition on Spark: <work>/<model>/ holds each model's rows as Parquet.

    folder: the figures; work: an empty folder that all workers see; draws: other than the method's own number.
    """
    wanted, files = models(catalog), later(catalog)
    with warehouse.connect() as connection:
        warehouse.declare(connection, catalog)
        declared = [name for name in warehouse.tables(connection) if name.startswith("frame__")]
        _hand_over(spark, connection, declared, work)
    for name in figures.table_names(catalog):
        spark.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)
    _make(spark, {name: sql for name, sql in wanted.items() if name not in files}, work)
    with warehouse.connect() as connection:
        warehouse.declare(connection, catalog)
        figures.load(connection, catalog, folder)
        for name in sorted({*intervals.READ, *findings.inputs(catalog)} & wanted.keys()):
            connection.read_parquet(str(work / name / "*.parquet")).create_view(name)
        before = warehouse.all_columns(connection).keys()
        compute(connection, catalog, work, draws)
        _hand_over(spark, connection, sorted(warehouse.all_columns(connection).keys() - before), work)
    _make(spark, files, work)


def compute(connection: duckdb.DuckDBPyConnection, catalog: Catalog, work: Path, draws: int | None = None) -> None:
    """What is NumPy between the models and the files, as tables and views score__*, size__*, finding__*, draw__*."""
    made: set[str] = set()
    years = sorted(catalog.editions)
    for year in years:
        scored = scores.score(catalog, scores.read_year(connection, catalog, year))
        for name, frame in scores.tables(catalog, scored).items():
            workfolder.keep_frame(connection, work, name, frame, year)
            made.add(name)
        changes.keep(catalog, work, scored)
        for name in intervals.READ:
            rows = f'from "{name}" where edition_year = {year}'
            warehouse.write_parquet(connection, rows, workfolder.path(work, name, year))
        intervals.simulate(catalog, work, year, draws)
        changes.compare(connection, catalog, work, year)
    workfolder.show(connection, work, sorted(made | {changes.TABLE}), years)
    for name in intervals.TABLES:
        connection.read_parquet(str(work / intervals.FOLDER / f"{name}-*.parquet")).create_view(name)
    findings.measure_size(connection, catalog)
    findings.find(connection, catalog)


def _hand_over(spark: Any, connection: duckdb.DuckDBPyConnection, names: list[str], work: Path) -> None:
    for name in names:
        target = work / f"{name}.parquet"
        warehouse.write_parquet(connection, f'from "{name}"', target)
        spark.read.parquet(str(target)).createOrReplaceTempView(name)


def _make(spark: Any, wanted: dict[str, str], work: Path) -> None:
    """One folder of Parquet per model, in the order of their references."""
    for name in warehouse.order(wanted):
        target = str(work / name)
        try:
            parts = [spark.sql(part) for part in to_spark(wanted[name])]
            reduce(lambda above, below: above.unionByName(below, True), parts).write.parquet(target)
        except Exception as error:
            raise PipelineError(f"spark: model {name}: {str(error).strip().splitlines()[0]}") from error
        spark.read.parquet(target).createOrReplaceTempView(name)
