-- one row per municipality, half-year and speed class; per cent of households
-- where not even 1 Mbit/s is available the publisher describes an uninhabited area: no value
with supplied as (
  select edition, row_number, max(value) filter (where variable = 'speed_1') as any_speed
  from typed__bnetza_breitbandatlas__households
  group by edition, row_number
)
select
  households.edition, households.row_number, households.level, households.unit_key, households.reference_date, households.variable,
  case when supplied.any_speed > 0 then households.value end as value,
  case when supplied.any_speed > 0 then households.value_status else 'not_applicable' end as value_status,
  case when supplied.any_speed > 0 then households.sign_raw else '0' end as sign_raw
from typed__bnetza_breitbandatlas__households as households
join supplied using (edition, row_number)
