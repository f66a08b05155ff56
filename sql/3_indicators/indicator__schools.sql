-- one row per municipality and year of the list: schools per 10,000 inhabitants
-- only in Länder where at least 95 % of the schools can be placed; a municipality without a school in the list has no value
with placed as (
  select edition, land_code
  from typed__jedeschule__schools
  group by edition, land_code
  having count(ags) >= 0.95 * count(*)
),
schools as (
  select edition, part, ags, max(list_date) as reference_date, count(*) as schools, min(row_number) as row_number
  from typed__jedeschule__schools
  join placed using (edition, land_code)
  where ags is not null and left(ags, 2) = land_code
  group by edition, part, ags
)
select
  'municipality' as level, schools.ags as unit_key, schools.reference_date,
  10000.0 * schools.schools / nullif(units.population, 0) as value,
  cast(schools.schools as double) as numerator,
  units.population as denominator,
  case when nullif(units.population, 0) is null then 'no_denominator' else 'reported' end as value_status,
  cast(null as varchar) as sign_raw, schools.edition, schools.part, schools.row_number
from schools
join core__units as units
  on units.level = 'municipality' and units.unit_key = schools.ags and units.list_year = year(schools.reference_date)
