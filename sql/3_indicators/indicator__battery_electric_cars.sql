-- one row per registration district and 1 January: battery-electric cars per 100 cars
-- corrections.yml: kba_trier; the office of 07211 also serves 07235, and its value is no municipality's own
with cars as (
  select
    edition, row_number, unit_key, reference_date,
    max(value) filter (where variable = 'battery_electric') as battery_electric,
    max(value) filter (where variable = 'cars') as cars,
    max(sign_raw) filter (where variable = 'battery_electric') as sign_raw,
    max(value_status) filter (where variable = 'battery_electric') as value_status
  from typed__kba_fz1__cars
  group by edition, row_number, unit_key, reference_date
),
served as (
  select *, unit_key as district_key, 'district' as level from cars where unit_key <> '07211'
  union all
  select *, '07211', 'shared_district' from cars where unit_key = '07211'
  union all
  select *, '07235', 'shared_district' from cars where unit_key = '07211'
)
select
  level, district_key as unit_key, reference_date,
  100 * battery_electric / nullif(cars, 0) as value,
  battery_electric as numerator,
  cars as denominator,
  status_of_rate(battery_electric, cars, value_status) as value_status,
  sign_raw, edition, row_number
from served
