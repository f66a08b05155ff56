-- one row per edition year, league, ranked municipality and scored area
select
  places.edition_year, areas.league, places.ags, areas.area, areas.score, cast(areas.rank as integer) as rank,
  drawn.rank_p05, drawn.rank_p95, areas.availability
from score__areas as areas
join edition__places as places using (edition_year, ags_number)
left join draw__areas as drawn using (edition_year, league, ags_number, area)
