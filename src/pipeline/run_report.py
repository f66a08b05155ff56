"""What an operator reads after a run: sections, as markdown for Prefect, as HTML and JSON beside the editions.

Reports hold clocks, so they stand outside the editions and their checksums: <out>/reports/<start>.json and .html.
While a run goes on, <start>.journal holds its steps; one that is left there is of a run that was killed, and the next
report says so.
"""

from __future__ import annotations

import datetime as dt
import html
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline import warehouse
from pipeline.archive import write_atomic
from pipeline.publish import Published

FOLDER = "reports"
CUT_OFF = "Earlier runs that were killed before they could report"
QUERIES = {  # title: file of the newest edition, its SQL
    "Leagues": ("rankings", "select league, status, count(*) as places {rows} group by all order by all"),
    "Coverage": (
        "weights",
        "select indicator_set, area, count(*) filter (where status = 'scored') as scored, count(*) as declared, "
        "round(min(coverage) filter (where status = 'scored'), 3) as least_coverage, "
        "sum(places_inherited)::bigint as inherited, sum(places_carried_forward)::bigint as carried_forward "
        "{rows} group by all order by all",
    ),
    "Areas": (
        "areas",
        "select indicator_set, area, status, indicators, round(weight, 4) as weight, reason {rows} order by all",
    ),
    "Largest changes of rank since the year before, towns of 30,000 and more": (
        "rankings",
        "select name, land_name, rank_previous, rank, rank_change {rows} where league = 'city_30k' "
        "and rank_change is not null order by abs(rank_change) desc, ags limit 20",
    ),
    "Sources": (
        "sources",
        "select source_id, edition, max(reference_date) as reference_date, max(retrieved_at) as retrieved_at, "
        "any_value(licence) as licence, count(*) as files {rows} group by all order by all",
    ),
    "Names and keys that found their place": (
        "checks",
        'select "table" as source, json_extract_string(kwargs, \'$.edition\') as edition, "column" as level, observed, '
        "json_extract_string(kwargs, '$.min_value') as least_share {rows} where suite = 'joins' order by all",
    ),
    "Names that found none": (
        "rejected",
        "select source_id, edition, count(*) as names, string_agg(distinct raw, '; ' order by raw) as which "
        "{rows} where rule = 'unmatched_name' group by all order by all",
    ),
    "Checks that failed": (
        "checks",
        'select severity, suite, expectation, "column", observed, failing_rows {rows} where not success order by all',
    ),
    "Rows that were not used": (
        "rejected",
        "select source_id, rule, sum(row_last - row_first + 1)::bigint as rows {rows} group by all order by all",
    ),
}


@dataclass(frozen=True)
class Section:
    """A titled table."""

    title: str
    header: list[str]
    rows: list[list[Any]]


@dataclass(frozen=True)
class Step:
    """One step of the run: how it ended (completed, stale, failed), how long it took, what an operator should know."""

    name: str
    state: str
    seconds: float
    note: str = ""


@dataclass(frozen=True)
class Journal:
    """What a run has done so far, on disk. `cut_off`: a section about killed runs of the same flow."""

    path: Path
    flow: str
    started: dt.datetime
    cut_off: list[Section]

    @classmethod
    def begin(cls, out: Path, flow: str, started: dt.datetime) -> Journal:
        """Take over the journals that killed runs of this flow left; at most one run of a flow writes to `out`."""
        left = [
            (path, told)
            for path in sorted((out / FOLDER).glob("*.journal"))
            if (told := json.loads(path.read_text("utf-8")))["flow"] == flow
        ]
        header = ["flow", "started", "completed steps", "last steps", "their state"]
        rows = [[flow, told["started"], *_where_it_was(told["steps"])] for _, told in left]
        journal = cls(_stem(out, started).with_suffix(".journal"), flow, started, [Section(CUT_OFF, header, rows)])
        journal.note([])
        for path, _ in left:
            path.unlink()
        return journal

    def note(self, steps: Sequence[Step]) -> None:
        told = {"flow": self.flow, "started": self.started.isoformat(), "steps": [asdict(step) for step in steps]}
        write_atomic(self.path, json.dumps(told, ensure_ascii=False).encode())

    def end(self) -> None:
        """The report is written; nothing of this run need be told again."""
        self.path.unlink(missing_ok=True)


def _where_it_was(steps: list[dict[str, Any]]) -> tuple[int, str | None, str | None]:
    """How many steps had ended, and those that were running, or else the last one."""
    running = [step for step in steps if step["state"] == "running"]
    last = running or steps[-1:]
    named = ", ".join(step["name"] for step in last)
    return len(steps) - len(running), named or None, last[0]["state"] if last else None


def sections(published: Sequence[Published], figures: Path, steps: Sequence[Step]) -> list[Section]:
    """Steps, what was published, and from the newest edition whatever an operator looks for."""
    found = [
        Section(
            "Steps",
            ["step", "state", "seconds", "note"],
            [[s.name, s.state, round(s.seconds, 1), s.note] for s in steps],
        ),
        Section(
            "Editions",
            ["edition", "revision", "files", "folder"],
            [[e.year, e.revision, "new" if e.is_new else "unchanged", str(e.folder)] for e in published],
        ),
    ]
    if not published:
        return found
    newest = max(published, key=lambda edition: edition.year)
    with warehouse.connect() as connection:
        for title, (name, sql) in QUERIES.items():
            rows = f"from read_parquet({warehouse.literal(str(newest.folder / f'{name}.parquet'))})"
            found.append(_queried(connection, f"{title}, {newest.year}", sql.format(rows=rows)))
        accounts = warehouse.literal(str(figures / "accounts.parquet"))
        found.append(_queried(connection, "Account of rows", f"select * from read_parquet({accounts}) order by all"))
    return found


def _queried(connection: Any, title: str, sql: str) -> Section:
    result = connection.execute(sql)
    header = [column[0] for column in result.description]
    return Section(title, header, [list(row) for row in result.fetchall()])


def markdown(report: Sequence[Section]) -> str:
    """For a Prefect artifact."""
    parts = ["# Run report"]
    for section in report:
        parts += ["", f"## {section.title}", ""]
        if not section.rows:
            parts.append("none")
            continue
        parts += ["| " + " | ".join(section.header) + " |", "|" + "---|" * len(section.header)]
        parts += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in section.rows]
    return "\n".join(parts) + "\n"


def _cell(cell: object) -> str:
    return "" if cell is None else " ".join(str(cell).splitlines()).replace("|", "/")


def page(report: Sequence[Section], title: str) -> str:
    """A page without scripts or anything from elsewhere."""
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>',
        "<style>body{font:15px/1.5 sans-serif;margin:2em;max-width:80em}table{border-collapse:collapse}"
        "td,th{border-bottom:1px solid #ccc;padding:.2em .8em;text-align:left}</style>",
        f"<h1>{html.escape(title)}</h1>",
    ]
    for section in report:
        parts.append(f"<h2>{html.escape(section.title)}</h2>")
        if not section.rows:
            parts.append("<p>none</p>")
            continue
        head = "".join(f"<th>{html.escape(name)}" for name in section.header)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(_cell(c))}" for c in row) for row in section.rows)
        parts.append(f"<table><tr>{head}{body}</table>")
    return "\n".join(parts) + "\n"


def write(report: Sequence[Section], out: Path, started: dt.datetime) -> Path:
    """<out>/reports/<start>.json and .html; returns the page."""
    stem = _stem(out, started)
    text = json.dumps([asdict(section) for section in report], ensure_ascii=False, indent=1, default=str)
    write_atomic(stem.with_suffix(".json"), text.encode())
    target = stem.with_suffix(".html")
    write_atomic(target, page(report, f"stadtrang run {stem.name}").encode())
    return target


def _stem(out: Path, started: dt.datetime) -> Path:
    return out / FOLDER / started.astimezone(dt.UTC).strftime("%Y-%m-%dT%H%M%SZ")
