-- one row per edition year, league and pair: indicators of an area, areas, and each with its area's score and the total
select
  cast(edition_year as smallint) as edition_year, league, scope, item, other, cast(places as integer) as places,
  rank_correlation, rank_correlation_rest
from quality__correlations
