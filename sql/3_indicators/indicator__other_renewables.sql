-- one row per municipality and year end: power of wind, biomass and water, kW per km2
-- a key that the list of the year does not have keeps its sum, which may move to where its land is
-- corrections.yml: mastr_moved; where a later file has less than half (and 2 MW less), plants had stood under the wrong key: no value
with sums as (
  select
    edition, row_number, level, unit_key, reference_date,
    cast(sum(cast(value as decimal(18, 6))) as double) as kw,
    count(value) = 3 as is_whole,
    min(sign_raw) as sign_raw
  from typed__bnetza_mastr__power
  where variable in ('wind_kw', 'biomass_kw', 'water_kw')
  group by edition, row_number, level, unit_key, reference_date
),
power as (
  select
    *,
    min(case when is_whole then kw end) over (
      partition by unit_key order by reference_date rows between 1 following and unbounded following
    ) as lowest_later
  from sums
),
judged as (
  select
    power.*, units.area_km2,
    case
      when not is_whole then 'not_collected'
      when lowest_later < 0.5 * kw and kw - lowest_later >= 2000 then 'unreliable'
      when nullif(units.area_km2, 0) is null then 'no_denominator'
      else 'reported'
    end as value_status
  from power
  left join core__units as units
    on units.level = 'municipality' and units.unit_key = power.unit_key and units.list_year = year(power.reference_date)
  where year(power.reference_date) in (select list_year from core__units)
)
select
  level, unit_key, reference_date,
  case when value_status = 'reported' then kw / area_km2 end as value,
  case when value_status in ('reported', 'no_denominator') then kw end as numerator,
  area_km2 as denominator,
  value_status,
  case when value_status = 'unreliable' then cast(kw as varchar) else sign_raw end as sign_raw, edition, row_number
from judged
