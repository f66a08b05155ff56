-- one row per district and year: school leavers with Abitur, %
-- corrections.yml: inkar_abitur_zero
select
  level, unit_key, reference_date, nullif(value, 0) as value,
  case when value = 0 then 'not_collected' else value_status end as value_status,
  case when value = 0 then '0' else sign_raw end as sign_raw,
  edition, row_number
from typed__bbsr_inkar_2024__values
where variable = 'a_schul_abi' and level = 'district'
