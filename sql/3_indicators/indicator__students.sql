-- one row per municipality and year: students per 100 inhabitants aged 18 to 25
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'q_stud_1825' and level = 'municipality'
