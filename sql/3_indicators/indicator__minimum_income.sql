-- one row per district and year: inhabitants on minimum income benefits, %
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'a_smin' and level = 'district'
