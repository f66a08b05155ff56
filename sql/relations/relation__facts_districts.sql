-- one row per entry of a list kept by hand whose municipality does not lie in the district or Land that the entry names beside it; who has
-- neither key (a Tiefenbach, of which there are several) is nobody
with entries as (
  select 'facts_funding' as source_id, edition, row_number, member_name as name, ags, region_key, land
  from typed__facts_funding__members where entity_type = 'Gemeinde'
  union all
  select 'facts_strategies', edition, row_number, place_name, ags, region_key, land
  from typed__facts_strategies__evidence where entity_type = 'Gemeinde'
)
select
  entries.source_id, entries.edition, entries.row_number,
  'a municipality of the district and Land of its entry' as expected,
  format('{}: {} beside district {} and Land {}', entries.name, coalesce(entries.ags, 'no key'), coalesce(entries.region_key, 'none'), coalesce(entries.land, 'none')) as found
from entries
left join frame__lands as lands using (land)
where left(entries.ags, 5) is distinct from entries.region_key
  or entries.ags is not null and left(entries.ags, 2) is distinct from lands.land_code
