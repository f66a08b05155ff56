-- one row per association or district and year: trade tax, EUR per inhabitant; below zero where more was paid back than came in
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2021__values
where variable = 'x276'
