-- one row per municipality, association or district and year: recreation area, m2 per inhabitant
select level, unit_key, reference_date, value, value_status, sign_raw, edition, row_number
from typed__bbsr_inkar_2021__values
where variable = 'x240'
