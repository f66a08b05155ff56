-- one row per district and year: share of recyclables in household waste, %
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from core__waste
where variable = 'x252'
