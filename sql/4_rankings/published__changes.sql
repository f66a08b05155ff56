-- one row per edition year, league and municipality that has a rank in it and had one the year before
-- progress is the rise without what is only new evidence; the climber has most of it among the rises that no draw explains away
with changes as (
  select
    explained.edition_year, explained.league, explained.ags_number, explained.rank_previous, explained.rank,
    explained.rank_previous - explained.rank as rank_change,
    explained.own_data, explained.others_data, explained.method, explained.territory, explained.evidence,
    drawn.rank_change_p05, drawn.rank_change_p95,
    drawn.rank_change_p05 > 0 or drawn.rank_change_p95 < 0 as is_outside_interval,
    case
      when drawn.rank_change_p05 > 0 and explained.rank_previous - explained.rank - explained.evidence > 0
      then explained.rank_previous - explained.rank - explained.evidence
    end as progress
  from score__changes as explained
  left join draw__changes as drawn using (edition_year, league, ags_number)
)
select
  places.edition_year, changes.league, places.ags, places.name,
  cast(changes.rank_previous as integer) as rank_previous, cast(changes.rank as integer) as rank,
  cast(changes.rank_change as integer) as rank_change,
  changes.own_data, changes.others_data, changes.method, changes.territory, changes.evidence,
  changes.rank_change_p05, changes.rank_change_p95, changes.is_outside_interval,
  coalesce(changes.progress = max(changes.progress) over (partition by changes.edition_year, changes.league), false) as is_climber
from changes
join edition__places as places using (edition_year, ags_number)
