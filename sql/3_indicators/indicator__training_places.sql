-- one row per district and year: training places per 100 applicants
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'q_auspl' and level = 'district'
