-- one row per district and year: share of recyclables in household waste, %
select level, unit_key, reference_date, value, value_status, sign_raw, edition, row_number
from typed__bbsr_inkar_2021__values
where variable = 'x252'
