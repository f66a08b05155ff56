-- one row per municipality, association or district and year: recreation area, m2 per inhabitant
-- corrections.yml: inkar_recreation_gap; a zero in a series that is above zero in other years is a gap
with cells as (
  select *, value = 0 and max(value) over (partition by level, unit_key) > 0 as is_gap
  from typed__bbsr_inkar_2021__values
  where variable = 'x240'
)
select
  level, unit_key, reference_date,
  case when not is_gap then value end as value,
  case when is_gap then 'not_collected' else value_status end as value_status,
  case when is_gap then '0' else sign_raw end as sign_raw,
  edition, part, row_number
from cells
