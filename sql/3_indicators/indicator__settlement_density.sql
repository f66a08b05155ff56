-- one row per association or district and year: inhabitants per km2 of settlement and traffic area
-- a zero is an area that belongs to no municipality and in which nobody lives: no row
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2021__values
where variable = 'x238' and value > 0
