-- one row per district and year: dwellings in new buildings of three and more, per cent of all dwellings completed in new residential buildings
with completed as (
  select
    level, unit_key, reference_date, edition, part, row_number,
    max(value) filter (where variable = 'flats_completed') as flats,
    max(value) filter (where variable = 'dwellings_completed') as dwellings,
    max(value_status) filter (where variable = 'flats_completed') as value_status,
    max(sign_raw) filter (where variable = 'flats_completed') as sign_raw
  from typed__regionalstatistik__dwellings
  where variable in ('flats_completed', 'dwellings_completed')
  group by all
)
select
  level, unit_key, reference_date,
  100 * flats / nullif(dwellings, 0) as value,
  flats as numerator,
  dwellings as denominator,
  status_of_rate(flats, dwellings, value_status) as value_status,
  sign_raw, edition, part, row_number
from completed
