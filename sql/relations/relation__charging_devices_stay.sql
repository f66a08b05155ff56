-- one row per edition of the register whose devices are not those of the edition before: a device stays in its place and keeps its points
-- a device is known again by position, day of commissioning and kind, where only one is like it: five of six are, and 3 in 1,000 of them had
-- other points in January 2022 than in September 2021, one another place name, none another district
-- in a district of 20 devices and more hardly any is taken down (Bremerhaven lost 5 of 35)
with editions as (
  select stations.edition, lag(stations.edition) over (order by register.reference_date) as edition_before
  from (select distinct edition from typed__bnetza_ladesaeulenregister__stations) as stations
  join frame__editions as register on register.source_id = 'bnetza_ladesaeulenregister' and register.edition = stations.edition
),
single as (
  select
    edition, latitude, longitude, commissioned, device_kind, any_value(points) as points, any_value(place_name) as place_name,
    any_value(district_name) as district_name, min(row_number) as row_number
  from typed__bnetza_ladesaeulenregister__stations
  group by edition, latitude, longitude, commissioned, device_kind
  having count(*) = 1
),
again as (
  select
    editions.edition, now.row_number,
    now.points <> before.points or now.place_name <> before.place_name or now.district_name <> before.district_name as is_changed
  from editions
  join single as now on now.edition = editions.edition
  join single as before
    on before.edition = editions.edition_before and before.latitude = now.latitude and before.longitude = now.longitude
    and before.commissioned = now.commissioned and before.device_kind = now.device_kind
),
counted as (
  select edition, count(*) as devices, count(*) filter (where is_changed) as changed, min(row_number) filter (where is_changed) as row_number
  from again
  group by edition
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
  'devices that keep their points, place and district in all but 1 %' as expected, format('{} of {} changed', changed, devices) as found
from counted
where changed > 0.01 * devices
union all
select
  'bnetza_ladesaeulenregister', editions.edition, null, 'two thirds of the devices of the edition before, known by position, day and kind',
  format('{} of {}', coalesce(counted.devices, 0), registers.devices)
from editions
join registers on registers.edition = editions.edition_before
left join counted on counted.edition = editions.edition
where coalesce(counted.devices, 0) < 2.0 / 3 * registers.devices
union all
select
  'bnetza_ladesaeulenregister', edition, null, format('as many devices in {} as before, within 30 %', district_name),
  format('{} after {}', devices, devices_before)
from fewer
