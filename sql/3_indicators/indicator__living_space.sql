-- one row per district and year: living space, m2 per inhabitant
select
  cells.level, cells.unit_key, cells.reference_date,
  1000 * cells.value / nullif(units.population, 0) as value,
  1000 * cells.value as numerator,
  units.population as denominator,
  case when cells.value is not null and nullif(units.population, 0) is null then 'no_denominator' else cells.value_status end as value_status,
  cells.sign_raw, cells.edition, cells.row_number
from typed__regionalstatistik__dwellings as cells
left join core__units as units
  on units.level = 'district' and units.unit_key = cells.unit_key and units.list_year = year(cells.reference_date)
where cells.variable = 'living_space_1000_m2'
