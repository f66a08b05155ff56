-- one row per district, year and measure of household waste; what the publisher's figure cannot mean has no value
-- corrections.yml: inkar_waste_association; where one association collects for several districts, all of it stands at one of them
-- corrections.yml: inkar_waste_paderborn
with cells as (
  select
    *,
    case
      when value = 0 then 'not_collected'
      when unit_key = '07235' then 'not_convertible'
      when unit_key = '05774' and reference_date >= date '2018-12-31' then 'unreliable'
      else value_status
    end as judged_status
  from typed__bbsr_inkar_2021__values
  where variable in ('x249', 'x252')
)
select
  variable, level, unit_key, reference_date,
  case when judged_status = value_status then value end as value,
  judged_status as value_status,
  case when judged_status = value_status then sign_raw else cast(value as varchar) end as sign_raw,
  edition, part, row_number
from cells
