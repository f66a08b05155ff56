-- one row per list year and unit (municipality, association, district): area, population, number of municipalities
-- the population of a district includes inhabited areas that belong to no municipality
with members as (
  select list_year, 'municipality' as level, ags as unit_key, area_km2, population, is_municipality from core__territory where is_municipality
  union all
  select list_year, 'association', association_key, area_km2, population, is_municipality from core__territory
  union all
  select list_year, 'district', district_key, area_km2, population, is_municipality from core__territory
)
select
  list_year, level, unit_key,
  cast(sum(cast(area_km2 as decimal(18, 4))) as double) as area_km2,
  cast(sum(population) as bigint) as population,
  cast(count(*) filter (where is_municipality) as integer) as municipalities
from members
where unit_key is not null
group by list_year, level, unit_key
