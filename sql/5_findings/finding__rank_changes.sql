-- one row per edition year, league and municipality ranked there in this year and the one before: both ranks
-- indicators_changed: how many indicators are scored in only one of the two years
with scored as (
  select edition_year, indicator_set, indicator_id from score__indicator_status where status = 'scored'
),
changed as (
  select years.edition_year, sets.indicator_set, count(*) filter (where now.indicator_id is null or before.indicator_id is null) as indicators_changed
  from frame__years as years
  cross join (select distinct indicator_set from scored) as sets
  cross join frame__indicators as indicators
  left join scored as now
    on now.edition_year = years.edition_year and now.indicator_set = sets.indicator_set and now.indicator_id = indicators.indicator_id
  left join scored as before
    on before.edition_year = years.edition_year - 1 and before.indicator_set = sets.indicator_set
    and before.indicator_id = indicators.indicator_id
  group by years.edition_year, sets.indicator_set
)
select now.edition_year, now.league, now.ags_number, now.rank, before.rank as rank_before, changed.indicators_changed
from score__ranks as now
join score__ranks as before
  on before.edition_year = now.edition_year - 1 and before.league = now.league and before.ags_number = now.ags_number
join frame__leagues as leagues on leagues.league = now.league
join changed on changed.edition_year = now.edition_year and changed.indicator_set = leagues.indicator_set
where now.rank is not null and before.rank is not null
