-- one row per municipality and year end: photovoltaic power, kW per 1,000 inhabitants
-- a key that the list of the year does not have keeps its sum, which may move to where its people are
-- corrections.yml: mastr_moved; where a later file has a fifth less (and 100 kW), plants had stood under the wrong key: no value
with power as (
  select
    *,
    min(value) over (partition by unit_key order by reference_date rows between 1 following and unbounded following) as lowest_later
  from typed__bnetza_mastr__power
  where variable = 'pv_kw'
),
judged as (
  select *, coalesce(lowest_later < 0.8 * value and value - lowest_later >= 100, false) as is_moved
  from power
)
select
  judged.level, judged.unit_key, judged.reference_date,
  case when not judged.is_moved then 1000 * judged.value / nullif(units.population, 0) end as value,
  case when not judged.is_moved then judged.value end as numerator,
  units.population as denominator,
  case
    when judged.is_moved then 'unreliable'
    when judged.value is not null and nullif(units.population, 0) is null then 'no_denominator'
    else judged.value_status
  end as value_status,
  case when judged.is_moved then cast(judged.value as varchar) else judged.sign_raw end as sign_raw, judged.edition, judged.row_number
from judged
left join core__units as units
  on units.level = 'municipality' and units.unit_key = judged.unit_key and units.list_year = year(judged.reference_date)
where year(judged.reference_date) in (select list_year from core__units)
