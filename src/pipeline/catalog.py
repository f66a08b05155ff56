"""Typed models of everything declared in frame/, sources/, sql/ and expectations/, checked both ways on load.

Nothing here reads data; it says what the data must be. Unknown keys are errors that name file and key.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import CatalogError, UsageError

T = TypeVar("T", bound=BaseModel)
SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same language, ten times as fast where libyaml is
PACKAGE = Path(__file__).resolve().parent
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


class Layout(Declared):
    """How one sheet or file looks. `columns` map a canonical name to `POSITION: header text`."""

    reader: Literal["excel", "csv", "fixed_width", "parquet", "custom"]
    sheet: str | int | None = None
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    decimal: Literal[".", ","] = "."
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
    patterns: dict[str, str] = {}
    stop_at: str | None = None
    cells: dict[str, str] = {}


class Part(Declared):
    """One file (or one sheet of it) of an edition. `file` is the path in a folder with a manifest."""

    file: str
    layout: str
    name: str | None = None
    cells: dict[str, str] = {}
    constants: dict[str, str] = {}


class SourceEdition(Declared):
    reference_date: dt.date | None = None
    territory_date: dt.date | None = None
    address: str | None = None
    signs: dict[str, str] = {}
    note: str | None = None
    parts: list[Part]


class Source(Declared):
    id: str
    title: str
    publisher: str
    page: str
    licence: str
    attribution: str
    redistribute: Literal["yes", "figures_only", "no"]
    evidence: Literal["original bytes", "recorded reply", "described only"]
    kind: Literal["cells", "rows"]
    level: str
    grain: str
    key: str
    complete: bool
    release_month: int | None = None
    personal: bool = False
    tables: list[str]
    signs: dict[str, str] = {}
    layouts: dict[str, Layout]
    editions: dict[str, SourceEdition]
    limits: str | None = None

    @model_validator(mode="after")
    def _layouts_and_signs_exist(self) -> Source:
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
    label_de: str
    label_en: str


class Indicator(Declared):
    """One indicator. `per`: a shrunk rate is per x numerator / denominator; `sets` empty: published, not scored."""

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
    shrink: bool = False
    goalposts: tuple[float, float] | None = None
    null_rule: str
    limits: str
    label_de: str
    label_en: str
    text_de: str
    text_en: str

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
    fact_sources: list[str]
    strategy_gate: StrategyGate
    uncertainty: Uncertainty


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
    label_de: str
    label_en: str
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
    label_de: str
    label_en: str
    text_de: str
    text_en: str


class Correction(Declared):
    id: str
    source: str
    applies_to: str
    reason: str
    provider: str
    reported: dt.date | None
    model: str


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
    corrections: Mapping[str, Correction]
    aliases: tuple[Alias, ...]
    sql: Mapping[str, str]
    sql_layer: Mapping[str, str]
    fingerprint: str

    @cached_property
    def typed_tables(self) -> dict[str, Source]:
        return {table: source for source in self.sources.values() for table in source.tables}

    @cached_property
    def sorted_indicators(self) -> list[Indicator]:
        """By id: the order of every array's columns."""
        return sorted(self.indicators.values(), key=lambda i: i.id)

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
