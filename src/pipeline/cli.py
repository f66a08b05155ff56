"""The commands: arguments in, exit codes out, nothing else."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from pipeline.errors import PipelineError, UsageError

BUG = 70
STOPPED, TERMINATED = 130, 143  # by Ctrl-C and by SIGTERM, as a shell tells it
STOPPED_WORDS = "stadtrang: stopped; what was published stands"
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)

Years = Annotated[list[int] | None, typer.Option("--year", help="Edition year; repeats. Default: all declared.")]
Figures = Annotated[Path | None, typer.Option("--figures", help="Folder of typed tables. Default: the bundled ones.")]
Out = Annotated[Path | None, typer.Option("--out", help="Where editions go. Default: $STADTRANG_HOME/editions.")]
Archive = Annotated[
    Path | None, typer.Option("--archive", help="Where originals are. Default: $STADTRANG_HOME/archive.")
]
Threads = Annotated[
    int, typer.Option("--threads", min=1, max=256, help="Threads for the SQL; the bytes stay the same.")
]
Draws = Annotated[int | None, typer.Option("--draws", help="Draws of the uncertainty run. Default: the method's.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of the draws. Default: the method's.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]


def main() -> None:
    """Run a command; every handled failure is one message and its exit code, anything else is a bug (70)."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(standalone_mode=True)
    except PipelineError as error:
        print(f"stadtrang: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # `stadtrang sources | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except SystemExit as end:  # typer ends what Ctrl-C stopped without a word
        if end.code in (STOPPED, TERMINATED):
            print(STOPPED_WORDS, file=sys.stderr)
        raise
    except Exception as error:
        if code := _stopped_by(error):
            print(STOPPED_WORDS, file=sys.stderr)
            sys.exit(code)
        traceback.print_exc()
        print("stadtrang: this is a bug; please report the lines above", file=sys.stderr)
        sys.exit(BUG)


def _terminate(_signal: int, _frame: object) -> None:
    """SIGTERM: as Ctrl-C, nothing half done stays."""
    sys.exit(TERMINATED)


def _stopped_by(error: BaseException | None) -> int:
    """DuckDB makes an error of its own of a signal in a query; what the signal raised stands behind it. 0: nothing."""
    while error and not isinstance(error, KeyboardInterrupt | SystemExit):
        error = error.__context__
    return 0 if error is None else STOPPED if isinstance(error, KeyboardInterrupt) else TERMINATED


def home() -> Path:
    return Path(os.environ.get("STADTRANG_HOME") or Path.cwd())


@app.command()
def build(
    year: Years = None,
    figures: Figures = None,
    out: Out = None,
    threads: Threads = 1,
    draws: Draws = None,
    seed: Seed = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Typed tables to published editions, without Prefect."""
    from pipeline import catalog, processes

    declared = catalog.load()
    years = year or sorted(declared.editions)
    for name in years:
        declared.edition(name)
    processes.warm_up()  # while the rest is loaded here
    from pipeline import build as steps
    from pipeline import report
    from pipeline.figures import BUNDLED

    target = out or home() / "editions"
    published = steps.build(declared, figures or BUNDLED, target, years, threads, draws, seed)
    _show(report.summary(published, target), json_, quiet)


@app.command()
def run(
    year: Years = None,
    figures: Figures = None,
    out: Out = None,
    archive: Annotated[
        Path | None, typer.Option("--archive", help="Ask the publishers, and make the figures anew from this archive.")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Ask only this source; repeats. Default: all with an address.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Everything but the publication.")] = False,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """The same as a Prefect flow run (with a temporary server if none is configured), and from the publishers on."""
    from pipeline import catalog, orchestration, report

    if source and archive is None:
        raise UsageError("--source chooses whom to ask, and without --archive nobody is asked")
    declared = catalog.load()  # what makes no sense is refused before a server is started for it
    for name in year or []:
        declared.edition(name)
    _known_sources(source, declared)
    target = out or home() / "editions"
    published = orchestration.run_yearly(year or None, figures, target, archive, source, dry_run)
    if dry_run:
        _show({"published": []}, json_, quiet, lambda: ["dry run: all went well and nothing was published"])
    else:
        _show(report.summary(published, target), json_, quiet)


@app.command()
def fetch(
    source: Annotated[list[str] | None, typer.Argument(help="Sources; default: all.")] = None,
    year: Annotated[int | None, typer.Option("--year", help="Only editions of this year.")] = None,
    from_: Annotated[Path | None, typer.Option("--from", help="Take the files from a folder with a manifest.")] = None,
    archive: Archive = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Put the publishers' original bytes into the archive, with a receipt for each file."""
    from pipeline import catalog

    declared = catalog.load()
    wanted = [declared.sources[name] for name in _known_sources(source, declared)]
    root = archive or home() / "archive"
    if from_ is None:
        _fetch_over_network(root, wanted, year, bool(source), json_, quiet)
    elif year is not None:
        raise UsageError(
            "--year chooses among the publishers' addresses; with --from all files of the folder are taken"
        )
    else:
        _fetch_from_folder(root, from_, wanted, json_, quiet)


def _known_sources(names: list[str] | None, declared: Any) -> list[str]:
    unknown = sorted(set(names or []) - set(declared.sources))
    if unknown:
        raise UsageError(f"unknown source {', '.join(unknown)}; declared are {', '.join(sorted(declared.sources))}")
    return names or sorted(declared.sources)


def _fetch_over_network(
    root: Path, wanted: list[Any], year: int | None, are_named: bool, json_: bool, quiet: bool
) -> None:
    """Exit 1 if a fetch failed, 4 if something changed shape or is gone; what stands from earlier is named stale."""
    from pipeline import fetch as network
    from pipeline import web

    with _progress(json_, quiet) as tell:
        outcomes = network.fetch(wanted, replace(web.settings(root, home()), tell=tell), year, are_named)
    counts = Counter(outcome.state for outcome in outcomes)
    document = {
        "counts": dict(counts),
        "bytes": sum(o.bytes for o in outcomes),
        "stale": sorted({o.source_id for o in outcomes if o.stale}),
        "outcomes": [asdict(o) for o in outcomes],
    }
    summary = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "nothing to fetch"
    lines = [o.line() for o in outcomes if o.state not in {"unchanged", *network.EXIT}]
    _show(document, json_, quiet, lambda: [*lines, f"{summary}; {document['bytes']:,} bytes stored"])
    for outcome in outcomes:
        if outcome.state in network.EXIT:
            print(f"stadtrang: {outcome.line()}", file=sys.stderr)
    if code := network.exit_code(outcomes):
        raise typer.Exit(code)


@contextmanager
def _progress(json_: bool, quiet: bool) -> Iterator[Callable[[str, int | None, int | None], None]]:
    """Bars on standard error while somebody looks at it: sources that are done, and each file that comes in."""
    if json_ or quiet or not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        whole = shown.add_task("sources", amount="")
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int | None, total: int | None) -> None:
            if not what:
                shown.update(whole, total=total, advance=done)
                now = shown.tasks[0]
                shown.update(whole, amount=f"{now.completed:.0f} of {now.total or 0:.0f}")
            elif done is not None:
                if what not in tasks:
                    tasks[what] = shown.add_task(what, total=None, amount="")
                shown.update(tasks[what], completed=done, total=total, amount=f"{done / 1e6:,.1f} MB")
            elif what in tasks:
                shown.remove_task(tasks.pop(what))

        yield tell


def _fetch_from_folder(root: Path, folder: Path, wanted: list[Any], json_: bool, quiet: bool) -> None:
    from pipeline import archive as store

    with store.locked(root, ".fetching", "--archive"):
        receipts, missing = store.fetch_from(root, folder, wanted)
    found = {"stored": len(receipts), "bytes": sum(r.bytes for r in receipts), "missing": missing}
    if not receipts:
        raise PipelineError(
            f"--from {folder}: none of the declared files is there; looked for {missing[0]} and {len(missing) - 1} more"
        )
    _show(
        found,
        json_,
        quiet,
        lambda: [
            f"stored {found['stored']} files, {found['bytes']:,} bytes",
            *(f"not there: {m}" for m in missing),
        ],
    )
    if missing:
        raise PipelineError(f"--from {folder}: {len(missing)} declared files are not there, the first is {missing[0]}")


@app.command()
def sources(
    what: Annotated[str, typer.Argument(help="list, check or calendar.")] = "list",
    source: Annotated[list[str] | None, typer.Argument(help="Sources to check; default: all.")] = None,
    archive: Archive = None,
    ics: Annotated[Path | None, typer.Option("--ics", help="calendar: write it as iCalendar to this file.")] = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """The registered sources; what changed, is late or gone at their publishers (exit 4); the next releases."""
    from pipeline import catalog, report

    declared = catalog.load()
    wanted = [declared.sources[name] for name in _known_sources(source, declared)]
    if what == "list":
        document = [{**s.model_dump(include=report.SOURCE_FIELDS), "editions": list(s.editions)} for s in wanted]
        _show(document, json_, quiet, lambda: [report.source_table(declared)])
    elif what == "check":
        _check_sources(wanted, archive or home() / "archive", json_, quiet)
    elif what == "calendar":
        _calendar(wanted, ics, json_, quiet)
    else:
        raise UsageError(f"sources {what}: list, check and calendar exist")


def _check_sources(wanted: list[Any], root: Path, json_: bool, quiet: bool) -> None:
    from pipeline import releases, web

    with _progress(json_, quiet) as tell:
        findings = releases.check(wanted, replace(web.settings(root, home()), tell=tell), dt.date.today())
    loud = [f for f in findings if f.state not in {"same", "not asked"}]
    lines = [f.line() for f in loud] or [f"{len(findings)} looked at, nothing has changed"]
    _show([asdict(f) for f in findings], json_, quiet, lambda: lines)
    if code := releases.exit_code(findings):
        raise typer.Exit(code)


def _calendar(wanted: list[Any], target: Path | None, json_: bool, quiet: bool) -> None:
    from pipeline import archive as store
    from pipeline import releases, report

    today = dt.date.today()
    found = releases.calendar(wanted, today)
    if target is not None:
        store.write_atomic(target, releases.ics(found, today).encode())
    rows = [[f"{r.due:%Y-%m}", r.source_id, r.edition, r.newest_declared] for r in found]
    table = report.markdown_table(rows, ["expected", "source", "edition", "newest declared"])
    _show([asdict(r) for r in found], json_, quiet, lambda: [table])


@app.command()
def archive(
    what: Annotated[str, typer.Argument(help="list, verify or prune.")] = "list",
    archive: Archive = None,
    out: Out = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="prune: only say what would be removed.")] = False,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """What is stored and what is stale; re-hash everything (exit 5 on damage); remove what nothing names."""
    from pipeline import archive as store

    root = archive or home() / "archive"
    if what == "list":
        rows = store.listing(root)
        lines = [
            f"{r['source_id']} {r['edition']} {r['part']}: {r['bytes']:,} bytes, {r['sha256'][:12]}, "
            + (r["retrieved_at"] or "from a folder")
            + (f", STALE: {r['stale']}" if r["stale"] else "")
            for r in rows
        ]
        _show(rows, json_, quiet, lambda: lines or [f"{root} is empty"])
    elif what == "verify":
        wrong = store.verify(root)
        _show({"differing": wrong}, json_, quiet, lambda: wrong or ["everything has the bytes that its name says"])
        if wrong:
            raise typer.Exit(5)
    elif what == "prune":
        with store.locked(root, ".fetching", "--archive"):
            gone = [p.relative_to(root).as_posix() for p in store.prune(root, out or home() / "editions", dry_run)]
        verb = "would be removed" if dry_run else "removed"
        _show({"removed": gone}, json_, quiet, lambda: [*gone, f"{len(gone)} {verb}"])
    else:
        raise UsageError(f"archive {what}: list, verify and prune exist")


@app.command()
def doctor(archive: Archive = None, json_: Json = False, quiet: Quiet = False) -> None:
    """Environment, disk, archive, credentials, certificates and Prefect: one line each, with the remedy."""
    from pipeline import catalog
    from pipeline import doctor as examination

    lines = examination.examine(catalog.load(), home(), archive or home() / "archive", os.environ)
    _show([asdict(line) for line in lines], json_, quiet, lambda: [line.shown() for line in lines])
    if any(line.state == "problem" for line in lines):
        raise typer.Exit(1)


@app.command()
def figures(
    archive: Archive = None,
    out: Annotated[Path | None, typer.Option("--out", help="Default: the bundled figures.")] = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read the archive into typed tables: the figures that a build starts from."""
    from pipeline import catalog, verdicts
    from pipeline import figures as typed

    declared, folder = catalog.load(), out or typed.BUNDLED
    accounts = typed.make(declared, archive or home() / "archive", folder)
    verdicts.keep(declared, folder)
    lines = [
        f"{a.source_id} {a.edition}: {a.rows_read} rows read = {a.rows_used} used + {a.rows_rejected} rejected"
        for a in accounts.itertuples()
    ]
    _show(accounts.to_dict("records"), json_, quiet, lambda: lines)


@app.command()
def checks(
    html: Annotated[Path, typer.Option("--html", help="A new or empty folder for the pages.")],
    year: Annotated[int | None, typer.Option("--year", help="Also the files of this edition.")] = None,
    figures: Figures = None,
    out: Out = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Every suite and what it says, as pages to read: of the typed tables and of an edition's files."""
    from pipeline import catalog, published, verdicts
    from pipeline.figures import BUNDLED

    if html.exists() and (not html.is_dir() or any(html.iterdir())):
        raise UsageError(f"--html {html}: a new or empty folder is expected, found something in it")
    edition = published.folder(out or home() / "editions", year) if year else None
    page = verdicts.data_docs(catalog.load(), figures or BUNDLED, edition, html)
    _show({"page": str(page)}, json_, quiet, lambda: [str(page)])


@app.command()
def matches(figures: Figures = None, json_: Json = False, quiet: Quiet = False) -> None:
    """How names in lists became places: method and evidence per entry, candidates for a person where none was found."""
    from pipeline import catalog, matching
    from pipeline.figures import BUNDLED

    declared, folder = catalog.load(), figures or BUNDLED
    found, likely = matching.matches(declared, folder), matching.candidates(declared, folder)
    document = {"matches": found.to_dict("records"), "candidates": likely.to_dict("records")}
    _show(document, json_, quiet, lambda: matching.lines(found, likely))


@app.command()
def bounds(
    figures: Figures = None,
    out: Annotated[Path | None, typer.Option("--out", help="Default: frame/bounds.yml of the program.")] = None,
    quiet: Quiet = False,
) -> None:
    """Freeze the scale of every indicator for the method's version: only for a new method version."""
    from pipeline import catalog, scale
    from pipeline.figures import BUNDLED

    path = out or catalog.PACKAGE / "frame" / "bounds.yml"
    found = scale.freeze(catalog.load(), figures or BUNDLED, path)
    _show(
        found,
        False,
        quiet,
        lambda: [f"{path.name}: {len(bounds)} bounds of method {name}" for name, bounds in found.items()],
    )


@app.command()
def verify(
    year: Annotated[int, typer.Option("--year", help="Edition year.")],
    figures: Figures = None, out: Out = None, threads: Threads = 1, json_: Json = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Rebuild an edition and compare its checksums with those that stand; exit 5 where they differ."""
    from pipeline import build as steps
    from pipeline import catalog, publish
    from pipeline.figures import BUNDLED

    declared = catalog.load()
    edition = declared.edition(year)
    target = (out or home() / "editions") / str(year) / edition.revision
    stands = publish.read_sums(target)
    with tempfile.TemporaryDirectory(prefix="stadtrang-") as folder:
        draws, seed = publish.read_draws(target)
        (again,) = steps.build(declared, figures or BUNDLED, Path(folder), [year], threads, draws, seed)
        rebuilt = publish.read_sums(again.folder)
    on_disk = publish.actual_sums(target, stands)
    differing = sorted(
        n for n in stands.keys() | rebuilt.keys() if not stands.get(n) == rebuilt.get(n) == on_disk.get(n)
    )
    _show(
        {"files": len(stands), "differing": differing},
        json_,
        quiet,
        lambda: differing or [f"{len(stands)} files, all equal"],
    )
    if differing:
        raise typer.Exit(5)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="An edition: year, or year@revision.")],
    after: Annotated[str, typer.Argument(help="The edition to compare it with.")],
    top: Annotated[int, typer.Option("--top", min=0, help="How many of the largest moves per league.")] = 5,
    out: Out = None, json_: Json = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """What changed between two editions or two revisions of one; exit 5 where they differ."""
    from pipeline import diff as difference
    from pipeline import report

    editions = out or home() / "editions"
    folders = difference.folder(editions, before), difference.folder(editions, after)
    document = difference.document(*folders, (before, after), top)
    _show(document, json_, quiet, lambda: report.diff_lines(document))
    if not document["is_equal"]:
        raise typer.Exit(5)


@app.command()
def explain(
    place: Annotated[str, typer.Argument(help="AGS or name of a municipality.")],
    year: Annotated[int, typer.Option("--year", help="Edition year.")],
    league: Annotated[
        str | None, typer.Option("--league", help="Default: city_30k for its places, germany for all others.")
    ] = None,
    indicator: Annotated[
        list[str] | None, typer.Option("--indicator", help="Show only this indicator's way; repeats.")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Cells shown per value; --json has all.")] = 5,
    figures: Figures = None,
    archive: Annotated[
        Path | None, typer.Option("--archive", help="Also read the originals there: the text in each cell.")
    ] = None,
    out: Out = None, json_: Json = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Every number from source cell to rank for one place, and what is missing to the next rank group."""
    from pipeline import catalog, published, report
    from pipeline import explain as explanation
    from pipeline.figures import BUNDLED

    declared = catalog.load()
    folder = published.folder(out or home() / "editions", year)
    with published.connect(folder, *explanation.FILES) as edition:
        if league is not None:
            published.require_league(edition, league)
        explanation.require_indicators(edition, indicator or [])
        ags = explanation.require_place(edition, place, declared)
        document = explanation.document(
            declared, edition, folder, ags, league, indicator or [], figures or BUNDLED, archive
        )
    _show(document, json_, quiet, lambda: report.explain_lines(document, rows))


@app.command()
def whatif(
    year: Annotated[int, typer.Option("--year", help="Edition year.")],
    league: Annotated[str, typer.Option("--league", help="A rank is always a rank in a league.")] = "city_30k",
    weights: Annotated[
        str | None, typer.Option("--weights", help="area=factor,...: 2 doubles the area's published weight.")
    ] = None,
    without: Annotated[list[str] | None, typer.Option("--without", help="An area to leave out; repeats.")] = None,
    normalisation: Annotated[
        str, typer.Option("--normalisation", help="min_max (published), range, rank, percentile, z_score, "
                          "distance_to_leader.")
    ] = "min_max",
    aggregation: Annotated[
        str, typer.Option("--aggregation", help="arithmetic (published), geometric or copeland, between areas.")
    ] = "arithmetic",
    top: Annotated[int, typer.Option("--top", min=0, help="How many places from the first on.")] = 10,
    place: Annotated[list[str] | None, typer.Option("--place", help="AGS or name of a place to show; repeats.")] = None,
    out: Out = None, json_: Json = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Ranks under other weights or choices, beside the published ones. Not the published ranking."""
    from pipeline import catalog, published, report
    from pipeline import whatif as question

    factors = question.parse_weights(weights) if weights is not None else {}
    asked = question.Question(league, factors, without or [], normalisation, aggregation)
    declared = catalog.load()
    with published.connect(published.folder(out or home() / "editions", year), *question.FILES) as edition:
        published.require_league(edition, league)
        found = question.read(edition, league, declared.leagues[league].indicator_set)
        places = published.require_places(edition, league, place or [], declared)
    answer = question.answer(found, asked)
    document = question.document(found, asked, answer, top, places)
    _show(document, json_, quiet, lambda: report.whatif_lines(document))


@app.command()
def sensitivity(
    year: Annotated[int, typer.Option("--year", help="Edition year.")],
    league: Annotated[str, typer.Option("--league", help="A rank is always a rank in a league.")] = "city_30k",
    place: Annotated[list[str] | None, typer.Option("--place", help="AGS or name of a place to ask for; repeats.")]
    = None,
    base: Annotated[int, typer.Option("--base", help="Base sample, a power of 2; ten draws for each of it.")] = 512,
    figures: Figures = None, out: Out = None, json_: Json = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Which choice of the method moves the ranks: Sobol indices of the mean rank shift and of places' ranks.

    A published edition does not hold what counts and gaps leave open: the draws are made from the figures that it was
    built from, and its own ranks are checked against theirs.
    """
    from pipeline import catalog, drivers, published, report
    from pipeline.figures import BUNDLED

    declared = catalog.load()
    drivers.require_base(base)
    with published.connect(published.folder(out or home() / "editions", year), *drivers.FILES) as edition:
        published.require_league(edition, league)
        keys = published.require_places(edition, league, place or [], declared)
        ranked = drivers.read(declared, figures or BUNDLED, year, league)
        drivers.require_published(ranked, edition, league)
        places = drivers.named(edition, keys)
    document = drivers.document(declared, ranked, year, league, base, places)
    _show(document, json_, quiet, lambda: report.sensitivity_lines(document))


@app.command()
def compare(
    ranks: Annotated[Path, typer.Argument(help="CSV with a header: ags or name, and rank.")],
    year: Annotated[int, typer.Option("--year", help="Edition year.")],
    league: Annotated[str, typer.Option("--league", help="A rank is always a rank in a league.")] = "city_30k",
    top: Annotated[int, typer.Option("--top", min=0, help="How many of the biggest disagreements.")] = 10,
    out: Out = None, json_: Json = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Someone else's ranking against ours: agreement, biggest disagreements, and the areas that explain them."""
    from pipeline import catalog, published, report
    from pipeline import compare as comparison

    declared = catalog.load()
    entries = comparison.read_ranks(ranks)
    with published.connect(published.folder(out or home() / "editions", year), *comparison.FILES) as edition:
        lists, left_out = comparison.place(edition, league, entries, declared, ranks)
    document = comparison.document(lists, league, year, left_out, top)
    _show(document, json_, quiet, lambda: report.compare_lines(document))


def _show(document: Any, as_json: bool, quiet: bool, lines: Callable[[], list[str]] | None = None) -> None:
    if as_json:
        print(json.dumps(document, ensure_ascii=False, default=str))
    elif quiet:
        return
    elif lines is not None:
        print("\n".join(lines()))
    else:
        _show_summary(document)


def _show_summary(summary: dict[str, Any]) -> None:
    """The top ten of the newest edition's two main leagues, and where the files are."""
    from pipeline import report

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    for league in summary["top"]:
        table = Table(box=None, pad_edge=False)
        for name in (
            "rank",
            "municipality",
            "Land",
            "inhabitants",
            "score",
            "potential",
            "implementation",
            "year before",
        ):
            table.add_column(name, justify="left" if name in ("municipality", "Land") else "right", no_wrap=True)
        for row in league["rows"]:
            table.add_row(*report.row_texts(row))
        console.print(f"{league['label']}, {league['year']}")
        console.print(table)
        console.print(f"{league['ranked']} ranked, {league['unranked']} without a rank (why: column reason)\n")
    for edition in summary["editions"]:
        state = "published" if edition["is_new"] else "unchanged"
        console.print(f"{edition['year']} {edition['revision']}: {state}, {edition['folder']}", soft_wrap=True)
    console.print(f"newest files: {summary['latest']}", soft_wrap=True)
