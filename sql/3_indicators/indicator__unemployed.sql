-- one row per municipality and year: unemployed persons (yearly mean) per 1,000 inhabitants
-- corrections.yml: inkar_unemployed_gap; a zero next to a year with ten or more persons is a gap of the year in which the place was formed
with cells as (
  select
    *,
    greatest(
      coalesce(lag(value) over (partition by level, unit_key order by reference_date), 0),
      coalesce(lead(value) over (partition by level, unit_key order by reference_date), 0)
    ) as beside
  from typed__bbsr_inkar_export__values
  where variable = 'unemployed' and level = 'municipality'
),
persons as (
  select
    edition, part, row_number, level, unit_key, reference_date,
    case when value = 0 and beside >= 10 then null else value end as value,
    case when value = 0 and beside >= 10 then 'not_collected' else value_status end as value_status,
    case when value = 0 and beside >= 10 then '0' else sign_raw end as sign_raw
  from cells
)
select
  persons.level, persons.unit_key, persons.reference_date,
  1000 * persons.value / nullif(units.population, 0) as value,
  persons.value as numerator,
  units.population as denominator,
  status_of_rate(persons.value, units.population, persons.value_status) as value_status,
  persons.sign_raw, persons.edition, persons.part, persons.row_number
from persons
left join core__units as units
  on units.level = 'municipality' and units.unit_key = persons.unit_key and units.list_year = year(persons.reference_date)
