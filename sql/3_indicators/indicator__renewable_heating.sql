-- one row per municipality of 5,000 inhabitants or more and year: new residential buildings heated with renewable energy, %
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__wegweiser_kommune__values
where variable = 'renewable_heating'
