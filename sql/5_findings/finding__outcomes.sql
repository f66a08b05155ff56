-- one row per municipality, outcome and year: the municipality's own value, never one of its association or district
-- outcomes are what a place has, not what it was granted: funding and strategy indicators are none
-- unemployed persons are set against the inhabitants of 2018, so that a year without an official list has a value too
with rates as (
  select 'doctors' as outcome, * from indicator__doctors
  union all
  select 'general_practitioners', * from indicator__general_practitioners
  union all
  select 'paediatricians', * from indicator__paediatricians
  union all
  select 'students', * from indicator__students
)
select unit_key as ags, outcome, year(reference_date) as year, value
from rates
where level = 'municipality' and value is not null
union all
select ags, 'charging_points', year, value
from finding__charging_history
union all
select unemployed.unit_key, 'unemployed', year(unemployed.reference_date), 1000.0 * unemployed.numerator / places.population
from indicator__unemployed as unemployed
join core__municipalities as places
  on places.ags = unemployed.unit_key and places.list_year = 2018 and places.population > 0
where unemployed.level = 'municipality' and unemployed.numerator is not null
