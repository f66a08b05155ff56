"""Data checks: suites in, result rows out. The only place that imports Great Expectations.

A suite is expectations/<table>.json: `name`, `meta`, and a list of expectations, each with `type`, `kwargs`,
`severity` (critical stops publication; warning and info do not) and `meta.why`.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.catalog import shipped
from pipeline.errors import CatalogError

SEVERITIES = ("critical", "warning", "info")
MAX_FAILING = 10_000  # rows kept per expectation; the count is always whole
COLUMN_KWARGS = ("column", "column_A", "column_B")
CHECK_COLUMNS = (
    "suite", "expectation", "table", "column", "kwargs", "success", "observed", "failing_rows", "severity",
)  # fmt: skip
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
        raise CatalogError(f"expectations: {path.name} does not exist; every published and typed table has one") from error
    except ValueError as error:
        raise CatalogError(f"expectations: {path.name} is not JSON: {error}") from error
    if suite.get("name") != table:
        raise CatalogError(f"expectations: {path.name}: key 'name' is {suite.get('name')!r}, the file's name is {table!r}")
    for number, expectation in enumerate(suite.get("expectations", []), 1):
        if expectation.get("severity") not in SEVERITIES or "why" not in expectation.get("meta", {}):
            raise CatalogError(
                f"expectations: {path.name}, entry {number} ({expectation.get('type')}): "
                f"'severity' must be one of {', '.join(SEVERITIES)} and 'meta.why' must say why"
            )
    if not suite.get("expectations"):
        raise CatalogError(f"expectations: {path.name}: no expectations; a suite that cannot fail checks nothing")
    return dict(suite)


def columns_of(table: str) -> set[str]:
    """The columns that a table's suite looks at."""
    found: set[str] = set()
    for expectation in load_suite(table)["expectations"]:
        kwargs = expectation["kwargs"]
        found |= {kwargs[key] for key in COLUMN_KWARGS if key in kwargs}
        found |= set(kwargs.get("column_list", []))
        found |= set(expectation["meta"].get("condition_columns", []))
    return found


@cache
def _great_expectations() -> Any:
    """The library and one ephemeral context; imported here since it costs two seconds."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("frames")
    return gx, context, source


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
    gx, _, _ = _great_expectations()
    declared = load_suite(table, folder)
    suite = gx.ExpectationSuite(**declared)
    if len(suite.expectations) != len(declared["expectations"]):
        kept = {e.expectation_type for e in suite.expectations}
        unknown = sorted({e["type"] for e in declared["expectations"]} - kept)
        raise CatalogError(f"expectations: {table}.json: unknown expectation type {', '.join(unknown)}")
    batch = _batch_definition(table).get_batch(batch_parameters={"dataframe": frame.reset_index(drop=True)})
    results = batch.validate(suite, result_format={"result_format": "COMPLETE", "include_unexpected_rows": False})
    rows = [_check_row(table, result) for result in results.results]
    failing = [_failing_rows(table, result) for result in results.results if not result.success]
    columns = list(CHECK_COLUMNS)
    checks = pd.DataFrame(rows, columns=columns).sort_values(columns[:5], ignore_index=True)
    empty = pd.DataFrame({"position": pd.Series(dtype="int64"), **{c: pd.Series(dtype="str") for c in FAILING_COLUMNS[1:]}})
    return Outcome(checks, pd.concat([empty, *failing], ignore_index=True))


def _check_row(table: str, result: Any) -> tuple[Any, ...]:
    config = result.expectation_config
    found = result.result or {}
    kwargs = {k: v for k, v in config.kwargs.items() if k != "batch_id"}
    columns = [kwargs[key] for key in COLUMN_KWARGS if key in kwargs] + list(kwargs.get("column_list", []))
    return (
        table,
        config.type,
        table,
        ", ".join(columns),
        json.dumps(kwargs, ensure_ascii=False, sort_keys=True, default=str),
        bool(result.success),
        _observed(result),
        int(found.get("unexpected_count") or 0),
        _severity(config),
    )


def _severity(config: Any) -> str:
    severity = config.severity
    return str(getattr(severity, "value", severity))


def _observed(result: Any) -> str:
    exceptions = result.exception_info or {}
    raised = exceptions if "raised_exception" in exceptions else next(iter(exceptions.values()), {})
    if raised.get("raised_exception"):
        return f"could not be evaluated: {str(raised.get('exception_message')).splitlines()[0]}"
    found = result.result or {}
    if "unexpected_count" in found:
        return f"{found['unexpected_count']} unexpected of {found['element_count']}"
    value = found.get("observed_value")
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _failing_rows(table: str, result: Any) -> pd.DataFrame:
    config = result.expectation_config
    positions = list((result.result or {}).get("unexpected_index_list") or [])[:MAX_FAILING]
    kwargs = {k: v for k, v in config.kwargs.items() if k != "batch_id"}
    return pd.DataFrame(
        {
            "position": pd.Series(positions, dtype="int64"),
            "expectation": config.type,
            "severity": _severity(config),
            "reason": f"{config.type} {json.dumps(kwargs, ensure_ascii=False, sort_keys=True, default=str)[:300]}",
        }
    )


def critical_failures(checks: pd.DataFrame) -> list[str]:
    """One message per failed critical check: table, column, what was expected and what was found."""
    failed = checks[(checks["severity"] == "critical") & ~checks["success"].astype(bool)]
    return [
        f"- {row.suite}: {row.expectation} on {row.column or 'the table'}: expected {row.kwargs}, found {row.observed}"
        for row in failed.itertuples()
    ]
