-- one row per district and year: school leavers with Abitur, %
-- corrections.yml: inkar_abitur_zero, inkar_abitur_lower_saxony, inkar_abitur_aschaffenburg
with cells as (
  select
    *,
    case
      when value = 0 then 'not_collected'
      when left(unit_key, 2) = '03' and reference_date = date '2020-12-31' then 'unreliable'
      when unit_key = '09671' and reference_date = date '2020-12-31' then 'unreliable'
      else value_status
    end as judged_status
  from typed__bbsr_inkar_2024__values
  where variable = 'a_schul_abi' and level = 'district'
)
select
  level, unit_key, reference_date,
  case when judged_status = value_status then value end as value,
  judged_status as value_status,
  case when judged_status = value_status then sign_raw else cast(value as varchar) end as sign_raw,
  edition, part, row_number
from cells
