-- one row per municipality and year: nights spent by guests, per inhabitant
-- corrections.yml: inkar_tourism_zero
select
  level, unit_key, reference_date, nullif(value, 0) as value,
  case when value = 0 then 'not_collected' else value_status end as value_status,
  case when value = 0 then '0' else sign_raw end as sign_raw,
  edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'q_uebern_bev' and level = 'municipality'
