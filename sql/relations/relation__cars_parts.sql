-- one row per registration district and year whose electric and plug-in cars are more than a quarter of all: parts are not more than their whole
-- the most that was ever real is 10.9 %; declare a higher share when a year comes near it
with cars as (
  select
    edition, row_number, any_value(unit_key) as unit_key,
    max(value) filter (where variable = 'cars') as cars,
    max(value) filter (where variable = 'battery_electric') as battery_electric,
    max(value) filter (where variable = 'plugin_hybrid') as plugin_hybrid
  from typed__kba_fz1__cars
  group by edition, row_number
)
select
  'kba_fz1' as source_id, edition, row_number, 'electric and plug-in cars of at most a quarter of all cars' as expected,
  format('{}: {} and {} of {}', unit_key, battery_electric, plugin_hybrid, cars) as found
from cars
where battery_electric + plugin_hybrid > 0.25 * cars
