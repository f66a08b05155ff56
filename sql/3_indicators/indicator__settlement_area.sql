-- one row per municipality and year: share of settlement and traffic area, % of the area
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__regionalatlas__values
where variable = 'settlement_area'
