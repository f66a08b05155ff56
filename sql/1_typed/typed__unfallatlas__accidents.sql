-- one row per accident with personal injury
select
  accidents.edition, accidents.part, accidents.row_number, editions.reference_date,
  lpad(land, 2, '0') as land_code,
  lpad(land, 2, '0') || rb || lpad(district, 2, '0') || lpad(municipality, 3, '0') as ags,
  cast(category as tinyint) as category, bicycle = '1' as has_bicycle, pedestrian = '1' as has_pedestrian,
  case when lpad(land, 2, '0') not between '01' and '16' then 'unknown_land' end as reject_rule,
  'the Land is none of 01 to 16' as reject_reason
from raw__unfallatlas as accidents
join frame__editions as editions on editions.source_id = 'unfallatlas' and editions.edition = accidents.edition
