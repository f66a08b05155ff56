-- one row per municipality and year end: photovoltaic power, kW per 1,000 inhabitants
select
  power.level, power.unit_key, power.reference_date,
  1000 * power.value / nullif(units.population, 0) as value,
  power.value as numerator,
  units.population as denominator,
  case when power.value is not null and units.population is null then 'no_denominator' else power.value_status end as value_status,
  power.sign_raw, power.edition, power.row_number
from typed__bnetza_mastr__power as power
join core__units as units
  on units.level = 'municipality' and units.unit_key = power.unit_key and units.list_year = year(power.reference_date)
where power.variable = 'pv_kw'
