-- one row per district and year: insolvencies of firms per 1,000 firms
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'q_uinsolv_betr'
