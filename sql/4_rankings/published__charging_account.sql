-- one row per edition year and district of its list, and one (district_key 00000) for the devices that stand in no municipality
-- devices are told apart by what placed them: place name and district with the outline around the coordinates, against it or without one,
-- or the outline alone, where no municipality of the district or several bear the name; devices_contradicted (of 00000) lie in another
-- district or place than they name, and no name places them; the other devices of 00000 lie outside all outlines
-- beyond tolerance: fewer than half of the points that the register's publisher counts in the district, or a fifth more
with placed as (
  select
    list_year, coalesce(left(ags, 5), '00000') as district_key, count(*) as devices,
    count(*) filter (where method = 'name_and_district' and is_disputed is false) as devices_agreed,
    count(*) filter (where method = 'name_and_district' and is_disputed) as devices_disputed,
    count(*) filter (where method = 'name_and_district' and is_disputed is null) as devices_named,
    count(*) filter (where method = 'outline') as devices_outlined,
    count(*) filter (where method = 'contradiction') as devices_contradicted,
    sum(points) as points
  from core__charging_stations
  group by all
),
districts as (
  select list_year, unit_key as district_key, name from core__unit_names where level = 'district'
  union all
  select distinct list_year, '00000', 'Kein Ort' from placed
),
compared as (
  select
    districts.list_year, districts.district_key, districts.name, placed.* exclude (list_year, district_key),
    series.points as points_publisher, coalesce(placed.points, 0) / nullif(series.points, 0) as share_of_publisher
  from districts
  join frame__years as years on years.edition_year = districts.list_year
  left join placed using (list_year, district_key)
  left join core__charging_series as series using (list_year, district_key)
)
select
  cast(list_year as smallint) as edition_year, district_key, name as district_name,
  cast(coalesce(devices, 0) as integer) as devices, cast(coalesce(devices_agreed, 0) as integer) as devices_agreed,
  cast(coalesce(devices_disputed, 0) as integer) as devices_disputed, cast(coalesce(devices_named, 0) as integer) as devices_named,
  cast(coalesce(devices_outlined, 0) as integer) as devices_outlined, cast(coalesce(devices_contradicted, 0) as integer) as devices_contradicted,
  cast(coalesce(points, 0) as integer) as points,
  cast(points_publisher as integer) as points_publisher, share_of_publisher,
  not share_of_publisher between 0.5 and 1.2 as is_beyond_tolerance
from compared
