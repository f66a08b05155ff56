-- one row per district and year: dwellings completed per 1,000 inhabitants
select level, unit_key, reference_date, 1000 * value as value, numerator, denominator, value_status, sign_raw, edition, part, row_number
from core__dwellings
where variable = 'dwellings_completed'
