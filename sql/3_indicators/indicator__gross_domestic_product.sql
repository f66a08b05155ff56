-- one row per district and year: gross domestic product, 1,000 EUR per inhabitant
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'q_bip_ew' and level = 'district'
