-- one row per municipality that the list names and year end: 1, its council publishes through OParl
-- the list is voluntary: a place that it does not name has no value, not zero
select
  'municipality' as level, ags as unit_key, reference_date,
  1.0 as value, 'reported' as value_status, min(edition) as edition, min(row_number) as row_number
from core__named_places
where source_id = 'oparl_endpoints' and ags is not null
group by ags, reference_date
