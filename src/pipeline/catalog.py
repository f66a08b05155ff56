"""Typed models of everything declared in frame/, sources/, sql/ and expectations/, checked both ways on load.

Nothing here reads data; it says what the data must be. Unknown keys are errors that name file and key.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import CatalogError, UsageError

T = TypeVar("T", bound=BaseModel)
SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same language, ten times as fast where libyaml is
PACKAGE = Path(__file__).resolve().parent
Evidence = Literal["original bytes", "recorded reply", "described only"]
Content = Literal["zip", "xlsx", "xls", "csv", "json", "xml", "html", "parquet", "text"]
FILL = re.compile(r"\{(?P<name>[a-z_]+)(?::(?P<format>0?\d*d))?\}")
VALUE_STATUS = frozenset(
    {
        "reported", "true_zero", "rounded_to_zero", "suppressed", "unreliable", "not_applicable", "pending",
        "not_collected", "imputed", "carried_forward", "inherited", "provisional", "no_denominator", "not_convertible",
    }
)  # fmt: skip


def shipped(folder: str) -> Path:
    """sql/, expectations/ and flows/ stand at the top of a checkout and travel inside the wheel."""
    inside = PACKAGE / folder
    return inside if inside.is_dir() else PACKAGE.parents[1] / folder


class Loader(SAFE_LOADER):  # type: ignore[misc,valid-type]
    """YAML that refuses a key given twice; the language's own loader lets the last one win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for number, key in enumerate(keys):
            if key in keys[:number] and key != "<<":
                problem = f"key {key!r} stands twice in one mapping"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return dict(super().construct_mapping(node, deep=deep))


class Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _no_formula(text: str) -> str:
    """Texts that we write to CSV must not be run by a spreadsheet."""
    if text.startswith(("=", "+", "-", "@", "\t", "\r")):
        raise ValueError(f"begins with {text[0]!r}, which a spreadsheet takes for a formula")
    return text


Text = Annotated[str, AfterValidator(_no_formula)]


class Layout(Declared):
    """How one sheet or file looks. `columns` map a canonical name to `POSITION: header text`.

    `where`: the values of the rows in scope; `outside`: a pattern of those that may be left out, others are errors.
    `whole`: counts, in which a fraction is an error. `patterns`: how keys look.

    A publisher that moves columns and rows: `header_has` is a text of the lowest header row, from which `header_rows`
    and `first_row` are then counted (0 is that row), and a position `*` is found by its header text, of which several
    wordings are parted by " | ". `fill_down`: columns that are written on the first row of a block only.

    `custom`: the source's module reads the bytes; `stream`: it reads a file too large for memory, batch by batch.
    `made`: columns of the rows that the module gives beyond `columns`, with their types.
    """

    reader: Literal["excel", "csv", "fixed_width", "parquet", "custom", "stream"]
    sheet: str | int | None = None
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    decimal: Literal[".", ","] = "."
    header_has: str | None = None
    header_rows: list[int] = []
    first_row: int = 2
    width: int | None = None
    line_length: int | None = None
    columns: dict[str, str] = {}
    optional_columns: list[str] = []
    values: dict[str, str] = {}
    period_row: int | None = None
    period_column: str | None = None
    periods: list[str] = []
    constants: dict[str, str] = {}
    where: dict[str, list[str]] = {}
    outside: dict[str, str] = {}
    whole: list[str] = []
    patterns: dict[str, str] = {}
    stop_at: str | None = None
    cells: dict[str, str] = {}
    fill_down: list[str] = []
    made: dict[str, Literal["varchar", "bigint"]] = {}


class Part(Declared):
    """One file (or one sheet of it) of an edition. `file` is the path in a folder with a manifest.

    `member`: pattern of the one member to read where the publisher's file is a zip. `address`, `fills` and
    `content` override those of the edition and of the source's access.
    """

    file: str
    layout: str
    name: str | None = None
    member: str | None = None
    address: str | None = None
    content: Content | None = None
    fills: dict[str, str | int] = {}
    cells: dict[str, str] = {}
    constants: dict[str, str] = {}


class SourceEdition(Declared):
    """`address` overrides the pattern of `access`, whose {names} `fills` give; `no_access`: why no address has it."""

    reference_date: dt.date | None = None
    territory_date: dt.date | None = None
    address: str | None = None
    fills: dict[str, str | int] = {}
    no_access: str | None = None
    evidence: Evidence | None = None  # where it differs from the source's
    signs: dict[str, str] = {}
    note: str | None = None
    parts: list[Part]


class Discover(Declared):
    """A page whose links name the file: the newest by the groups of `pattern` is taken, never the first or last.

    `pattern` is searched in the absolute address of each link; its named groups year, month, day or its group `date`
    order the finds. {names} are filled as in an address, so that one year's file can be asked for.
    """

    page: str
    pattern: str

    @model_validator(mode="after")
    def _dates_are_groups(self) -> Discover:
        groups = set(re.compile(FILL.sub("0", self.pattern)).groupindex)
        if not groups & {"date", "year"} or not groups <= {"date", "year", "month", "day"}:
            raise ValueError(f"pattern: groups named date, or year, month and day are expected, found {sorted(groups)}")
        return self


class Request(Declared):
    """One request. A `body` that is a mapping is sent as a form, a text as it is. {names} are filled everywhere."""

    method: Literal["get", "post"] = "get"
    address: str
    parameters: dict[str, str] = {}
    body: dict[str, str] | str | None = None
    headers: dict[str, str] = {}


class Access(Declared):
    """How a source's files are had from its publisher.

    `hosts`: the only ones that addresses, redirects and discovered links may name. `address` (with {names} that an
    edition's `fills` give; {file} is the name of the part's file) or `discover` says where. `before`: requests that
    open a session. `job`: the reply may be the number of a job (GENESIS). `dialogue`: one file is made of several
    replies; `fetch` in the source's module asks for them, once per edition (`fetch_file` where the layout is a stream).
    `snapshot_days`: the publisher only knows today, so an edition is asked for so many days before and after its
    reference date, or never. `secrets`: header to environment variable; sent to the address's own host only. `ca`: the
    host sends an incomplete chain, so a certificate is expected in certificates/<host>.pem. `size_ratio`: bytes by
    those of the edition before. `drop_columns`: personal ones, taken out before anything is kept. `members`: patterns
    of the members of a large zip that are read over Range. `read_on_arrival`: false for files too large to be read
    twice.
    """

    hosts: list[str] = Field(min_length=1)
    method: Literal["get", "post"] = "get"
    address: str | None = None
    discover: Discover | None = None
    parameters: dict[str, str] = {}
    body: dict[str, str] | str | None = None
    headers: dict[str, str] = {}
    before: list[Request] = []
    job: bool = False
    dialogue: bool = False
    snapshot_days: int | None = None
    content: Content
    max_bytes: int = Field(default=500_000_000, gt=0)
    size_ratio: tuple[float, float] = (0.5, 2.0)
    pause_seconds: float = Field(default=1.0, ge=1.0)
    deadline_seconds: float = Field(default=3600.0, gt=0)
    secrets: dict[str, str] = {}
    ca: bool = False
    drop_columns: list[str] = []
    members: list[str] = []
    read_on_arrival: bool = True

    @model_validator(mode="after")
    def _one_place(self) -> Access:
        if (self.address is None) == (self.discover is None):
            raise ValueError("one of address and discover is expected")
        return self

    def request(self, edition: SourceEdition, part: Part, address: str | None = None) -> Request:
        """What is asked for one part of an edition; raises ValueError for a {name} that nothing fills.

        `address` is the discovered one; where the link is not yet known, the page stands for it.
        """
        fills = {"file": Path(part.file).name, **edition.fills, **part.fills}
        page = self.discover.page if self.discover else ""
        pattern = address or part.address or edition.address or self.address or page
        body = self.body
        return Request(
            method=self.method,
            address=pattern if address else filled(pattern, fills),
            parameters={name: filled(text, fills) for name, text in self.parameters.items()},
            body={k: filled(v, fills) for k, v in body.items()}
            if isinstance(body, dict)
            else body and filled(body, fills),
            headers={name: filled(text, fills) for name, text in self.headers.items()},
        )


def filled(pattern: str, fills: Mapping[str, str | int]) -> str:
    """A pattern with its {name} and {name:02d} filled; other braces (JSON, regular expressions) stay."""

    def value(found: re.Match[str]) -> str:
        if found["name"] not in fills:
            raise ValueError(f"{{{found['name']}}} in {pattern!r:.120} is filled by nothing; add it to fills")
        return format(fills[found["name"]], found["format"] or "")

    return FILL.sub(value, pattern)


class Watched(Declared):
    """A publisher's page that lists what a source keeps by hand. `names`: texts of which the list holds at least one
    and an error page none."""

    address: str = Field(pattern=r"^https://")
    names: list[str] = Field(min_length=1)

    @property
    def hosts(self) -> list[str]:
        """The page's own, with and without www."""
        bare = (urlsplit(self.address).hostname or "").removeprefix("www.")
        return [bare, f"www.{bare}"]


class Steady(Declared):
    """How a series goes on from one date to the next, as the real files do with room to spare; a step beyond it stops.

    correlation: least rank correlation; ratio: bounds of the median of new by old; same: largest share of unchanged
    values; coverage: largest relative change of the number of values; leap: largest factor by which one place may leave
    the others; breaks: dates at which the series is known to break, and `why`.
    """

    correlation: float = 0.9
    ratio: tuple[float, float] = (0.7, 1.4)
    same: float = 0.5
    coverage: float = 0.05
    leap: float = 10.0
    breaks: list[dt.date] = []
    why: str | None = None

    @model_validator(mode="after")
    def _breaks_have_a_reason(self) -> Steady:
        if self.breaks and not self.why:
            raise ValueError("key 'why' must say why the series breaks")
        return self


class Source(Declared):
    """A publisher's data set. `match`: by level the least share of entries or keys that must find their place."""

    id: str
    title: Text
    publisher: Text
    page: Text
    licence: Text
    attribution: Text
    redistribute: Literal["yes", "figures_only", "no"]
    evidence: Evidence
    kind: Literal["cells", "rows"]
    level: str
    grain: str
    key: str
    complete: bool
    release_month: int | None = None
    personal: bool = False
    essential: bool = False  # a yearly run stops where it cannot be had; without any other the last good edition does
    tables: list[str]
    signs: dict[str, str] = {}
    steady: dict[str, Steady] = {}
    match: dict[str, float] = {}
    layouts: dict[str, Layout]
    editions: dict[str, SourceEdition]
    access: Access | None = None
    no_access: str | None = None  # why there is no access to a publisher's address
    watch: list[Watched] = []
    limits: str | None = None

    @property
    def is_asked(self) -> bool:
        """Whether a fetch asks anybody: for files, or what a watched page says."""
        return self.access is not None or bool(self.watch)

    @property
    def is_retrieved(self) -> bool:
        """Whether real bytes or a recorded reply were ever read. What is only described enters no edition."""
        return self.evidence != "described only"

    @model_validator(mode="after")
    def _every_edition_has_an_address_or_a_reason(self) -> Source:
        if (self.access is None) == (self.no_access is None):
            raise ValueError("one of access and no_access (the reason) is expected")
        if self.access is None:
            return self
        reachable = {name: edition for name, edition in self.editions.items() if edition.no_access is None}
        for name, edition in reachable.items():
            for part in edition.parts:
                try:
                    request = self.access.request(edition, part)
                except ValueError as error:
                    raise ValueError(f"editions.{name}: {error}, or say no_access with the reason") from error
                if urlsplit(request.address).hostname not in self.access.hosts:
                    raise ValueError(f"editions.{name}: {request.address}: its host is not among access.hosts")
        return self

    def evidence_of(self, edition: str) -> Evidence:
        return self.editions[edition].evidence or self.evidence

    @property
    def retrieved_editions(self) -> dict[str, SourceEdition]:
        """The editions of which real bytes or a recorded reply were read. The others enter no figures of the source,
        fetched or not, until somebody has looked at the bytes and changed `evidence`."""
        return {name: e for name, e in self.editions.items() if self.evidence_of(name) != "described only"}

    @model_validator(mode="after")
    def _layouts_and_signs_exist(self) -> Source:
        if self.steady and "*" not in self.steady:
            raise ValueError("steady: an entry '*' for all variables without one of their own is expected")
        for name, edition in self.editions.items():
            for part in edition.parts:
                if part.layout not in self.layouts:
                    raise ValueError(f"editions.{name}: layout {part.layout!r} is not declared")
            for sign, status in {**self.signs, **edition.signs}.items():
                if status not in VALUE_STATUS:
                    raise ValueError(f"signs.{sign!r}: {status!r} is not a value status")
        return self


class Area(Declared):
    """`joins` names the neighbour that takes an area's indicators in a year in which they are too few."""

    id: str
    joins: str | None = None
    label_de: Text
    label_en: Text


class Indicator(Declared):
    """One indicator. `per`: its rate is per x numerator / denominator; `sets` empty: published, not scored;
    `first_year`: the first edition that its source can serve, where that is not the first of all.

    `moves_by`: the share (of inhabitants, of area) by which its sums move when territory changes, and the rate with
    them; without it a value moves only to another key of the same place. `denominator_from`: what of the lists of
    places its denominator is; without it the denominator is the source's own and moves as the numerator does."""

    id: str
    area: str
    dimension: Literal["potential", "implementation"]
    unit: str
    direction: Literal["higher", "lower"]
    direction_why: str
    sets: list[Literal["every_place", "city"]]
    source: str
    level: Literal["municipality", "association", "district"]
    decimals: int = 2
    log1p: bool = False
    flag: bool = False
    per: int = 1
    moves_by: Literal["population", "area"] | None = None
    denominator_from: Literal["population", "area"] | None = None
    shrink: bool = False
    goalposts: tuple[float, float] | None = None
    first_year: int | None = None
    null_rule: str
    limits: str
    label_de: Text
    label_en: Text
    text_de: Text
    text_en: Text

    @model_validator(mode="after")
    def _a_denominator_moves_with_a_numerator(self) -> Indicator:
        if self.denominator_from and not self.moves_by:
            raise ValueError("denominator_from: says how a sum that moves becomes a rate, so moves_by is expected too")
        return self

    @property
    def model(self) -> str:
        return f"indicator__{self.id}"


class Screening(Declared):
    indicator_coverage: float
    area_weight: float
    unit_share: float


class Uncertainty(Declared):
    """How many draws, their seed, and what they vary; the rest is `composite.draws.Factors`."""

    draws: int = Field(ge=0)
    seed: int = Field(ge=0)
    weight_noise: float
    normalisation: list[str]
    treatment: list[str]
    aggregation: list[str]
    leave_out: float
    sampling: bool
    imputation: bool


class CompleteSearch(Declared):
    """A year and league in which the search for strategies is complete enough for the gate, and why."""

    year: int
    league: str
    evidence: str


class StrategyGate(Declared):
    """The variant's indicator of a documented strategy, and the most that implementation counts without one."""

    indicator: str
    implementation_limit: float = Field(ge=0, le=100)
    complete: list[CompleteSearch]


class MethodSpec(Declared):
    id: str
    version: str
    title: str
    base_years: list[int]
    area_weights: dict[str, float]
    indicator_weights: dict[str, float] = {}
    bounds_quantiles: tuple[float, float]
    screening: Screening
    max_flag_share: float
    max_inherited_share: float
    carry_forward_years: int
    area_minimum_indicators: int
    imputation_minimum_places: int
    region_minimum_share: float = Field(gt=0, le=1)
    fact_sources: list[str]
    strategy_gate: StrategyGate
    uncertainty: Uncertainty


class Finding(Declared):
    """A question put to the data. readings: verdict to two sentences with fields in braces, alike in both languages;
    unit: of the estimates, `units` where an outcome has its own; names: how readings call outcomes and comparisons."""

    id: str
    question_de: str
    question_en: str
    method_de: str
    method_en: str
    assumptions_de: str
    assumptions_en: str
    seed: int
    draws: int = Field(ge=100)
    minimum_places: int = Field(ge=3)
    unit: str
    units: dict[str, str] = {}
    parameters: dict[str, float] = {}
    names_de: dict[str, str] = {}
    names_en: dict[str, str] = {}
    readings_de: dict[str, str]
    readings_en: dict[str, str]

    @model_validator(mode="after")
    def _readings_match(self) -> Finding:
        for de, en in ((self.readings_de, self.readings_en), (self.names_de, self.names_en)):
            if de.keys() != en.keys():
                raise ValueError(f"in one language only: {', '.join(sorted(de.keys() ^ en.keys()))}")
        return self


class Edition(Declared):
    year: int
    revision: str
    method: str
    territory_date: dt.date
    published: dt.date


class League(Declared):
    id: str
    indicator_set: Literal["every_place", "city"]
    min_population: int
    max_population: int | None = None
    label_de: Text
    label_en: Text
    is_size_class: bool


class Bounds(Declared):
    """Frozen once per method version, in the indicator's unit: the scale's 0 and 100 (or the other way round)."""

    method: str
    version: str
    indicators: dict[str, tuple[float, float]]


class Column(Declared):
    """A column of a published file; the same name means the same thing in every file that has it."""

    name: str
    files: list[str]
    type: str
    unit: str = ""
    label_de: Text
    label_en: Text
    text_de: Text
    text_en: Text


class Correction(Declared):
    """A known error of a publisher. `model`: the SQL that leaves the values out or puts them right; `guard`: which rows
    of the typed `table` are wrong. Where none is left the publisher has put it right, and the entry goes."""

    id: str
    source: str
    applies_to: str
    reason: str
    provider: str
    reported: dt.date | None
    model: str
    table: str
    guard: str


class Alias(Declared):
    """A name that a list uses for a place, with the reason why it is that place; `source`: only in that list."""

    name: str
    source: str | None = None
    ags: str = Field(pattern=r"^\d{8}$")
    evidence: str


@dataclass(frozen=True)
class Catalog:
    """All declarations. `sql` maps a model's name to its text."""

    sources: Mapping[str, Source]
    areas: Mapping[str, Area]
    indicators: Mapping[str, Indicator]
    leagues: Mapping[str, League]
    methods: Mapping[str, MethodSpec]
    editions: Mapping[int, Edition]
    bounds: Mapping[str, Bounds]
    columns: Mapping[str, Column]
    findings: Mapping[str, Finding]
    corrections: Mapping[str, Correction]
    aliases: tuple[Alias, ...]
    sql: Mapping[str, str]
    sql_layer: Mapping[str, str]
    fingerprint: str

    @cached_property
    def typed_tables(self) -> dict[str, Source]:
        return {table: source for source in self.sources.values() for table in source.tables}

    @cached_property
    def retrieved(self) -> dict[str, Source]:
        """The sources that figures and editions rest on."""
        return {name: source for name, source in self.sources.items() if source.is_retrieved}

    @cached_property
    def sorted_indicators(self) -> list[Indicator]:
        """Those that editions hold, by id: the order of every array's columns."""
        newest = max(self.editions)
        held = (i for i in self.indicators.values() if i.source in self.retrieved and (i.first_year or 0) <= newest)
        return sorted(held, key=lambda i: i.id)

    def edition(self, year: int) -> Edition:
        if year not in self.editions:
            known = ", ".join(str(y) for y in sorted(self.editions))
            raise UsageError(f"no edition {year} is declared in frame/editions.yml; declared are {known}")
        return self.editions[year]


def _load_yaml(path: Path) -> Any:
    try:
        return yaml.load(_text(path), Loader=Loader)
    except yaml.YAMLError as error:
        raise CatalogError(f"{path.name}: not readable as YAML: {error}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise CatalogError(f"{path.name}: not UTF-8: {error}") from error
    except OSError as error:
        raise CatalogError(f"{path.name}: {error.strerror or error}") from error


def _validated(kind: type[T], data: Any, where: str) -> T:
    if not isinstance(data, dict):
        raise CatalogError(f"{where}: a mapping is expected, found {type(data).__name__}")
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(whole entry)"
        found = "" if first["type"] == "missing" else f", found {first['input']!r:.80}"
        raise CatalogError(f"{where}: key {key!r}: {first['msg']}{found}") from error


def _entries(kind: type[T], path: Path, key: str) -> dict[Any, T]:
    """A list of entries in one YAML file, by their key; a key given twice is an error."""
    data = _load_yaml(path)
    if data == [] and path.name in ("editions.yml", "leagues.yml", "methods.yml", "areas.yml", "indicators.yml"):
        raise CatalogError(f"{path.name}: at least one entry is expected, found none")
    if not isinstance(data, list):
        raise CatalogError(f"{path.name}: a list of entries is expected")
    found: dict[Any, T] = {}
    for number, raw in enumerate(data, 1):
        label = raw.get(key, f"entry {number}") if isinstance(raw, dict) else f"entry {number}"
        entry = _validated(kind, raw, f"{path.name}: {label}")
        if getattr(entry, key) in found:
            raise CatalogError(f"{path.name}: {key} {getattr(entry, key)!r} stands twice")
        found[getattr(entry, key)] = entry
    return found


def load(
    frame: Path | None = None, sources: Path | None = None, sql: Path | None = None, expectations: Path | None = None
) -> Catalog:
    """Everything declared, cross-checked. The folders are arguments so that tests can bring their own."""
    frame, sources, sql = frame or PACKAGE / "frame", sources or PACKAGE / "sources", sql or shipped("sql")
    suites = sorted((expectations or shipped("expectations")).glob("*.json"))
    loaded = [_validated(Source, _load_yaml(path), path.name) for path in sorted(sources.glob("*.yml"))]
    models = sorted(sql.glob("*/*.sql"))
    catalog = Catalog(
        sources={source.id: source for source in loaded},
        areas=_entries(Area, frame / "areas.yml", "id"),
        indicators=_entries(Indicator, frame / "indicators.yml", "id"),
        leagues=_entries(League, frame / "leagues.yml", "id"),
        methods=_entries(MethodSpec, frame / "methods.yml", "id"),
        editions=_entries(Edition, frame / "editions.yml", "year"),
        bounds=_entries(Bounds, frame / "bounds.yml", "method"),
        columns=_entries(Column, frame / "columns.yml", "name"),
        findings=_entries(Finding, frame / "findings.yml", "id"),
        corrections=_entries(Correction, frame / "corrections.yml", "id"),
        aliases=tuple(_entries(Alias, frame / "aliases.yml", "name").values()),
        sql={path.stem: _text(path) for path in models},
        sql_layer={path.stem: path.parent.name for path in models},
        fingerprint=_fingerprint([*sorted(frame.glob("*.yml")), *sorted(sources.glob("*.yml")), *models, *suites]),
    )
    _check_files(sources, loaded, models)
    _check_models(catalog)
    _check_suites(catalog, [path.stem for path in suites])
    _check_references(catalog)
    _check_methods(catalog)
    return catalog


def _fingerprint(files: Iterable[Path]) -> str:
    """sha256 over names and contents of all declarations: what an edition was made by, without any clock."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.parent.name}/{path.name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _check_files(folder: Path, sources: Iterable[Source], models: list[Path]) -> None:
    for source in sources:
        if not (folder / f"{source.id}.yml").is_file():
            raise CatalogError(f"{source.id}.yml: the file's name and the key 'id' must be the same")
    stems = [path.stem for path in models]
    for stem in stems:
        if stems.count(stem) > 1:
            raise CatalogError(f"sql: two models are called {stem}; the file's name is the table's name")


def _missing(where: str, what: str, wanted: Iterable[str], there: Iterable[str]) -> None:
    gone = sorted(set(wanted) - set(there))
    if gone:
        raise CatalogError(f"{where}: {what}: {', '.join(gone)}")


def _check_models(c: Catalog) -> None:
    """Both ways: no source without a table, no indicator without SQL, no SQL without a declaration."""
    typed = [name for name, layer in c.sql_layer.items() if layer == "1_typed" and name.startswith("typed__")]
    owners: dict[str, str] = {}
    for source in c.sources.values():
        where = f"{source.id}.yml: key 'tables'"
        _missing(where, "tables without a file in sql/1_typed", source.tables, typed)
        for table in source.tables:
            if table in owners:
                raise CatalogError(f"{where}: {table} is declared by {owners[table]}.yml too")
            owners[table] = source.id
    _missing("sql/1_typed", "models that no source names under its key 'tables'", typed, owners)
    written = [name for name, layer in c.sql_layer.items() if layer == "3_indicators"]
    for indicator in c.indicators.values():
        where = f"indicators.yml: {indicator.id}: key 'id'"
        _missing(where, "an indicator without a file in sql/3_indicators", [indicator.model], written)
        if indicator.moves_by and not re.search(r"\bnumerator\b.*\bdenominator\b", c.sql[indicator.model], re.DOTALL):
            raise CatalogError(
                f"indicators.yml: {indicator.id}: key 'moves_by': its SQL gives no numerator and denominator"
            )
    models = [indicator.model for indicator in c.indicators.values()]
    _missing("sql/3_indicators", "models that no key 'id' in indicators.yml declares", written, models)


def _check_suites(c: Catalog, suites: Iterable[str]) -> None:
    """Both ways for typed tables. A published file may have a suite; that each has one is asked where it is checked."""
    _missing("expectations", "typed tables without a suite <table>.json", c.typed_tables, suites)
    published = {name for column in c.columns.values() for name in column.files}
    _missing("expectations", "suites of no table", suites, {*c.typed_tables, *published})


def _check_references(c: Catalog) -> None:
    """Every name that an entry gives for another entry exists."""
    for indicator in c.indicators.values():
        where = f"indicators.yml: {indicator.id}"
        _missing(f"{where}: key 'area'", "unknown area", [indicator.area], c.areas)
        _missing(f"{where}: key 'source'", "unknown source", [indicator.source], c.sources)
    _missing("areas.yml: key 'id'", "areas without an indicator", c.areas, {i.area for i in c.indicators.values()})
    for area in c.areas.values():
        _missing(f"areas.yml: {area.id}: key 'joins'", "unknown area", [area.joins] if area.joins else [], c.areas)
    for alias in c.aliases:
        source = [alias.source] if alias.source else []
        _missing(f"aliases.yml: {alias.name}: key 'source'", "unknown source", source, c.sources)
    for correction in c.corrections.values():
        where = f"corrections.yml: {correction.id}"
        _missing(f"{where}: key 'source'", "unknown source", [correction.source], c.sources)
        _missing(f"{where}: key 'model'", "unknown model", [correction.model], c.sql)
        _missing(f"{where}: key 'table'", "unknown table", [correction.table], c.sources[correction.source].tables)


def _check_methods(c: Catalog) -> None:
    """Weights, frozen bounds and editions fit the areas, indicators and methods."""
    for method in c.methods.values():
        where = f"methods.yml: {method.id}"
        _missing(f"{where}: key 'area_weights'", "weights that match no area", method.area_weights, c.areas)
        _missing(f"{where}: key 'area_weights'", "areas without a weight", c.areas, method.area_weights)
        names = method.indicator_weights
        _missing(f"{where}: key 'indicator_weights'", "weights that match no indicator", names, c.indicators)
        _missing(f"{where}: key 'fact_sources'", "unknown source", method.fact_sources, c.sources)
        gate = method.strategy_gate
        _missing(f"{where}: key 'strategy_gate.indicator'", "unknown indicator", [gate.indicator], c.indicators)
        for search in gate.complete:
            _missing(f"{where}: key 'strategy_gate.complete'", "unknown league", [search.league], c.leagues)
        for key, weights in (("area_weights", method.area_weights), ("indicator_weights", method.indicator_weights)):
            for name, weight in weights.items():
                if not 0 < weight < math.inf:
                    raise CatalogError(f"{where}: key '{key}.{name}': {weight} is not a weight, a number above 0")
    for bounds in c.bounds.values():
        where = f"bounds.yml: {bounds.method}"
        _missing(f"{where}: key 'method'", "unknown method", [bounds.method], c.methods)
        _missing(f"{where}: key 'indicators'", "unknown indicator", bounds.indicators, c.indicators)
        for name, (low, high) in bounds.indicators.items():
            if not low < high:
                raise CatalogError(f"{where}: key 'indicators.{name}': the lower bound {low} is not below {high}")
    for edition in c.editions.values():
        _missing(f"editions.yml: {edition.year}: key 'method'", "unknown method", [edition.method], c.methods)
