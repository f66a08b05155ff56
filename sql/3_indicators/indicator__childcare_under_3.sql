-- one row per district and year: children under 3 in day care, %
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'a_betr0003_bev0003' and level = 'district'
