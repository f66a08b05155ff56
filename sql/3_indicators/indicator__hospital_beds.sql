-- one row per district and year: hospital beds per 1,000 inhabitants
-- corrections.yml: inkar_hospital_group; a hospital with two sites is counted whole at one of them in some years
with cells as (
  select
    *,
    (unit_key in ('01002', '01003') and reference_date >= date '2020-12-31')
      or (unit_key in ('09763', '09780') and year(reference_date) in (2018, 2020, 2021)) as is_moved
  from typed__bbsr_inkar_2024__values
  where variable = 'q_betten_bev' and level = 'district'
)
select
  level, unit_key, reference_date,
  case when not is_moved then value end as value,
  case when is_moved then 'unreliable' else value_status end as value_status,
  case when is_moved then cast(value as varchar) else sign_raw end as sign_raw,
  edition, part, row_number
from cells
