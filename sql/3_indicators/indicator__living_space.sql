-- one row per district and year: living space, m2 per inhabitant
select level, unit_key, reference_date, value, numerator, denominator, value_status, sign_raw, edition, part, row_number
from core__dwellings
where variable = 'living_space_1000_m2'
