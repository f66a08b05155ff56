"""The warehouse: order from the SQL, errors that name the model, files with equal bytes, odd numbers and names."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import sqlglot

from pipeline import catalog, figures, warehouse
from pipeline.errors import PipelineError


@pytest.fixture
def db() -> duckdb.DuckDBPyConnection:
    return warehouse.connect()


# the order


def test_the_order_follows_the_references() -> None:
    models = {"a": "select * from c", "b": "select * from a join c using (x)", "c": "select 1 as x"}
    assert warehouse.order(models) == ["c", "a", "b"]


def test_the_order_is_the_same_however_the_models_are_given() -> None:
    sql = dict(catalog.load().sql)
    backwards = dict(reversed(sql.items()))
    assert warehouse.order(sql) == warehouse.order(backwards)
    assert sorted(warehouse.order(sql)) == sorted(sql)


def test_every_model_of_the_project_comes_after_what_it_reads() -> None:
    sql = catalog.load().sql
    place = {name: number for number, name in enumerate(warehouse.order(sql))}
    late = [(name, read) for name, reads in warehouse.graph(sql).items() for read in reads if place[read] > place[name]]
    assert late == []


def test_a_cte_is_no_reference_and_a_table_that_no_model_makes_is_left_out() -> None:
    sql = "with own as (select * from typed) select * from own join (select * from core) using (x)"
    assert warehouse.references(sql) == {"typed", "core"}
    assert warehouse.graph({"m": sql, "core": "select 1 as x"}) == {"m": {"core"}, "core": set()}


def test_a_cycle_is_an_error_that_names_it() -> None:
    models = {"a": "select * from b", "b": "select * from c", "c": "select * from a", "d": "select 1 as x"}
    with pytest.raises(PipelineError, match="circle") as caught:
        warehouse.order(models)
    assert all(f"{name}" in str(caught.value).split("circle: ")[1] for name in "abc")
    assert "d" not in str(caught.value).split("circle: ")[1]


def test_a_model_that_reads_itself_is_a_cycle() -> None:
    with pytest.raises(PipelineError, match="circle: a -> a"):
        warehouse.order({"a": "select * from a"})


# running


def test_a_failing_model_is_named_with_the_reason(db: duckdb.DuckDBPyConnection) -> None:
    models = {"good": "select 1 as x", "bad": "select y from good"}
    with pytest.raises(PipelineError, match=r"model bad: .*\"y\""):
        warehouse.run(db, models)
    assert warehouse.tables(db) == {"good"}


def test_without_keep_every_table_stays(db: duckdb.DuckDBPyConnection) -> None:
    warehouse.run(db, {"a": "select 1 as x", "b": "select * from a"})
    assert warehouse.tables(db) == {"a", "b"}


def test_with_keep_only_what_is_kept_stays(db: duckdb.DuckDBPyConnection) -> None:
    models = {"a": "select 1 as x", "b": "select * from a", "c": "select * from a join b using (x)", "d": "from c"}
    warehouse.run(db, models, keep={"b", "d"})
    assert warehouse.tables(db) == {"b", "d"}
    assert db.execute("select * from d").fetchall() == [(1,)]


def test_with_keep_nothing_is_made_that_leads_to_no_kept_table(db: duckdb.DuckDBPyConnection) -> None:
    warehouse.run(db, {"a": "select 1 as x", "b": "from a", "unread": "select error('made') from a"}, keep={"b"})
    assert warehouse.tables(db) == {"b"}


def test_with_keep_in_what_is_kept_stands_in_files_and_is_read_from_them(
    db: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    models = {"a": "select 1 as x", "b": "select x + 1 as x from a", "c": "select x + 1 as x from b"}
    warehouse.run(db, models, keep={"b", "c"}, keep_in=lambda name: tmp_path / f"{name}.parquet")
    assert warehouse.tables(db) == set()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.parquet", "c.parquet"]
    assert db.execute("select b.x, c.x from b, c").fetchall() == [(2, 3)]
    with pytest.raises(PipelineError, match="model b: "):
        warehouse.run(db, {"b": "select y from a"}, keep={"b"}, keep_in=lambda name: tmp_path / f"{name}.parquet")


@pytest.mark.parametrize("beside", [1, 2, 5])
def test_models_beside_each_other_wait_for_what_they_read_and_leave_the_same_tables(
    db: duckdb.DuckDBPyConnection, beside: int
) -> None:
    slow = "select count(*)::integer as x from range(2000000) as n(n) where n % 7 = 0"
    models = {f"start_{n}": slow for n in range(4)} | {
        f"next_{n}": f"select x + {n} as x from start_{n}" for n in range(4)
    }
    models |= {"last": " union all ".join(f"from next_{n}" for n in range(4))}
    warehouse.run(db, models, keep={"next_0", "last"}, beside=beside)
    assert warehouse.tables(db) == {"next_0", "last"}
    assert db.execute("select x - 285715 from last order by x").fetchall() == [(0,), (1,), (2,), (3,)]


def test_of_models_beside_each_other_the_one_that_fails_is_named_and_nothing_rests_on_it(
    db: duckdb.DuckDBPyConnection,
) -> None:
    models = {"a": "select 1 as x", "b": "select error('no such unit') as x", "c": "from b", "d": "from a"}
    with pytest.raises(PipelineError, match=r"model b: .*no such unit"):
        warehouse.run(db, models, beside=2)
    assert warehouse.tables(db) <= {"a", "d"}


# pandas in and out


def test_nan_and_none_from_pandas_become_null(db: duckdb.DuckDBPyConnection) -> None:
    frame = pd.DataFrame(
        {
            "number": [1.5, np.nan],
            "text": pd.Series(["x", None], dtype="str"),
            "whole": pd.Series([1, None], dtype="Int64"),
            "day": pd.to_datetime(["2021-12-31", None]),
        }
    )
    warehouse.table(db, "t", frame)
    counts = db.execute("select count(number), count(text), count(whole), count(day), count(*) from t").fetchall()
    assert counts == [(1, 1, 1, 1, 2)]
    assert db.execute("select count(*) from t where isnan(number)").fetchall() == [(0,)]


def test_rows_are_appended_by_column_name_and_new_columns_are_added(db: duckdb.DuckDBPyConnection) -> None:
    warehouse.append(db, "t", pd.DataFrame({"a": [1], "b": ["x"]}))
    warehouse.append(db, "t", pd.DataFrame({"b": ["y"], "a": [2]}))
    warehouse.append(db, "t", pd.DataFrame({"a": [3], "c": [0.5]}))
    rows = db.execute("select a, b, c from t order by a").fetchall()
    assert rows == [(1, "x", None), (2, "y", None), (3, None, 0.5)]


@pytest.mark.parametrize("table", ["typed__kba_fz1__cars", "typed__destatis_gv100ad__units"])
def test_a_frame_of_categories_holds_the_values_of_the_plain_query(db: duckdb.DuckDBPyConnection, table: str) -> None:
    figures.load_table(db, figures.BUNDLED, table)
    kinds = warehouse.describe(db, f'from "{table}"')
    found = warehouse.category_frame(db, f'from "{table}"', kinds)
    dates = ", ".join(f'"{name}"::varchar as "{name}"' for name, kind in kinds.items() if kind == "DATE")
    plain = warehouse.frame(db, f'select * replace ({dates}) from "{table}"')
    assert list(found.columns) == list(plain.columns)
    for name, kind in kinds.items():
        assert isinstance(found[name].dtype, pd.CategoricalDtype) == (kind in ("VARCHAR", "DATE")), name
        assert found[name].astype(object).where(found[name].notna(), None).tolist() == (
            plain[name].astype(object).where(plain[name].notna(), None).tolist()
        ), name


def test_a_frame_of_categories_takes_empty_columns_and_no_rows(db: duckdb.DuckDBPyConnection) -> None:
    empty = warehouse.category_frame(db, "select null::varchar as word, 1 as number from range(2)", ["word", "number"])
    assert empty["word"].isna().all()
    assert len(empty) == 2
    none = warehouse.category_frame(db, "select 'x' as word where false", ["word"])
    assert (len(none), list(none.columns)) == (0, ["word"])


# files


def test_equal_rows_give_equal_bytes_in_the_order_of_the_query(db: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    db.execute("create table t as select (i * 7919) % 5000 as i, 'ü' || i as word from range(5000) r(i)")
    db.execute("create table shuffled as from t order by hash(i)")
    for name, table in (("first", "t"), ("second", "t"), ("third", "shuffled")):
        sql = f"from {table} order by i, word"
        warehouse.write_parquet(db, sql, tmp_path / "new" / f"{name}.parquet", {"title": "x", "revision": "1"})
    files = [path.read_bytes() for path in sorted((tmp_path / "new").iterdir())]
    assert files[0] == files[1] == files[2]
    rows = db.execute(f"select i from read_parquet('{tmp_path}/new/first.parquet')").fetchall()
    assert rows == [(i,) for i in range(5000)]


def test_bytes_do_not_depend_on_threads_or_the_order_of_the_metadata(tmp_path: Path) -> None:
    for threads, pairs in ((1, {"a": "1", "b": "2"}), (2, {"b": "2", "a": "1"})):
        with warehouse.connect(threads) as connection:
            sql = "select i, sum(i / 7.0) over (order by i) as total from range(300000) r(i) order by i"
            warehouse.write_parquet(connection, sql, tmp_path / f"{threads}.parquet", pairs)
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()


def test_metadata_can_be_read_back_with_quotes_and_umlauts(db: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    warehouse.write_parquet(db, "select 1 as x", path, {"title": "Städte 'und' Gemeinden", "licence": "CC BY 4.0"})
    found = db.execute(f"select decode(key), decode(value) from parquet_kv_metadata('{path}') order by 1").fetchall()
    assert found == [("licence", "CC BY 4.0"), ("title", "Städte 'und' Gemeinden")]


def test_a_path_with_a_quote_is_written(db: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "a 'place'" / "t.parquet"
    warehouse.save(db, pd.DataFrame({"x": [1]}), target)
    assert target.is_file()


# macros


@pytest.mark.parametrize(
    ("raw", "mark", "number"),
    [
        ("1.234,5", ",", 1234.5),
        ("1.234.567", ",", 1234567.0),
        ("47 514", ",", 47514.0),
        ("47 514", ".", 47514.0),
        (" 12,5 ", ",", 12.5),
        ("12.5", ".", 12.5),
        ("-3,25", ",", -3.25),
        ("0", ",", 0.0),
        ("1e3", ".", 1000.0),
        ("1,234.5", ".", None),
        ("12,5", ".", None),
        ("-", ",", None),
        (".", ",", None),
        ("...", ",", None),
        ("x", ",", None),
        ("12 %", ",", None),
        ("", ",", None),
        (None, ",", None),
    ],
)
def test_a_number_is_read_with_its_decimal_mark_or_is_none(
    db: duckdb.DuckDBPyConnection, raw: str | None, mark: str, number: float | None
) -> None:
    assert db.execute("select number_of(?::varchar, ?)", [raw, mark]).fetchall() == [(number,)]


@pytest.mark.parametrize("raw", ["nan", "inf", "-Infinity", "NaN"])
def test_a_word_for_no_number_is_not_a_number(db: duckdb.DuckDBPyConnection, raw: str) -> None:
    """DuckDB casts these words to doubles; in a publisher's file they are signs, never values."""
    assert db.execute("select number_of(?, '.')", [raw]).fetchall() == [(None,)]


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Aachen, Stadt", "aachen"),
        ("Leipzig, Stadt, kreisfrei", "leipzig"),
        ("Gießen", "giessen"),
        ("Garmisch-Partenkirchen", "garmisch partenkirchen"),
        ("Castrop – Rauxel", "castrop rauxel"),
        ("Lahr/Schwarzwald", "lahr schwarzwald"),
        ("Nienburg / Weser", "nienburg weser"),
        ("  Bad   Homburg ", "bad homburg"),
        ("Bad\tHomburg", "bad homburg"),
        ("ÜBERLINGEN", "überlingen"),
        ("Essen (Oldenburg)", "essen (oldenburg)"),
        ("", ""),
        (None, None),
    ],
)
def test_a_name_is_made_plain_for_comparing(db: duckdb.DuckDBPyConnection, name: str | None, plain: str | None) -> None:
    assert db.execute("select plain_name(?::varchar)", [name]).fetchall() == [(plain,)]


# no network


def test_no_extension_is_installed_or_loaded_by_itself(db: duckdb.DuckDBPyConnection) -> None:
    settings = "autoinstall_known_extensions", "autoload_known_extensions"
    for name in settings:
        assert db.execute("select value from duckdb_settings() where name = ?", [name]).fetchall() == [("false",)]


def test_reading_from_the_network_is_an_error_and_not_a_download(db: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(PipelineError, match=r"(?i)model remote: .*(httpfs|extension|http)"):
        warehouse.run(db, {"remote": "select * from read_csv('https://example.org/table.csv')"})


def test_no_window_is_ordered_by_an_expression_over_wide_rows() -> None:
    """Trap 12: DuckDB takes fifteen times as long when scores are computed inside a window's ORDER BY."""
    for name, sql in warehouse.layer(catalog.load(), "4_rankings").items():
        for window in sqlglot.parse_one(sql, dialect="duckdb").find_all(sqlglot.exp.Window):
            for ordered in window.find_all(sqlglot.exp.Ordered):
                assert isinstance(ordered.this, sqlglot.exp.Column | sqlglot.exp.Literal), f"{name}: {ordered.sql()}"


# two databases in one process, as the flow has them


def test_databases_beside_each_other_spill_without_touching_each_other() -> None:
    """A join and a sort that do not fit into memory, in two threads; one folder for both ended the process."""

    def sums(start: int) -> tuple[int, int]:
        with warehouse.connect(memory_limit="60MB") as connection:
            connection.execute(
                f"create table wide as select i, md5(i::varchar) as text from range({start}, {start} + 600000) as r(i)"
            )
            found = connection.execute(
                "select sum(a.i), count(*) from wide as a join (from wide order by text) as b using (text)"
            ).fetchone()
            assert found is not None
            return found

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(sums, [0, 1_000_000])) == [
            (sum(range(600_000)), 600_000),
            (sum(range(1_000_000, 1_600_000)), 600_000),
        ]
