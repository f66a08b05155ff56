-- one row per district and year: household income, EUR per inhabitant and month
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2021__values
where variable = 'x229'
