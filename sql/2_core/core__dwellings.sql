-- one row per district, year and measure of the Regionaldatenbank: dwellings, or m2 of living space, per inhabitant
with counts as (
  select
    *,
    case when variable = 'living_space_1000_m2' then 1000 * value else value end as counted
  from typed__regionalstatistik__dwellings
)
select
  counts.variable, counts.level, counts.unit_key, counts.reference_date,
  counts.counted / nullif(units.population, 0) as value,
  counts.counted as numerator,
  units.population as denominator,
  status_of_rate(counts.value, units.population, counts.value_status) as value_status,
  counts.sign_raw, counts.edition, counts.part, counts.row_number
from counts
left join core__units as units
  on units.level = 'district' and units.unit_key = counts.unit_key and units.list_year = year(counts.reference_date)
