-- one row per municipality and year: beds for guests per 1,000 inhabitants
-- corrections.yml: inkar_tourism_zero
-- from 2019 on: the publisher says that earlier figures do not compare (and gives them for Berlin alone)
select
  level, unit_key, reference_date, nullif(value, 0) as value,
  case when value = 0 then 'not_collected' else value_status end as value_status,
  case when value = 0 then '0' else sign_raw end as sign_raw,
  edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'q_schlafg_bev' and level = 'municipality' and reference_date >= date '2019-12-31'
