-- one row per municipality and year: general practitioners per 10,000 inhabitants
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'q_hausarzt_bev' and level = 'municipality'
