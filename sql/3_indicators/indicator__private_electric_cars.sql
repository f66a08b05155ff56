-- one row per municipality and quarter: battery-electric cars per 100 cars of private holders, which stand where people live
with cars as (
  select
    edition, part, row_number, reference_date,
    max(value) filter (where variable = 'private_battery_electric') as battery_electric,
    max(value) filter (where variable = 'private_cars') as cars,
    max(value_status) filter (where variable = 'private_battery_electric') as electric_status,
    max(value_status) filter (where variable = 'private_cars') as cars_status,
    max(sign_raw) filter (where variable = 'private_battery_electric') as sign_raw
  from typed__kba_fz27__cars
  group by edition, part, row_number, reference_date
)
select
  'municipality' as level, places.ags as unit_key, cars.reference_date,
  100 * cars.battery_electric / nullif(cars.cars, 0) as value,
  cars.battery_electric as numerator,
  cars.cars as denominator,
  case
    when cars.battery_electric is null then cars.electric_status
    when cars.cars is null then cars.cars_status
    when cars.cars = 0 then 'no_denominator'
    else cars.electric_status
  end as value_status,
  cars.sign_raw, cars.edition, cars.part, cars.row_number
from cars
join core__kba_places as places
  on places.source_id = 'kba_fz27' and places.edition = cars.edition and places.part = cars.part and places.row_number = cars.row_number
where places.ags is not null
