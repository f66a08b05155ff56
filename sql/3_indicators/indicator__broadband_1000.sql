-- one row per municipality and half-year: households that can have 1,000 Mbit/s or more, %
select level, unit_key, reference_date, value, value_status, sign_raw, edition, row_number
from core__broadband
where variable = 'speed_1000'
