-- one row per association or district and year: employees who live here and work 50 km or more away, per cent
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2021__values
where variable = 'x354'
