-- one row per municipality and year of the feed: stops and stations per km2
-- the feed is not complete: a municipality without a stop in it has no value, never zero
with stops as (
  select edition, part, ags, max(feed_date) as reference_date, count(*) as stops, min(row_number) as row_number
  from typed__gtfs_stops__stops
  group by edition, part, ags
)
select
  'municipality' as level, stops.ags as unit_key, stops.reference_date,
  stops.stops / nullif(units.area_km2, 0) as value,
  cast(stops.stops as double) as numerator,
  units.area_km2 as denominator,
  case when nullif(units.area_km2, 0) is null then 'no_denominator' else 'reported' end as value_status,
  cast(null as varchar) as sign_raw, stops.edition, stops.part, stops.row_number
from stops
join core__units as units
  on units.level = 'municipality' and units.unit_key = stops.ags and units.list_year = year(stops.reference_date)
