-- one row per edition of the register in which devices are repeated as they are not in reality
-- several equal devices on one site stand next to each other (an eighth of all rows); a device that comes again far below is a copy
with devices as (
  select
    edition, row_number,
    row_number - lag(row_number) over (
      partition by edition, place_name, plz, district_name, latitude, longitude, commissioned, points, device_kind
      order by row_number
    ) as distance
  from typed__bnetza_ladesaeulenregister__stations
),
counted as (
  select
    edition, count(*) as devices, count(distance) as repeated, count(*) filter (where distance > 100) as far,
    min(row_number) filter (where distance > 100) as row_number
  from devices
  group by edition
)
select
  'bnetza_ladesaeulenregister' as source_id, edition, row_number,
  'at most a fifth of all devices equal to the one above, and none again more than 100 rows below' as expected,
  format('{} of {} repeated, {} of them far below', repeated, devices, far) as found
from counted
where repeated > 0.2 * devices or far > 0
