-- one row per edition year, league and municipality
-- intervals, groups, probabilities and gate columns belong to the uncertainty part and are NULL until it exists
with ranked as (
  select edition_year, league, ags_number, rank, status, reason from score__ranks
),
scored as (
  select
    ranked.edition_year, ranked.league, ranked.ags_number, ranked.rank, ranked.status, ranked.reason,
    units.score, units.score_potential, units.score_implementation, units.availability, units.share_inherited, units.share_own
  from ranked
  join frame__leagues as leagues using (league)
  join score__units as units
    on units.edition_year = ranked.edition_year and units.ags_number = ranked.ags_number
    and units.indicator_set = leagues.indicator_set
)
select
  places.edition_year, years.revision, scored.league, places.ags, 'ags:' || places.ags as unit_key, places.name,
  places.district_key, places.district_name, places.land_code, places.land_name, places.population, places.size_class,
  case when scored.status = 'ranked' then scored.score end as score,
  case when scored.status = 'ranked' then scored.score_potential end as score_potential,
  case when scored.status = 'ranked' then scored.score_implementation end as score_implementation,
  cast(scored.rank as integer) as rank,
  cast(null as integer) as rank_group,
  cast(null as double) as rank_p05, cast(null as double) as rank_p50, cast(null as double) as rank_p95,
  cast(null as double) as p_top10, cast(null as double) as p_top100, cast(null as double) as p_ahead_next,
  cast(previous.rank as integer) as rank_previous,
  cast(previous.rank - scored.rank as integer) as rank_change,
  cast(null as double) as rank_change_p05, cast(null as double) as rank_change_p95,
  size.score as score_size_adjusted, cast(size.rank as integer) as rank_size_adjusted, cast(null as integer) as rank_strategy_gate,
  scored.availability,
  case when scored.status in ('ranked', 'mostly_inherited') then scored.share_inherited end as share_inherited,
  case when scored.status in ('ranked', 'mostly_inherited') then scored.share_own end as share_own,
  case when scored.status in ('ranked', 'mostly_inherited') then scored.share_inherited > 0.5 end as is_mostly_inherited,
  scored.status, scored.reason
from scored
join edition__places as places using (edition_year, ags_number)
join frame__years as years using (edition_year)
left join ranked as previous
  on previous.edition_year = scored.edition_year - 1 and previous.league = scored.league and previous.ags_number = scored.ags_number
left join size__scores as size
  on size.edition_year = scored.edition_year and size.league = scored.league and size.ags_number = scored.ags_number
