-- one row per municipality and year end: power of wind, biomass and water, kW per km2
with power as (
  select
    edition, row_number, level, unit_key, reference_date,
    cast(sum(cast(value as decimal(18, 6))) as double) as kw,
    count(value) = 3 as is_whole,
    min(sign_raw) as sign_raw
  from typed__bnetza_mastr__power
  where variable in ('wind_kw', 'biomass_kw', 'water_kw')
  group by edition, row_number, level, unit_key, reference_date
)
select
  power.level, power.unit_key, power.reference_date,
  case when power.is_whole then power.kw / nullif(units.area_km2, 0) end as value,
  power.kw as numerator,
  units.area_km2 as denominator,
  case when power.is_whole then 'reported' else 'not_collected' end as value_status,
  power.sign_raw, power.edition, power.row_number
from power
join core__units as units
  on units.level = 'municipality' and units.unit_key = power.unit_key and units.list_year = year(power.reference_date)
