-- one row per municipality and 1 January: cars per 1,000 inhabitants of the year end before
with counted as (
  select
    places.ags, places.list_year, cars.reference_date, cars.value, cars.value_status, cars.sign_raw,
    cars.edition, cars.part, cars.row_number
  from typed__kba_fz3__cars as cars
  join core__kba_places as places
    on places.source_id = 'kba_fz3' and places.edition = cars.edition and places.part = cars.part and places.row_number = cars.row_number
  where cars.variable = 'cars' and places.ags is not null
)
select
  'municipality' as level, counted.ags as unit_key, counted.reference_date,
  1000 * counted.value / nullif(municipalities.population, 0) as value,
  counted.value as numerator,
  municipalities.population as denominator,
  status_of_rate(counted.value, municipalities.population, counted.value_status) as value_status,
  counted.sign_raw, counted.edition, counted.part, counted.row_number
from counted
left join core__municipalities as municipalities using (list_year, ags)
