-- one row per edition of the register that is not of its date: devices were put into service until shortly before, and none after
-- also where a register is shorter than the one before
with editions as (
  select
    stations.edition, register.reference_date, count(*) as devices, max(stations.commissioned) as newest,
    count(*) filter (where stations.commissioned > register.reference_date - interval 3 month) as recent
  from typed__bnetza_ladesaeulenregister__stations as stations
  join frame__editions as register on register.source_id = 'bnetza_ladesaeulenregister' and register.edition = stations.edition
  group by stations.edition, register.reference_date
),
compared as (
  select *, lag(devices) over (order by reference_date) as before from editions
)
select
  'bnetza_ladesaeulenregister' as source_id, edition, cast(null as bigint) as row_number,
  'devices of the last three months and none of the future; as many as before, and at most half as many more' as expected,
  format('{} devices{}, {} of the three months before {}, the newest of {}', devices, coalesce(format(' after {}', before), ''), recent, reference_date, newest) as found
from compared
where newest > reference_date or recent < 0.01 * devices or devices not between coalesce(before, devices) and 1.5 * coalesce(before, devices)
