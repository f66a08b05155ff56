-- one row per edition year, league and area, and one for the total: whether its indicators (the total's areas) say the same
select
  cast(edition_year as smallint) as edition_year, league, area, cast(items as integer) as items, cast(places as integer) as places,
  cronbach_alpha, mean_rank_correlation, least_rank_correlation
from quality__areas
