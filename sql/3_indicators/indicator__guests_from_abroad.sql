-- one row per district and year: nights of guests from abroad, per cent of all nights
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2024__values
where variable = 'a_uebern_ausl' and level = 'district'
