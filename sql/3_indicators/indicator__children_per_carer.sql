-- one row per district and year: places in day care per full-time carer
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'q_kb_pers'
