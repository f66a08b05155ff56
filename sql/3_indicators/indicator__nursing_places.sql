-- one row per district and second year: places in nursing homes per 10,000 inhabitants
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'q_pflpl_bev'
