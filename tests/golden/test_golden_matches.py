"""A hundred names that became places, looked at by a person: what the rules find must be what was seen to be right."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pipeline import catalog, figures, matching, warehouse

SEEN = list(csv.DictReader((Path(__file__).parent / "matches.csv").open(encoding="utf-8")))
CATALOG = catalog.load()
Key = tuple[str, str, str]
Match = tuple[str | None, str]


@pytest.fixture(scope="module")
def found() -> dict[Key, Match]:
    """Place and method of every entry of the lists and of every charging device of the newest register."""
    named = matching.matches(CATALOG, figures.BUNDLED)
    rows = named[["source_id", "edition", "row_number", "ags", "method"]].to_numpy().tolist()
    with warehouse.connect() as connection:
        matching.core(connection, CATALOG, figures.BUNDLED, {"core__charging_stations"})
        rows += connection.execute(
            "select 'bnetza_ladesaeulenregister', edition, row_number, ags, method from core__charging_stations "
            "where list_year = 2021"
        ).fetchall()
    return {(source, edition, str(number)): (ags, method) for source, edition, number, ags, method in rows}


def test_the_sample_holds_a_hundred_matches_of_every_list_and_method() -> None:
    assert len(SEEN) == 100
    assert {row["source_id"] for row in SEEN} == {
        "bnetza_ladesaeulenregister", "german_gov_domains", "mobilitydata_gbfs", "oparl_endpoints",
    }  # fmt: skip
    assert {row["method"] for row in SEEN} == {
        "alias", "name", "name_and_land", "name_and_title", "name_and_district", "outline",
    }  # fmt: skip
    assert all(row["seen"] for row in SEEN)


def test_what_was_seen_to_be_right_is_what_the_rules_find(found: dict[Key, Match]) -> None:
    for row in SEEN:
        key = (row["source_id"], row["edition"], row["row_number"])
        assert found[key] == (row["ags"], row["method"]), row


def test_none_of_them_is_wrong() -> None:
    assert {row["verdict"] for row in SEEN} == {"right"}


def test_the_one_that_was_wrong_has_no_place_now(found: dict[Key, Match]) -> None:
    """Odenheim is a part of Östringen; the coordinates of the entry lie in Stutensee, 20 km away."""
    assert found[("bnetza_ladesaeulenregister", "2022-01-01", "1678")] == (None, "contradiction")


def test_every_match_says_how_and_why_and_every_other_name_why_not() -> None:
    named = matching.matches(CATALOG, figures.BUNDLED)
    matched = named["ags"].notna()
    assert named.loc[matched, ["name", "method", "score", "evidence"]].notna().to_numpy().all()
    assert named.loc[~matched, "method"].isna().all() and named.loc[~matched, "reason"].notna().all()


def test_a_candidate_is_for_a_person_and_never_a_match() -> None:
    likely = matching.candidates(CATALOG, figures.BUNDLED)
    named = matching.matches(CATALOG, figures.BUNDLED)
    unmatched = set(named.loc[named["ags"].isna(), "place_name"])
    assert set(likely["place_name"]) <= unmatched
    assert likely["score"].between(matching.LEAST_SCORE, 1).all()
    steinhagen = likely[(likely["place_name"] == "Steinhagen") & (likely["source_id"] == "oparl_endpoints")]
    assert {"05754040", "13072101", "13073087"} == set(steinhagen["ags"])
