-- one row per edition year, league, ranked municipality and scored area
select
  places.edition_year, areas.league, places.ags, areas.area, areas.score, cast(areas.rank as integer) as rank,
  cast(null as double) as rank_p05, cast(null as double) as rank_p95, areas.availability
from score__areas as areas
join edition__places as places using (edition_year, ags_number)
