-- one row per edition year, league and measure (score, its two parts, areas): the line through it and log10 of the inhabitants
select
  cast(edition_year as smallint) as edition_year, league, measure, intercept, slope, slope_p05, slope_p95, r2,
  cast(n as integer) as n
from size__lines
