-- one row per municipality of the census: dwellings that stood empty for a year or longer, % of all
with counts as (
  select
    edition, part, row_number, level, unit_key, reference_date,
    max(value) filter (where variable = 'vacant_12_months') as vacant,
    max(value) filter (where variable = 'dwellings') as dwellings,
    max(value_status) filter (where variable = 'vacant_12_months') as value_status,
    max(sign_raw) filter (where variable = 'vacant_12_months') as sign_raw
  from typed__zensus_2022_housing__dwellings
  group by edition, part, row_number, level, unit_key, reference_date
)
select
  level, unit_key, reference_date,
  100 * vacant / nullif(dwellings, 0) as value,
  vacant as numerator,
  dwellings as denominator,
  status_of_rate(vacant, dwellings, value_status) as value_status,
  sign_raw, edition, part, row_number
from counts
