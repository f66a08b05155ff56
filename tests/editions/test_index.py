"""The index as a whole: how many indicators there are, with values of which years, and on how many an area rests."""

from __future__ import annotations

import duckdb
import pytest

from pipeline import catalog

CATALOG = catalog.load()
YEARS = (2018, 2019, 2020, 2021)
OWN = ("reported", "true_zero")
GIVEN = (*OWN, "carried_forward", "inherited")
TOLD = (
    "area", "dimension", "direction", "direction_why", "level", "unit", "licence", "limits", "null_rule", "source",
    "label_de", "label_en", "text_de", "text_en",
)  # fmt: skip


def test_at_least_sixty_indicators_are_declared() -> None:
    assert len(CATALOG.indicators) >= 60


@pytest.mark.parametrize("year", YEARS)
def test_at_least_forty_have_values_by_the_date_rule_with_what_is_carried_and_inherited_told_apart(
    db: duckdb.DuckDBPyConnection, year: int
) -> None:
    counted = db.execute(
        "select indicator_id, sum(places_own), sum(places_carried_forward), sum(places_association + places_district), "
        "sum(places) from quality_coverage where edition_year = ? group by all",
        [year],
    ).fetchall()
    assert sum(own + carried + inherited > 0 for _, own, carried, inherited, _ in counted) >= 40
    statuses = dict(
        db.execute(
            "select indicator_id, count(*) from indicators "
            f"where edition_year = ? and value_status in {GIVEN} group by all",
            [year],
        ).fetchall()
    )
    assert sum(count > 0 for count in statuses.values()) >= 40


def test_no_value_is_younger_or_older_than_the_date_rule_allows(db: duckdb.DuckDBPyConnection) -> None:
    beyond = db.execute(
        f"select indicator_id, edition_year, min(reference_date), max(reference_date) from indicators "
        f"where value_status in {GIVEN} and (reference_date > make_date(edition_year + 1, 1, 1) "
        "or reference_year < edition_year - 2) group by all"
    ).fetchall()
    assert beyond == []


def test_every_area_rests_on_three_indicators_or_is_left_out_with_its_reason(db: duckdb.DuckDBPyConnection) -> None:
    areas = db.execute(
        "select areas.edition_year, areas.indicator_set, areas.area, areas.status, areas.reason, areas.indicators, "
        "list(weights.indicator_id order by weights.indicator_id) filter (weights.status = 'scored') "
        "from areas left join weights using (edition_year, indicator_set, area) group by all"
    ).fetchall()
    assert {(year, which, area) for year, which, area, *_ in areas} == {
        (year, which, area) for year in YEARS for which in ("every_place", "city") for area in CATALOG.areas
    }
    few = []
    for year, which, area, status, reason, number, scored in areas:
        if status != "scored":
            assert number == 0 and reason, (year, which, area)
        elif number < 3:
            few.append((year, which, area, number))
            dated = [name for name in scored if not CATALOG.indicators[name].flag]
            own = db.execute(
                "select count(*) from indicators where edition_year = ? and list_contains(?::varchar[], indicator_id) "
                f"and value_status in {OWN} and level = 'municipality' and reference_date is not null",
                [year, dated],
            ).fetchall()
            assert number == 2 and own[0][0] > 0, (year, which, area)
    assert few == [(2018, "city", "tourism", 2)]


def test_the_dictionary_says_all_of_every_indicator(db: duckdb.DuckDBPyConnection) -> None:
    columns = ", ".join(TOLD)
    entries = db.execute(
        f"select name, first_value_year, last_value_year, {columns} from dictionary "
        "where kind = 'indicator' and edition_year = 2021"
    ).fetchall()
    assert {entry[0] for entry in entries} == {indicator.id for indicator in CATALOG.sorted_indicators}
    assert [entry[0] for entry in entries if not all(entry[3:])] == []
    years = {name: (first, last) for name, first, last, *_ in entries}
    assert years["trade_tax"] == (2018, 2019)
    assert years["nursing_places"] == (2017, 2021)
    assert years["public_transport_stop"] == (2018, 2018)
    without = {name for name, (first, last) in years.items() if first is None or last is None}
    assert without == {
        name for name, count in db.execute(
            f"select indicator_id, count(*) filter (value_status in {GIVEN}) from indicators group by 1"
        ).fetchall() if count == 0
    }  # fmt: skip


def test_a_rate_whose_source_has_its_parts_shows_them(db: duckdb.DuckDBPyConnection) -> None:
    apart = db.execute(
        "select indicator_id, count(*), count(numerator), count(denominator) from indicators "
        f"where value_status in {GIVEN} and (numerator is not null or denominator is not null) group by all"
    ).fetchall()
    assert all(values == numerators == denominators for _, values, numerators, denominators in apart)
    assert {name for name, *_ in apart} >= {i.id for i in CATALOG.sorted_indicators if i.moves_by} | {"pay_gap"}


def test_an_award_that_is_funding_and_evidence_of_a_strategy_at_once_counts_once(db: duckdb.DuckDBPyConnection) -> None:
    facts = ("funding_federal", "funding_land", "strategy_documented")

    def held(ags: str, year: int) -> list[str]:
        found = db.execute(
            f"select indicator_id from indicators where ags = ? and edition_year = ? and indicator_id in {facts} "
            "and value = 1 order by 1",
            [ags, year],
        ).fetchall()
        return [name for (name,) in found]

    # Ravensburg: on 26 July 2019 the Land honoured municipal strategies with money; one page says both
    assert held("08436064", 2019) == ["funding_land"]
    # Soest: chosen by the federation in 2019, its council adopted the strategy in 2020: two events
    assert "strategy_documented" not in held("05974040", 2019)
    assert held("05974040", 2020) == list(facts)


def test_a_general_regional_programme_is_no_digital_funding(db: duckdb.DuckDBPyConnection) -> None:
    # Wittmund (03462) took part in Land(auf)Schwung from 2015 on, a general programme, and in no digital one by 2021
    found = db.execute(
        "select distinct indicator_id, value, value_status from indicators where ags like '03462%' "
        "and indicator_id in ('funding_federal', 'smart_region') order by 1"
    ).fetchall()
    assert found == [("funding_federal", 0.0, "true_zero"), ("smart_region", 0.0, "true_zero")]
    assert db.execute("select distinct programme_scope from funding").fetchall() == [("digital",)]


def test_who_leads_and_who_is_a_member_is_told_apart(db: duckdb.DuckDBPyConnection) -> None:
    found = db.execute(
        "select name, role from funding where edition_year = 2021 and project_id = 'MPSC19-suedwestfalen' order by ags"
    ).fetchall()
    assert dict(found)["Soest, Stadt"] in ("lead", "member")
    roles = db.execute("select role, count(*) from funding where edition_year = 2021 group by 1").fetchall()
    assert {role for role, _ in roles} == {"lead", "member"}
