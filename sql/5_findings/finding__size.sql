-- one row per edition year, league, ranked municipality and measure: what is set against its inhabitants
-- measure: the score, its two parts, or an area; areas only in the two leagues that hold places of all sizes
with ranked as (
  select ranks.edition_year, ranks.league, ranks.ags_number, leagues.indicator_set, places.population
  from score__ranks as ranks
  join frame__leagues as leagues using (league)
  join edition__places as places using (edition_year, ags_number)
  where ranks.status = 'ranked'
),
scored as (
  select ranked.*, units.score, units.score_potential, units.score_implementation
  from ranked
  join score__units as units using (edition_year, indicator_set, ags_number)
)
select edition_year, league, ags_number, population, 'score' as measure, score as points from scored
union all
select edition_year, league, ags_number, population, 'score_potential', score_potential from scored
union all
select edition_year, league, ags_number, population, 'score_implementation', score_implementation from scored
union all
select ranked.edition_year, ranked.league, ranked.ags_number, ranked.population, areas.area, areas.score
from ranked
join score__areas as areas using (edition_year, league, ags_number)
where ranked.league in ('germany', 'city_30k')
