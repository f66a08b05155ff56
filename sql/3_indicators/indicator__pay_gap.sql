-- one row per district and year: distance between the median pay of women and of men, per cent of that of men
with pay as (
  select
    level, unit_key, reference_date, edition, part, row_number,
    max(value) filter (where variable = 'x225') as women,
    max(value) filter (where variable = 'x226') as men,
    max(value_status) filter (where variable = 'x225') as value_status,
    max(sign_raw) filter (where variable = 'x225') as sign_raw
  from typed__bbsr_inkar_2021__values
  where variable in ('x225', 'x226')
  group by all
)
select
  level, unit_key, reference_date,
  100 * abs(men - women) / nullif(men, 0) as value,
  abs(men - women) as numerator,
  men as denominator,
  status_of_rate(abs(men - women), men, value_status) as value_status,
  sign_raw, edition, part, row_number
from pay
