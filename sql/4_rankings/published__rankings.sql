-- one row per edition year, league and municipality
-- intervals, groups and chances are counted in the draws and NULL where nothing is drawn; the gate ranks nobody where the search for
-- strategies is not declared complete
with ranked as (
  select
    edition_year, league, ags_number, rank, rank_without_facts, rank_strategy_gate, status, reason
  from score__ranks
),
scored as (
  select
    ranked.edition_year, ranked.league, ranked.ags_number, ranked.rank, ranked.rank_without_facts, ranked.rank_strategy_gate,
    ranked.status, ranked.reason, units.score_without_facts, units.score, units.score_potential, units.score_implementation, units.availability, units.share_inherited, units.share_own, units.share_imputed
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
  cast(drawn.rank_group as integer) as rank_group, drawn.rank_p05, drawn.rank_p50, drawn.rank_p95,
  drawn.p_top10, drawn.p_top100, drawn.p_ahead_next,
  cast(previous.rank as integer) as rank_previous,
  cast(previous.rank - scored.rank as integer) as rank_change,
  changes.rank_change_p05, changes.rank_change_p95,
  size.score as score_size_adjusted, cast(size.rank as integer) as rank_size_adjusted,
  cast(scored.rank_strategy_gate as integer) as rank_strategy_gate,
  case when scored.status = 'ranked' then scored.score_without_facts end as score_without_facts,
  cast(scored.rank_without_facts as integer) as rank_without_facts,
  scored.availability,
  case when scored.status in ('ranked', 'mostly_inherited') then scored.share_inherited end as share_inherited,
  case when scored.status in ('ranked', 'mostly_inherited') then scored.share_own end as share_own,
  case when scored.status in ('ranked', 'mostly_inherited') then scored.share_imputed end as share_imputed,
  case when scored.status in ('ranked', 'mostly_inherited') then scored.share_inherited > 0.5 end as is_mostly_inherited,
  scored.status, scored.reason
from scored
join edition__places as places using (edition_year, ags_number)
join frame__years as years using (edition_year)
left join ranked as previous
  on previous.edition_year = scored.edition_year - 1 and previous.league = scored.league and previous.ags_number = scored.ags_number
left join size__scores as size
  on size.edition_year = scored.edition_year and size.league = scored.league and size.ags_number = scored.ags_number
left join draw__ranks as drawn
  on drawn.edition_year = scored.edition_year and drawn.league = scored.league and drawn.ags_number = scored.ags_number
left join draw__changes as changes
  on changes.edition_year = scored.edition_year and changes.league = scored.league and changes.ags_number = scored.ags_number
