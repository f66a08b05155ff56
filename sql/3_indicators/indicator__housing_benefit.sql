-- one row per district and year: households on housing benefit per 1,000 households
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'a_hhwg'
