-- one row per municipality and year: nights per guest
-- as in all of INKAR's tourism, a 0 is "not published"
select
  level, unit_key, reference_date, nullif(value, 0) as value,
  case when value = 0 then 'not_collected' else value_status end as value_status,
  case when value = 0 then '0' else sign_raw end as sign_raw,
  edition, part, row_number
from typed__bbsr_inkar__values
where variable = 'm_uebern' and level = 'municipality'
