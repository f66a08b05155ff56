"""The same ranking where one machine is not enough: tasks on an existing Dask scheduler, SQL on Spark."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from conftest import ROOT, free_port, stop, until

from pipeline import catalog, engines, figures, publish, warehouse
from pipeline.errors import UsageError

CATALOG = catalog.load()
MODELS = engines.models(CATALOG)
DRAWS = 20
REVISION = CATALOG.editions[2021].revision


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_above_the_typed_tables_is_sql_of_spark_too(name: str) -> None:
    for part in engines.to_spark(MODELS[name]):
        tree = sqlglot.parse_one(part, read="spark")
        called = {call.name.lower() for call in tree.find_all(sqlglot.exp.Anonymous)}
        assert called & (engines.macros().keys() | {"row"}) == set(), "Spark has no such function"
        assert not any(union.args.get("by_name") for union in tree.find_all(sqlglot.exp.Union))
        assert not any(star.args.get("replace") for star in tree.find_all(sqlglot.exp.Star))
        assert not any(isinstance(total.this, sqlglot.exp.Order) for total in tree.find_all(sqlglot.exp.Sum))
        assert not any("{" in pattern.this.name for pattern in tree.find_all(sqlglot.exp.Format))
        assert "columns" not in called and not any(tree.find_all(sqlglot.exp.Columns))


def test_what_is_made_before_the_scores_reads_none_of_them() -> None:
    before = MODELS.keys() - engines.later(CATALOG).keys()
    read = set().union(*(warehouse.references(MODELS[name]) for name in before))
    others = {name for name in read - before - {*figures.table_names(CATALOG)} if not name.startswith("frame__")}
    assert others == set()


def test_a_sum_in_an_order_and_a_star_that_replaces_are_written_out_for_spark() -> None:
    (sql,) = engines.to_spark("select t.* replace (x / 2 as x), sum(y order by k) from t")
    assert "t.* EXCEPT (x), CAST(x AS DOUBLE) / 2 AS x" in sql
    assert "ARRAY_SORT(COLLECT_LIST(STRUCT(k AS k, y AS summand)))" in sql
    (sql,) = engines.to_spark("select format('{:.4f} % of {}', x, y) from t")
    assert "FORMAT_STRING('%.4f %% of %s', x, y)" in sql


def test_tasks_run_in_threads_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.task_runners import ThreadPoolTaskRunner

    from pipeline import operations

    monkeypatch.delenv(operations.RUNNER, raising=False)
    assert isinstance(operations.task_runner(__name__), ThreadPoolTaskRunner)
    monkeypatch.setenv(operations.RUNNER, "ray")
    with pytest.raises(UsageError, match="threads or dask is expected, found 'ray'"):
        operations.task_runner(__name__)


@pytest.fixture
def scheduler(server: Any) -> Iterator[str]:
    """A Dask scheduler with two workers, on loopback, as somebody else would have started them."""
    if importlib.util.find_spec("prefect_dask") is None:
        pytest.skip("prefect-dask is not installed: pip install 'stadtrang[dask]'")
    address = f"tcp://127.0.0.1:{free_port()}"
    options = ["--host", "127.0.0.1", "--no-dashboard"]
    ports = ["--port", address.rsplit(":", 1)[1]]
    worker = [address, "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    running = []
    log = server.home / "dask.log"
    try:
        for command in (["scheduler", *options, *ports], ["worker", *worker], ["worker", *worker]):
            with log.open("ab") as file:
                running.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "dask", *command],
                        env=server.environment,
                        cwd=server.home,
                        stdout=file,
                        stderr=file,
                        start_new_session=True,
                    )
                )
        text = lambda: log.read_text("utf-8", errors="replace")  # noqa: E731
        until(lambda: text().count("Starting established connection to") >= 2, 120, text)
        yield address
    finally:
        for process in reversed(running):
            stop(process)


@pytest.mark.long
def test_an_existing_dask_scheduler_gives_the_bytes_of_the_local_run(
    server: Any, scheduler: str, built: Path, tmp_path: Path
) -> None:
    environment = {
        **server.environment, "STADTRANG_TASK_RUNNER": "dask", "STADTRANG_DASK_SCHEDULER": scheduler,
        "STADTRANG_HOME": str(tmp_path), "NO_COLOR": "1",
    }  # fmt: skip
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "run", "--year", "2021", "--quiet"]
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stderr
    assert "write-2021" in {str(task["name"]) for task in server.ask("task_runs/filter")}
    assert publish.read_sums(tmp_path / "editions/2021" / REVISION) == publish.read_sums(built / "2021" / REVISION)


@pytest.fixture(scope="module")
def on_spark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every model's rows as Spark makes them from the bundled figures."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed: pip install 'stadtrang[spark]'")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed, which Spark needs: on Debian apt-get install openjdk-17-jre-headless")
    work = tmp_path_factory.mktemp("spark")
    spark = engines.session(**{"spark.sql.shuffle.partitions": "2", "spark.driver.memory": "2g"})
    try:
        engines.run(spark, CATALOG, figures.BUNDLED, work, DRAWS)
    finally:
        spark.stop()
    return work


@pytest.fixture(scope="module")
def on_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    files = engines.later(CATALOG)
    with warehouse.connect(2, "3GB") as connection:
        warehouse.declare(connection, CATALOG)
        figures.load(connection, CATALOG, figures.BUNDLED)
        warehouse.run(connection, {name: sql for name, sql in MODELS.items() if name not in files})
        engines.compute(connection, CATALOG, tmp_path_factory.mktemp("duckdb"), DRAWS)
        warehouse.run(connection, files)
        yield connection


@pytest.mark.long
def test_spark_gives_the_rows_of_duckdb_in_every_model_ranks_equal_and_numbers_to_1e_9(
    on_spark: Path, on_duckdb: duckdb.DuckDBPyConnection
) -> None:
    assert {name: found for name in MODELS if (found := difference(on_duckdb, name, on_spark / name))} == {}
    ranks = on_duckdb.execute("select count(rank) from published__rankings").fetchall()[0][0]
    assert ranks > 4 * 10_000


def difference(connection: duckdb.DuckDBPyConnection, name: str, folder: Path) -> str:
    """How Spark's rows of a model differ from DuckDB's; empty if they do not. Numbers with a fraction may by 1e-9,
    which is asked of rows that are equal otherwise, in the order of these other columns and of the numbers."""
    kinds = warehouse.describe(connection, f'from "{name}"')
    rows = f"read_parquet({warehouse.literal(str(folder / '*.parquet'))})"
    if kinds.keys() != warehouse.describe(connection, f"from {rows}").keys():
        return "other columns"
    numbers = [c for c, kind in kinds.items() if kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL")]
    exact = [f'"{c}"::{kind} as "{c}"' for c, kind in kinds.items() if c not in numbers]
    columns = ", ".join([*exact, *(f'"{c}"::double as "{c}"' for c in numbers)])
    order = ", ".join([*(f'"{c}"' for c in kinds if c not in numbers), *(f'round("{c}", 6)' for c in numbers)])
    one, other = (
        f"(select row_number() over (order by {order}) as n, * from (select {columns} from {source}))"
        for source in (f'"{name}"', rows)
    )
    same = [f'one."{c}" is not distinct from other."{c}"' for c in kinds if c not in numbers]
    near = [
        f'coalesce(abs(one."{c}" - other."{c}") <= 1e-9 * greatest(1, abs(one."{c}")), one."{c}" is not distinct from '
        f'other."{c}")'
        for c in numbers
    ]
    pairs = f"{one} as one full join {other} as other using (n)"
    is_equal = " and ".join(same + near)
    found = connection.execute(f"select count(*) from {pairs} where not ({is_equal})").fetchall()[0][0]
    return f"{found} rows" if found else ""
