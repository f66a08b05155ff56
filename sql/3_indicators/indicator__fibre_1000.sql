-- one row per municipality and half-year: households that can have fibre to the building with 1,000 Mbit/s, %
select level, unit_key, reference_date, value, value_status, sign_raw, edition, row_number
from core__broadband
where variable = 'fibre_1000'
