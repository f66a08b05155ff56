-- one row per municipality that the address of a station names: the category of its largest station, 1 to 7
-- addresses name parts of towns too, so a place that is not named is not known to have no station
select
  'municipality' as level, places.ags as unit_key, places.reference_date,
  cast(min(stations.category) as double) as value, 'reported' as value_status,
  places.edition, arg_min(places.row_number, (stations.category, places.row_number)) as row_number
from core__named_places as places
join typed__db_stations__stations as stations using (edition, row_number)
where places.source_id = 'db_stations' and places.ags is not null
group by places.ags, places.reference_date, places.edition
