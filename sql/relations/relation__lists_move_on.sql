-- one row per list of a year that holds the same names as that of another year: the old list under a new date
with entries as (
  select distinct 'mobilitydata_gbfs' as source_id, edition, system_id as entry from typed__mobilitydata_gbfs__systems
  union all
  select distinct 'oparl_endpoints', edition, place_name from typed__oparl_endpoints__places
),
lists as (
  select source_id, edition, list(entry order by entry) as entries
  from entries
  group by source_id, edition
)
select
  newer.source_id, newer.edition, cast(null as bigint) as row_number, 'other entries than in the list before' as expected,
  format('the {} entries of {}', len(newer.entries), older.edition) as found
from lists as newer
join lists as older on older.source_id = newer.source_id and older.edition < newer.edition and older.entries = newer.entries
