-- one row per municipality, association or district and year: inhabitants within 1,000 m of a stop with 20 departures a day, %
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2021__values
where variable = 'x346'
