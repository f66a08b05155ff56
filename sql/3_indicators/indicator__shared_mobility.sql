-- one row per municipality that the list names and year end: shared-mobility systems with an open interface
-- the list is voluntary: a place that it does not name has no value, not zero
select
  'municipality' as level, ags as unit_key, reference_date,
  cast(count(*) as double) as value, 'reported' as value_status, min(edition) as edition, min(row_number) as row_number
from core__named_places
where source_id = 'mobilitydata_gbfs' and ags is not null
group by ags, reference_date
