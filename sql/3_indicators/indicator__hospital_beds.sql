-- one row per district and year: hospital beds per 1,000 inhabitants
select level, unit_key, reference_date, value, value_status, sign_raw, edition, row_number
from typed__bbsr_inkar_2024__values
where variable = 'q_betten_bev' and level = 'district'
