"""The same SQL on Spark, for tables that no longer fit one machine: the models of sql/ above the typed tables,
transpiled by sqlglot, on the figures' own Parquet files; the scores between them stay NumPy.

Local Spark needs the extra `spark` and Java 17 or newer. That the ranks are equal to DuckDB's is tested, model by model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from pipeline import figures, publish, scores, warehouse
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


def macros() -> dict[str, tuple[list[str], exp.Expression]]:
    """The project's macros: name to parameters and body."""
    found = {}
    for tree in sqlglot.parse(warehouse.MACROS, read="duckdb"):
        if isinstance(tree, exp.Create):
            signature = tree.this
            found[signature.this.name] = ([parameter.name for parameter in signature.expressions], tree.expression)
    return found


def to_spark(sql: str) -> str:
    """DuckDB's SQL as Spark's. SqlglotError for what has no counterpart."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    return tree.transform(_expand).sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)


def _expand(node: exp.Expression) -> exp.Expression:
    """A call of a macro becomes its body."""
    if not isinstance(node, exp.Anonymous) or node.name not in macros():
        return node
    parameters, body = macros()[node.name]
    given = dict(zip(parameters, node.expressions, strict=True))

    def fill(inner: exp.Expression) -> exp.Expression:
        return given[inner.name].copy() if isinstance(inner, exp.Column) and inner.name in given else inner

    return body.copy().transform(fill).transform(_expand)


def run(spark: Any, catalog: Catalog, folder: Path, work: Path) -> None:
    """Figures to the tables of every edition on Spark: <work>/<model>/ holds each model's rows as Parquet.

    folder: the figures; work: an empty folder that all workers see.
    """
    wanted = models(catalog)
    files = publish.models(catalog)
    with warehouse.connect() as connection:
        warehouse.declare(connection, catalog)
        figures.load(connection, catalog, folder)
        declared = [name for name in warehouse.tables(connection) if name.startswith("frame__")]
        _hand_over(spark, connection, declared, work)
    for name in figures.table_names(catalog):
        spark.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)
    _make(spark, {name: sql for name, sql in wanted.items() if name not in files}, work)
    with warehouse.connect() as connection:
        warehouse.declare(connection, catalog)
        for name in ("edition__places", "edition__values"):
            rows = warehouse.literal(str(work / name / "*.parquet"))
            connection.execute(f"create table {name} as from read_parquet({rows})")
        before = warehouse.tables(connection)
        scores.score_all(connection, catalog)
        _hand_over(spark, connection, sorted(warehouse.tables(connection) - before), work)
    _make(spark, files, work)


def _hand_over(spark: Any, connection: Any, names: list[str], work: Path) -> None:
    for name in names:
        target = work / f"{name}.parquet"
        warehouse.write_parquet(connection, f'from "{name}"', target)
        spark.read.parquet(str(target)).createOrReplaceTempView(name)


def _make(spark: Any, wanted: dict[str, str], work: Path) -> None:
    """One folder of Parquet per model, in the order of their references."""
    for name in warehouse.order(wanted):
        target = str(work / name)
        try:
            spark.sql(to_spark(wanted[name])).write.parquet(target)
        except Exception as error:
            raise PipelineError(f"spark: model {name}: {str(error).splitlines()[0]}") from error
        spark.read.parquet(target).createOrReplaceTempView(name)
