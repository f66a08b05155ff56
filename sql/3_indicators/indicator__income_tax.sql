-- one row per association and year: the municipality's share of income tax, EUR per inhabitant
-- corrections.yml: inkar_income_tax_bavaria
with judged as (
  select *, unit_key like '09%' and year(reference_date) = 2017 as is_wrong
  from typed__bbsr_inkar_export__values
)
select
  level, unit_key, reference_date,
  case when not is_wrong then value end as value,
  case when is_wrong and value is not null then 'unreliable' else value_status end as value_status,
  case when is_wrong and value is not null then cast(value as varchar) else sign_raw end as sign_raw,
  edition, part, row_number
from judged
where variable = 'income_tax'
