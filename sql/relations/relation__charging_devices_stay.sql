-- one row per edition of the register whose devices are not those of the edition before: a device stays where it is and keeps its points
-- a device is known again by position, day of commissioning, kind and place, where only one is like it; 3 in 1,000 were corrected between
-- September 2021 and January 2022. In a district of 20 devices and more hardly any is taken down (Bremerhaven lost 5 of 35)
with editions as (
  select stations.edition, lag(stations.edition) over (order by register.reference_date) as edition_before
  from (select distinct edition from typed__bnetza_ladesaeulenregister__stations) as stations
  join frame__editions as register on register.source_id = 'bnetza_ladesaeulenregister' and register.edition = stations.edition
),
single as (
  select
    edition, latitude, longitude, commissioned, device_kind, place_name, any_value(points) as points, min(row_number) as row_number
  from typed__bnetza_ladesaeulenregister__stations
  group by edition, latitude, longitude, commissioned, device_kind, place_name
  having count(*) = 1
),
again as (
  select editions.edition, count(*) as devices, count(*) filter (where now.points <> before.points) as changed, min(now.row_number) filter (where now.points <> before.points) as row_number
  from editions
  join single as now on now.edition = editions.edition
  join single as before
    on before.edition = editions.edition_before and before.latitude = now.latitude and before.longitude = now.longitude
    and before.commissioned = now.commissioned and before.device_kind = now.device_kind and before.place_name = now.place_name
  group by editions.edition
),
districts as (
  select edition, district_name, count(*) as devices
  from typed__bnetza_ladesaeulenregister__stations
  group by edition, district_name
),
fewer as (
  select editions.edition, before.district_name, before.devices as devices_before, coalesce(now.devices, 0) as devices
  from editions
  join districts as before on before.edition = editions.edition_before
  left join districts as now on now.edition = editions.edition and now.district_name = before.district_name
  where before.devices >= 20 and coalesce(now.devices, 0) < 0.7 * before.devices
),
registers as (
  select edition, count(*) as devices from typed__bnetza_ladesaeulenregister__stations group by edition
)
select
  'bnetza_ladesaeulenregister' as source_id, edition, row_number,
  'devices that keep their points in all but 1 %' as expected, format('{} of {} changed', changed, devices) as found
from again
where changed > 0.01 * devices
union all
select
  'bnetza_ladesaeulenregister', editions.edition, null, 'half of the devices of the edition before at the same place',
  format('{} of {} with a day, kind, place and position of before', coalesce(again.devices, 0), registers.devices)
from editions
join registers on registers.edition = editions.edition_before
left join again on again.edition = editions.edition
where coalesce(again.devices, 0) < 0.5 * registers.devices
union all
select
  'bnetza_ladesaeulenregister', edition, null, format('as many devices in {} as before, within 30 %', district_name),
  format('{} after {}', devices, devices_before)
from fewer
