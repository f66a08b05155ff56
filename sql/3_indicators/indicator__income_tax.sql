-- one row per association and year: the municipality's share of income tax, EUR per inhabitant
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_export__values
where variable = 'income_tax'
