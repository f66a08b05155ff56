"""What a command shows: the summary of a run and the table of sources."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from pipeline import warehouse
from pipeline.catalog import Catalog, Source
from pipeline.publish import Published

SHOWN = (
    "rank", "name", "land_name", "population", "score", "score_potential", "score_implementation", "rank_previous",
)  # fmt: skip
TOP_LEAGUES = {"city_30k": "Towns of 30,000 and more", "germany": "All municipalities"}


SOURCE_FIELDS = {
    "id", "title", "publisher", "page", "licence", "level", "release_month", "evidence", "redistribute", "access",
    "no_access", "watch",
}  # fmt: skip


def source_table(catalog: Catalog) -> str:
    """The registry as a markdown table; the README shows it. Brackets: an edition whose evidence is another one's."""
    rows = [
        [s.id, s.licence, s.level, s.release_month or "-", ", ".join(_editions(s)), s.evidence]
        for s in catalog.sources.values()
    ]
    return markdown_table(rows, ["source", "licence", "level", "release month", "editions", "evidence"])


def _editions(source: Source) -> list[str]:
    return [f"{name} ({e.evidence})" if e.evidence else name for name, e in source.editions.items()]


def coverage_table(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> str:
    """What values there are, by area, year and size class, as a markdown table; the README shows it.

    connection: with `quality_coverage` of the wanted years. A cell is the share of own values and the share of
    inherited ones, in percent of places x indicators; what is left has no value. Indicators that no set asks for do not
    count. So that no mean hides an empty list, the last column names the indicator that fewest places have a value of.
    """
    asked = [indicator.id for indicator in catalog.sorted_indicators if indicator.sets]
    classes = [league.id for league in catalog.leagues.values() if league.is_size_class]

    def percent(counts: str, name: str) -> str:
        of_class = f"filter (where size_class = '{name}')"
        return f"100 * sum({counts}) {of_class} / sum(places) {of_class}"

    own, inherited = "places_own + places_carried_forward", "places_association + places_district"
    cells = [f"format('{{:.0f}} + {{:.0f}}', {percent(own, name)}, {percent(inherited, name)})" for name in classes]
    rows = connection.execute(
        f"""
        with asked as (
          select * from quality_coverage where list_contains($1, indicator_id)
        ),
        least as (
          select edition_year, area, indicator_id, 1 - sum(places_imputed + places_missing) / sum(places) as share
          from asked
          group by edition_year, area, indicator_id
          qualify row_number() over (partition by edition_year, area order by share, indicator_id) = 1
        )
        select area, edition_year, count(distinct asked.indicator_id), {", ".join(cells)},
          any_value(format('{{}} {{:.0f}}', least.indicator_id, 100 * least.share))
        from asked
        join least using (edition_year, area)
        group by area, edition_year
        order by list_position($2, area), edition_year
        """,
        [asked, list(catalog.areas)],
    ).fetchall()
    header = ["area", "year", "indicators", *(catalog.leagues[name].label_en for name in classes), "fewest values"]
    return markdown_table(rows, header)


def agreement_table(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> str:
    """How far the parts of an area agree and what it decides, in the newest year, as markdown; the README shows it.

    connection: with `quality_areas`, `quality_correlations` and `quality_leave_out`.
    """
    rows = connection.execute(
        """
        with newest as (select max(edition_year) as edition_year from quality_areas),
        least as (
          select indicators.edition_year, indicators.league, indicators.other as area,
            arg_min(
              format('{}, {} {:.2f}', pairs.item, pairs.other, pairs.rank_correlation), pairs.rank_correlation
            ) as pair
          from quality_correlations as pairs
          join quality_correlations as indicators
            on indicators.edition_year = pairs.edition_year and indicators.league = pairs.league
            and indicators.item = pairs.item and indicators.scope = 'with_area'
          where pairs.scope = 'within_area'
          group by all
        )
        select areas.league, areas.area, areas.items, format('{:.2f}', areas.cronbach_alpha), coalesce(least.pair, ''),
          coalesce(format('{:.0f} ({:.0f})', shift_mean, shift_p95), ''),
          coalesce(format('{}: {} to {}', name, rank, rank_without), '')
        from quality_areas as areas
        join newest using (edition_year)
        left join least using (edition_year, league, area)
        left join quality_leave_out as shifts
          on shifts.edition_year = areas.edition_year and shifts.league = areas.league
          and shifts.left_out_kind = 'area' and shifts.left_out = areas.area
        order by areas.league desc, list_position($1, areas.area) nulls last
        """,
        [list(catalog.areas)],
    ).fetchall()
    header = ["league", "area", "parts", "alpha", "pair that agrees least", "ranks shift without it (95 %)", "furthest"]
    return markdown_table(rows, header)


def summary(published: Sequence[Published], out: Path) -> dict[str, Any]:
    """The newest edition's top ten in the two main leagues, and what this run wrote."""
    newest = max(published, key=lambda edition: edition.year)
    with warehouse.connect() as connection:
        top = []
        for league, label in TOP_LEAGUES.items():
            rankings = (
                f"read_parquet({warehouse.literal(str(newest.folder / 'rankings.parquet'))}) where league = '{league}'"
            )
            rows = connection.execute(f"select {', '.join(SHOWN)} from {rankings} and rank <= 10 order by rank, ags")
            top.append(
                {
                    "league": league,
                    "label": label,
                    "year": newest.year,
                    "rows": [dict(zip(SHOWN, row, strict=True)) for row in rows.fetchall()],
                }
            )
            counts = connection.execute(f"select count(rank), count(*) - count(rank) from {rankings}").fetchall()[0]
            top[-1] |= {"ranked": counts[0], "unranked": counts[1]}
    editions = [
        {"year": e.year, "revision": e.revision, "is_new": e.is_new, "folder": str(e.folder)} for e in published
    ]
    return {"top": top, "editions": editions, "latest": str(out / "latest")}


def row_texts(row: dict[str, Any]) -> list[str]:
    """A row of the top ten as it is shown."""
    before = row["rank_previous"]
    return [
        str(row["rank"]), row["name"], row["land_name"], f"{row['population']:,}", f"{row['score']:.2f}",
        f"{row['score_potential']:.1f}", f"{row['score_implementation']:.1f}", "-" if before is None else str(before),
    ]  # fmt: skip


def markdown_table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> str:
    if not rows:
        return "none"
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell).replace("|", "/").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def whatif_lines(document: dict[str, Any]) -> list[str]:
    """An answer of `whatif` for the screen; its first and last line say that it is not the published ranking."""
    rows = [
        [row["rank"] or "-", row["rank_published"], _signed(row["change"]), row["name"], row["land_name"],
         "-" if row["score"] is None else f"{row['score']:.2f}", f"{row['score_published']:.2f}"]
        for row in [*document["top"], *document["asked"]]
    ]  # fmt: skip
    header = ["rank here", "published", "change", "municipality", "Land", "score here", "published"]
    table = _aligned(rows, header, "rrrllrr")
    first_asked = len(document["top"]) + 1
    shares = ", ".join(
        f"{w['area']} {w['here']:.1%}"
        + ("" if abs(w["here"] - w["published"]) < 5e-7 else f" (published {w['published']:.1%})")
        for w in document["weights"]
    )
    left_out = document["left_out_indicators"]
    return [
        document["notice"],
        f"{document['league']} {document['edition_year']} {document['revision']}: normalisation "
        f"{document['normalisation']}, aggregation {document['aggregation']}",
        f"weights: {shares}",
        *([f"equal in all places, so left out: {', '.join(left_out)}"] if left_out else []),
        *(["nothing was changed: these are the published ranks"] if document["is_unchanged"] else []),
        *table[:first_asked],
        *(["asked for:", *table[first_asked:]] if document["asked"] else []),
        f"{document['ranked']} places. {document['notice']}",
    ]


def _signed(change: int | None) -> str:
    return "-" if change is None else f"{change:+d}" if change else "0"


def _aligned(rows: Sequence[Sequence[object]], header: Sequence[str], sides: str) -> list[str]:
    """Rows as lines of text under a header, columns two blanks apart; sides: l or r for each column."""
    texts = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[k]) for row in texts) for k in range(len(header))]
    return [
        "  ".join(
            cell.rjust(width) if side == "r" else cell.ljust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
        ).rstrip()
        for row in texts
    ]


def compare_lines(document: dict[str, Any]) -> list[str]:
    """A comparison for the screen."""

    def estimate(row: dict[str, Any]) -> str:
        return (
            "not defined"
            if row["estimate"] is None
            else f"{row['estimate']:.2f} ({row['p05']:.2f} to {row['p95']:.2f})"
        )

    def behind(row: dict[str, Any]) -> str:
        return ", ".join(f"{area['area']} {area['points']:+.1f}" for area in row["areas"]) or "no single area"

    disagreements = [
        [row["rank_here"], row["rank_there"], _signed(row["gap"]), row["name"], row["rank_published"],
         row["rank_given"], behind(row)]
        for row in document["disagreements"]
    ]  # fmt: skip
    header = ["here", "there", "gap", "municipality", "published", "given", "areas (points above or below the mean)"]
    areas = [[row["area"], estimate(row)] for row in document["areas"]]
    left_out = [
        f"row {row['row']}, {row['entry']}: {row['reason']}"
        + (f" ({'; '.join(row['candidates'])})" if row["candidates"] else "")
        for row in document["left_out"]
    ]
    return [
        f"{document['places']} places stand in both lists, {document['league']} {document['edition_year']}, ranked "
        f"among themselves; {len(left_out)} rows left out",
        f"Spearman {estimate(document['spearman'])}, Kendall tau b {estimate(document['kendall_tau_b'])}; "
        f"half of the places are {document['median_gap']:g} ranks apart or less",
        "",
        "biggest disagreements (gap above 0: further to the front here)",
        *_aligned(disagreements, header, "rrrlrrl"),
        "",
        "areas: rank correlation of the gap with the area's score",
        *_aligned(areas, ["area", "correlation (90 % interval)"], "ll"),
        *(["", "left out:", *left_out] if left_out else []),
    ]


def sensitivity_lines(document: dict[str, Any]) -> list[str]:
    """Sensitivity indices for the screen."""

    def share(row: dict[str, Any], index: str) -> str:
        if row[index] is None:
            return "not defined"
        return f"{row[index]:z.2f} ({row[f'{index}_p05']:z.2f} to {row[f'{index}_p95']:z.2f})"

    def driven_by(output: dict[str, Any]) -> str:
        if output["driver"] is None:
            return "no choice moves it"
        return f"driven by {output['driver']}" if output["is_clear"] else f"{output['driver']} first, but not clearly"

    lines = [
        f"{document['league']} {document['edition_year']}, {document['ranked']} places, {document['draws']} draws "
        f"(base {document['base']}, seed {document['seed']}): shares of the variance over all choices, 90 % intervals",
    ]
    for output in document["outputs"]:
        of = (
            "mean rank shift"
            if output["rank"] is None
            else f"{output['name']} ({output['ags']}), published rank {output['rank']}"
        )
        span = f"{output['p50']:.1f} ({output['p05']:.1f} to {output['p95']:.1f})"
        rows = [[row["factor"], share(row, "first"), share(row, "total")] for row in output["factors"]]
        lines += ["", f"{of}; over the draws {span}: {driven_by(output)}"]
        lines += _aligned(rows, ["choice", "alone", "with interactions"], "lll")
    return lines


def diff_lines(document: dict[str, Any]) -> list[str]:
    """A difference between editions for the screen."""
    if document["is_equal"]:
        return [f"{document['before']} and {document['after']}: no difference"]

    def columns(file: dict[str, Any]) -> str:
        most = sorted(file["columns_changed"].items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{name} {count}" for name, count in most[:5])
        return shown + (f" and {len(most) - 5} more" if len(most) > 5 else "")

    rows = [
        [file["file"], file["rows_before"], file["rows_after"], file["only_before"], file["only_after"],
         file["changed"], columns(file)]
        for file in document["files"] if "only_in" not in file
    ]  # fmt: skip
    header = ["file", "rows before", "after", "only before", "only after", "changed", "columns changed"]
    lines = [f"{document['before']} to {document['after']}", *_aligned(rows, header, "lrrrrrl")]
    lines += [f"{file['file']}: only in {file['only_in']}" for file in document["files"] if "only_in" in file]
    for file in document["files"]:
        if file.get("columns_only_in_one"):
            lines.append(f"{file['file']}: columns in one of the two: {', '.join(file['columns_only_in_one'])}")
    for league in document["leagues"]:
        lines += [
            "",
            f"{league['league']}: {league['newly_ranked']} newly ranked, {league['no_longer_ranked']} no longer, "
            f"{league['moved']} moved",
        ]
        moves = [
            [_signed(row["change"]), row["rank_before"], row["rank_after"], row["name"]]
            for row in league["largest_moves"]
        ]
        lines += _aligned(moves, ["change", "before", "after", "municipality"], "rrrl") if moves else []
    return lines


def explain_lines(document: dict[str, Any], most_cells: int) -> list[str]:
    """An explanation for the screen; of cells that make a value together, the first `most_cells`."""
    place, areas = document["place"], {area["area"]: area for area in document["areas"]}
    rest = [area for area in document["areas"] if area["status"] != "scored" and not document["only"]]
    lines = [
        f"{place['name']} ({place['ags']}), district {place['district_name']}, {place['land_name']}: edition "
        f"{document['edition_year']} {document['revision']}",
        _rank_line(document),
        *(f"  in {row['league']}: {_rank(row)}" for row in document["leagues"] if row["league"] != document["league"]),
    ]
    area = None
    for row in document["indicators"]:
        heading = row["area"] if row["weight"] is not None else None
        if heading != area and heading is not None:
            lines += ["", _area_line(areas[heading])]
        elif heading is None and (area is not None or row is document["indicators"][0]):
            lines += ["", "not part of the score:"]
        area = heading
        lines += _value_lines(row, most_cells)
    lines += ["", *(f"{each['area']} is not scored: {each['reason']}" for each in rest)] if rest else []
    return [*lines, "", *_next_group_lines(document["next_group"])]


def _rank(row: dict[str, Any]) -> str:
    if row["rank"] is None:
        return f"no rank: {row['reason']}"
    between = "" if row["rank_p05"] is None else f" (5 to 95 %: {row['rank_p05']:.0f} to {row['rank_p95']:.0f})"
    group = "" if row["rank_group"] is None else f", group {row['rank_group']}"
    return f"rank {row['rank']}{between}{group}, score {row['score']:.4f}"


def _rank_line(document: dict[str, Any]) -> str:
    shown = f"{document['league']}: {_rank(document['place'])}"
    if document["place"]["rank"] is None:
        return shown
    return f"{shown} = sum of its points {document['sum_of_points']:.4f}; {document['ranked']} places have a rank"


def _area_line(area: dict[str, Any]) -> str:
    rank = "" if area["rank"] is None else f", rank {area['rank']}"
    score = "no score" if area["score"] is None else f"score {area['score']:.2f}{rank}"
    return f"{area['area']}: {score}, weight {area['weight']:.2%}, {area['points'] or 0:.4f} points"


def _value_lines(row: dict[str, Any], most_cells: int) -> list[str]:
    """The way of one value: cells, value, what was done to it, scale, points."""
    lines = [f"  {row['indicator_id']}: {row['label_en']} ({row['label_de']})"]
    for role in dict.fromkeys(cell["used_for"] for cell in row["cells"]):
        lines += cell_lines(role, [cell for cell in row["cells"] if cell["used_for"] == role], most_cells)
    if row["cells_missing_because"]:
        lines.append(f"    {row['cells_missing_because']}")
    if row["cells"]:
        lines.append(f"    {row['model']} of {', '.join(sorted({cell['typed_column'] for cell in row['cells']}))}")
    lines += [f"    {role} of the new territory: not followed to its cells" for role in row["not_followed"]]
    lines += [f"    territory: {name} {value}" for name, value in row["territory"].items()]
    if row["value"] is None:
        return lines
    lines.append(f"    {_value_text(row)}")
    if row["value_unshrunk"] is not None and abs(row["value"] - row["value_unshrunk"]) > 1e-9:
        lines.append(f"    shrunk to {row['value']:.6g} for the chance in small counts")
    if row["points"] is not None:
        lines.append(f"    {_scale_text(row)}")
        lines.append(f"    {row['normalised']:.4f} x weight {row['weight']:.4%} = {row['points']:.4f} points")
    return lines


def cell_lines(role: str, cells: list[dict[str, Any]], most_cells: int) -> list[str]:
    """The files that a number comes from, each with its cells below."""
    lines, file = [], None
    for cell in cells[:most_cells]:
        if cell["file"] != file:
            file = cell["file"]
            lines.append(f"    {role} from {file} (sha256 {cell['sha256'][:12]})")
        lines.append(f"      {_cell_text(cell)}")
    more = len(cells) - most_cells
    return lines + ([f"      and {more} more (--rows, --json)"] if more > 0 else [])


def _cell_text(cell: dict[str, Any]) -> str:
    """`sheet, cell, "header": text`."""
    sheet = cell["sheet"]
    if cell["cell"]:
        where = f"sheet no. {sheet + 1}" if isinstance(sheet, int) else f'sheet "{sheet}"'
        where += f", cell {cell['cell']}"
    else:
        where = f"row {cell['row']}" + (f", column {cell['column']}" if cell["column"] else "")
    header = f' "{_short(cell["header"])}"' if cell["header"] and cell["header"] != cell["column"] else ""
    is_read = cell.get("raw") is not None
    text = cell["raw"] if is_read else cell["value"]
    return f"{where}{header}: " + (f"{'text' if is_read else 'value'} {text}" if cell["column"] else "the whole row")


def _short(text: str, most: int = 48) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _in_unit(value: float, unit: str) -> str:
    return f"{value:.6g} ({unit})" if "=" in unit else f"{value:.6g} {unit}"


def _value_text(row: dict[str, Any]) -> str:
    """The value in its unit, and whose it is: before anything was done to it, unless it was missing."""
    if row["value_status"] == "imputed":
        return f"{_in_unit(row['value'], row['unit'])}: imputed, the mean of places alike"
    ratio = ""
    if row["numerator"] is not None and row["denominator"] is not None:
        ratio = f" ({row['numerator']:.10g} over {row['denominator']:.10g})"
    level = "its own value" if row["level"] == "municipality" else f"value of its {row['level']}"
    return (
        f"{_in_unit(row['value_unshrunk'], row['unit'])}{ratio}; {level}, {row['value_status']}, "
        f"{row['reference_date']}, {row['source_id']} {row['source_edition'] or ''}".rstrip()
    )


def _scale_text(row: dict[str, Any]) -> str:
    scale = row["scale"]
    better = "more" if scale["direction"] == "higher" else "less"
    held = "; beyond the bound, so it counts as the bound" if scale["is_clipped"] else ""
    return f"scale: {scale['formula']} = {row['normalised']:.4f} ({better} is better{held})"


def _next_group_lines(found: dict[str, Any]) -> list[str]:
    if found["reason"]:
        return [f"next group: {found['reason']}"]
    ahead = found["last_ahead"]
    lines = [
        f"next group: {found['points_missing']:.4f} points to {ahead['name']}, the last of group "
        f"{ahead['rank_group']} (rank {ahead['rank']}, score {ahead['score']:.4f}); one own value alone would need",
    ]
    rows = [
        [
            f"  {row['indicator_id']}", f"{row['value']:.6g}",
            f"{row['needed']:.6g}" if row["is_reachable"] else "not reachable by this alone", row["unit"],
        ]
        for row in found["by_one_value"]
    ]  # fmt: skip
    return [*lines, *_aligned(rows, ["  indicator", "is", "needed", "unit"], "lrrl"), f"({found['notice']})"]
