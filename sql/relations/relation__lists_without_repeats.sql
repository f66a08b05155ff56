-- one row per voluntary list in which more than two entries come twice
with entries as (
  select 'oparl_endpoints' as source_id, edition, row_number, place_name as entry from typed__oparl_endpoints__places
  union all
  select 'mobilitydata_gbfs', edition, row_number, system_id from typed__mobilitydata_gbfs__systems
),
counted as (
  select *, row_number() over (partition by source_id, edition, entry order by row_number) as time
  from entries
)
select
  source_id, edition, min(row_number) filter (where time > 1) as row_number, 'entries that stand once, all but two' as expected,
  format('{} of {} again, the first is {}', count(*) filter (where time > 1), count(*), arg_min(entry, row_number) filter (where time > 1)) as found
from counted
group by source_id, edition
having count(*) filter (where time > 1) > 2
