-- one row per edition year, finding, league, outcome and comparison: an answer with its interval, or that it cannot be told
select
  cast(edition_year as smallint) as edition_year, finding_id, league, outcome, comparison,
  question_de, question_en, statement_de, statement_en, verdict,
  cast(estimate as double) as estimate, cast(estimate_p05 as double) as estimate_p05, cast(estimate_p95 as double) as estimate_p95,
  unit,
  cast(placebo as double) as placebo, cast(placebo_p05 as double) as placebo_p05, cast(placebo_p95 as double) as placebo_p95,
  cast(n as integer) as n, cast(n_asked as integer) as n_asked, cast(n_projects as integer) as n_projects,
  cast(first_year as smallint) as first_year, cast(last_year as smallint) as last_year,
  cast(draws as integer) as draws, cast(seed as integer) as seed,
  method_de, method_en, assumptions_de, assumptions_en
from finding__results
