-- one row per municipality and year end: photovoltaic units in operation per 1,000 inhabitants
select
  power.level, power.unit_key, power.reference_date,
  1000.0 * power.rows_summed / nullif(units.population, 0) as value,
  cast(power.rows_summed as double) as numerator,
  units.population as denominator,
  case when nullif(units.population, 0) is null then 'no_denominator' else power.value_status end as value_status,
  power.sign_raw, power.edition, power.part, power.row_number
from typed__bnetza_mastr_export__power as power
join core__units as units
  on units.level = 'municipality' and units.unit_key = power.unit_key and units.list_year = year(power.reference_date)
where power.variable = 'pv_kw'
