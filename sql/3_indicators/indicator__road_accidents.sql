-- one row per district and year: road accidents per 100,000 inhabitants
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2021__values
where variable = 'x348'
