-- one row per entry of a list kept by hand whose municipality does not lie in the district or Land that the entry names beside it; who has
-- neither key (a Tiefenbach, of which there are several) is nobody
with entries as (
  select 'facts_funding' as source_id, edition, row_number, member_name as name, ags, region_key, land
  from typed__facts_funding__members where entity_type = 'Gemeinde'
  union all
  select 'facts_strategies', edition, row_number, place_name, ags, region_key, land
  from typed__facts_strategies__evidence where entity_type = 'Gemeinde'
),
lands as (
  select * from (values
    ('SH', '01'), ('HH', '02'), ('NI', '03'), ('HB', '04'), ('NW', '05'), ('HE', '06'), ('RP', '07'), ('BW', '08'),
    ('BY', '09'), ('SL', '10'), ('BE', '11'), ('BB', '12'), ('MV', '13'), ('SN', '14'), ('ST', '15'), ('TH', '16')
  ) as codes (land, land_code)
)
select
  entries.source_id, entries.edition, entries.row_number,
  'a municipality of the district and Land of its entry' as expected,
  format('{}: {} beside district {} and Land {}', entries.name, coalesce(entries.ags, 'no key'), coalesce(entries.region_key, 'none'), coalesce(entries.land, 'none')) as found
from entries
left join lands using (land)
where left(entries.ags, 5) is distinct from entries.region_key
  or entries.ags is not null and left(entries.ags, 2) is distinct from lands.land_code
