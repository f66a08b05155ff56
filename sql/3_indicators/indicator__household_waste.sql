-- one row per district and year: household waste, kg per inhabitant
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from core__waste
where variable = 'x249'
