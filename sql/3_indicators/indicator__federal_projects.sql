-- one row per municipality and year: EUR of the federation's project funding per inhabitant
-- keys are of the time of booking, so a municipality without a project under its key has no value, never zero
select
  'municipality' as level, funding.ags as unit_key, funding.reference_date,
  funding.eur / nullif(units.population, 0) as value,
  funding.eur as numerator,
  units.population as denominator,
  case when nullif(units.population, 0) is null then 'no_denominator' else 'reported' end as value_status,
  cast(null as varchar) as sign_raw, funding.edition, funding.part, funding.row_number
from typed__foerderkatalog__funding as funding
join core__units as units
  on units.level = 'municipality' and units.unit_key = funding.ags and units.list_year = year(funding.reference_date)
