-- one row per municipality and half-year whose shares do not fall with the speed: who gets 100 Mbit/s gets 50 too, and fibre of 1,000 Mbit/s is a part of all 1,000 Mbit/s
-- the real files hold it in every one of 45,494 rows; two columns in each other's place break it in thousands
with speeds as (
  select
    edition, row_number, any_value(unit_key) as unit_key,
    max(value) filter (where variable = 'speed_1') as speed_1,
    max(value) filter (where variable = 'speed_50') as speed_50,
    max(value) filter (where variable = 'speed_100') as speed_100,
    max(value) filter (where variable = 'speed_1000') as speed_1000,
    max(value) filter (where variable = 'fibre_1000') as fibre_1000
  from typed__bnetza_breitbandatlas__households
  group by edition, row_number
)
select
  'bnetza_breitbandatlas' as source_id, edition, row_number,
  'shares that fall with the speed' as expected,
  format('{}: {} % for 1, {} % for 50, {} % for 100, {} % for 1,000 Mbit/s, {} % for fibre', unit_key, speed_1, speed_50, speed_100, speed_1000, fibre_1000) as found
from speeds
where speed_1 < speed_50 or speed_50 < speed_100 or speed_100 < speed_1000 or speed_1000 < fibre_1000
