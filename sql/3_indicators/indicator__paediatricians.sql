-- one row per municipality and year: paediatricians per 10,000 children below 15
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'q_kinderarzt_kinder' and level = 'municipality'
