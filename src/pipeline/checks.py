"""Data checks: suites in, result rows out. The only place that imports Great Expectations.

A suite is expectations/<table>.json: `name`, `meta`, and a list of expectations, each with `type`, `kwargs`,
`severity` (critical stops publication; warning and info do not) and `meta.why`. One with a `row_condition` names
the columns of the condition in `meta.condition_columns`.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.catalog import shipped
from pipeline.errors import CatalogError

LIBRARY = "great_expectations"  # imported where it is used: it takes seconds
SEVERITIES = ("critical", "warning", "info")
MAX_FAILING = 10_000  # rows kept per expectation; the count is always whole
COLUMN_KWARGS = ("column", "column_A", "column_B")
CHECK_COLUMNS = (
    "suite", "expectation", "table", "column", "kwargs", "success", "observed", "failing_rows", "severity",
)  # fmt: skip
ONE_AT_A_TIME = threading.Lock()  # the library keeps its context per process, not per thread
FAILING_COLUMNS = ("position", "expectation", "severity", "reason")


@dataclass(frozen=True)
class Outcome:
    """checks: one row per executed expectation (CHECK_COLUMNS); failing: rows of the frame by position that
    fail one (FAILING_COLUMNS), at most MAX_FAILING per expectation."""

    checks: pd.DataFrame
    failing: pd.DataFrame


def load_suite(table: str, folder: Path | None = None) -> dict[str, Any]:
    """The declared suite of a table. CatalogError names file and key."""
    path = (folder or shipped("expectations")) / f"{table}.json"
    try:
        suite = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise CatalogError(
            f"expectations: {path.name} does not exist; every published and typed table has one"
        ) from error
    except ValueError as error:
        raise CatalogError(f"expectations: {path.name} is not JSON: {error}") from error
    if not isinstance(suite, dict):
        raise CatalogError(f"expectations: {path.name}: a suite is expected, found {type(suite).__name__}")
    if suite.get("name") != table:
        raise CatalogError(
            f"expectations: {path.name}: key 'name' is {suite.get('name')!r}, the file's name is {table!r}"
        )
    if not suite.get("expectations"):
        raise CatalogError(f"expectations: {path.name}: no expectations; a suite that cannot fail checks nothing")
    for number, expectation in enumerate(suite["expectations"], 1):
        if problem := _problem(expectation):
            raise CatalogError(f"expectations: {path.name}, entry {number} ({expectation.get('type')}): {problem}")
    return suite


def _problem(expectation: dict[str, Any]) -> str:
    """What an entry lacks; empty if nothing."""
    if expectation.get("severity") not in SEVERITIES:
        return f"key 'severity' must be one of {', '.join(SEVERITIES)}, found {expectation.get('severity')!r}"
    meta, kwargs = expectation.get("meta", {}), expectation.get("kwargs")
    if not meta.get("why"):
        return "key 'meta.why' must say why"
    if not isinstance(kwargs, dict):
        return "key 'kwargs' is missing"
    if ("row_condition" in kwargs) != bool(meta.get("condition_columns")):
        return "key 'meta.condition_columns' must name the columns of 'row_condition'"
    return ""


def columns_of(table: str, folder: Path | None = None) -> set[str]:
    """The columns that a table's suite looks at."""
    found: set[str] = set()
    for expectation in load_suite(table, folder)["expectations"]:
        kwargs = expectation["kwargs"]
        found |= {kwargs[key] for key in COLUMN_KWARGS if key in kwargs}
        found |= set(kwargs.get("column_list", []))
        found |= set(expectation["meta"].get("condition_columns", []))
    return found


@cache
def _great_expectations() -> Any:
    """The library and one ephemeral context; imported here since most commands do without."""
    import great_expectations as gx

    context = _context(gx)
    return gx, context, context.data_sources.add_pandas("frames")


def _context(gx: Any) -> Any:
    """A context without files, bars and messages."""
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    before = logging.root.manager.disable
    logging.disable(logging.INFO)  # under Prefect's logging the library's own level is not enough
    try:
        context = gx.get_context(mode="ephemeral")
    finally:
        logging.disable(before)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _batch_definition(table: str) -> Any:
    _, _, source = _great_expectations()
    if table not in source.get_asset_names():
        source.add_dataframe_asset(table)
    asset = source.get_asset(table)
    try:
        return asset.get_batch_definition("whole")
    except KeyError:
        return asset.add_batch_definition_whole_dataframe("whole")


def run_suite(table: str, frame: pd.DataFrame, folder: Path | None = None) -> Outcome:
    """Validate a frame against its table's suite.

    An expectation of an unknown type is an error here: the library itself only logs and drops it.
    """
    with ONE_AT_A_TIME:
        return _run_suite(table, frame, folder)


def _run_suite(table: str, frame: pd.DataFrame, folder: Path | None) -> Outcome:
    gx, _, _ = _great_expectations()
    declared = load_suite(table, folder)
    try:
        suite = gx.ExpectationSuite(**declared)
    except ValueError as error:
        raise CatalogError(f"expectations: {table}.json: {error}") from error
    if len(suite.expectations) != len(declared["expectations"]):
        kept = {e.expectation_type for e in suite.expectations}
        unknown = sorted({e["type"] for e in declared["expectations"]} - kept)
        raise CatalogError(f"expectations: {table}.json: unknown expectation type {', '.join(unknown)}")
    batch = _batch_definition(table).get_batch(batch_parameters={"dataframe": frame.reset_index(drop=True)})
    results = batch.validate(suite, result_format={"result_format": "BASIC"}).results
    rows = [_check_row(table, result) for result in results]
    failing = [_failing_rows(result) for result in _with_rows(batch, results)]
    columns = list(CHECK_COLUMNS)
    checks = pd.DataFrame(rows, columns=columns).sort_values(columns[:5], ignore_index=True)
    empty = pd.DataFrame(
        {"position": pd.Series(dtype="int64"), **{c: pd.Series(dtype="str") for c in FAILING_COLUMNS[1:]}}
    )
    return Outcome(checks, pd.concat([empty, *failing], ignore_index=True))


def data_docs(frames: Iterable[tuple[str, pd.DataFrame]], target: Path) -> Path:
    """The library's own pages in the folder `target`: every suite, and what it says of its table. Returns the first.

    frames: table and rows, one at a time, so that one is in memory.
    """
    with ONE_AT_A_TIME:
        gx, _, _ = _great_expectations()
        context = _context(gx)
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(target)}
        site = {"class_name": "SiteBuilder", "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"}}
        context.add_data_docs_site(site_name="checks", site_config={**site, "store_backend": store})
        source = context.data_sources.add_pandas("frames")
        for table, frame in frames:
            whole = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("whole")
            suite = context.suites.add(gx.ExpectationSuite(**load_suite(table)))
            asked = context.validation_definitions.add(gx.ValidationDefinition(name=table, data=whole, suite=suite))
            asked.run(batch_parameters={"dataframe": frame})
        context.build_data_docs(site_names=["checks"])
    return target / "index.html"


def _with_rows(batch: Any, results: list[Any]) -> list[Any]:
    """The failed results once more with the rows: to list rows costs a quarter of a run, and most runs have none."""
    gx, _, _ = _great_expectations()
    failed = [result.expectation_config.to_domain_obj() for result in results if not result.success]
    if not failed:
        return []
    complete = {"result_format": "COMPLETE", "include_unexpected_rows": False}
    return list(batch.validate(gx.ExpectationSuite("failed", expectations=failed), result_format=complete).results)


def _kwargs(config: Any) -> dict[str, Any]:
    """What was asked, as the suite says it: the library turns a condition into an object and adds its own ids."""
    kwargs = {k: v for k, v in config.kwargs.items() if k not in ("batch_id", "condition_parser")}
    condition = kwargs.get("row_condition")
    if isinstance(condition, dict) and "pass_through_filter" in condition:
        kwargs["row_condition"] = condition["pass_through_filter"]
    return kwargs


def _columns(kwargs: dict[str, Any]) -> str:
    return ", ".join([kwargs[key] for key in COLUMN_KWARGS if key in kwargs] + list(kwargs.get("column_list", [])))


def _check_row(table: str, result: Any) -> tuple[Any, ...]:
    config = result.expectation_config
    found = result.result or {}
    kwargs = _kwargs(config)
    return (
        table,
        config.type,
        table,
        _columns(kwargs),
        json.dumps(kwargs, ensure_ascii=False, sort_keys=True, default=str),
        bool(result.success),
        _observed(result),
        int(found.get("unexpected_count") or 0),
        _severity(config),
    )


def _in_words(kwargs: dict[str, Any]) -> str:
    """An expectation's arguments for a person: `min_value 0, max_value 100 where variable == "speed_50"`."""
    told = {key: kwargs[key] for key in sorted(kwargs) if key not in (*COLUMN_KWARGS, "column_list", "row_condition")}
    words = ", ".join(f"{key} {_short(value)}" for key, value in told.items())
    where = f"where {kwargs['row_condition']}" if kwargs.get("row_condition") else ""
    return " ".join(part for part in (words, where) if part)


def _short(value: Any) -> str:
    if isinstance(value, list) and len(value) > 6:
        return f"{', '.join(map(str, value[:5]))} and {len(value) - 5} more"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _severity(config: Any) -> str:
    severity = config.severity
    return str(getattr(severity, "value", severity))


def _observed(result: Any) -> str:
    exceptions = result.exception_info or {}
    raised = exceptions if "raised_exception" in exceptions else next(iter(exceptions.values()), {})
    if raised.get("raised_exception"):
        return f"could not be evaluated: {str(raised.get('exception_message')).splitlines()[0]}"
    found = result.result or {}
    if "unexpected_count" in found and "element_count" in found:
        return f"{found['unexpected_count']} unexpected of {found['element_count']}"
    if "partial_missing_list" in found:  # in no order, and capped at 20
        missing = sorted(map(str, found["partial_missing_list"]))
        named = f": {', '.join(missing)}" if 0 < len(missing) == found["missing_count"] else ""
        return f"{found['missing_count']} missing{named}"
    value = found.get("observed_value")
    if value is None:
        return "nothing"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _failing_rows(result: Any) -> pd.DataFrame:
    config = result.expectation_config
    positions = list((result.result or {}).get("unexpected_index_list") or [])[:MAX_FAILING]
    return pd.DataFrame(
        {
            "position": pd.Series(positions, dtype="int64"),
            "expectation": config.type,
            "severity": _severity(config),
            "reason": _message(config.type, _kwargs(config)),
        }
    )


def _message(kind: str, kwargs: dict[str, Any]) -> str:
    """`expect_column_values_to_be_between on value: min_value 0, max_value 100 where variable == "speed_50"`."""
    words = _in_words(kwargs)
    return f"{kind} on {_columns(kwargs) or 'the table'}" + (f": {words}" if words else "")


def critical_failures(checks: pd.DataFrame) -> list[str]:
    """One message per failed critical check: table, column, what was expected and what was found."""
    failed = checks[(checks["severity"] == "critical") & ~checks["success"].astype(bool)]
    return [
        f"- {row.suite}: {_message(str(row.expectation), json.loads(str(row.kwargs)))}, found {row.observed}"
        for row in failed.itertuples()
    ]
