-- one row per municipality of the newest list: since when it takes part in a digital funding project, and how
-- a place takes part where it is named; where only its association or district is, it is `via_region`, neither funded nor
-- unfunded; where a list of winners is known only in part, it is `unknown` unless it is known to have won
-- places whose area changed between 2018 and the newest list by more than 3 % are left out: their values are of two places
with places as (
  select now.ags, now.name, now.land_code, now.association_key, now.district_key, now.is_own_district, before.population
  from core__municipalities as now
  join core__municipalities as before on before.ags = now.ags and before.list_year = 2018
  where now.list_year = (select max(edition_year) from frame__years)
    and before.population > 0 and abs(now.area_km2 / nullif(before.area_km2, 0) - 1) <= 0.03
),
digital as (
  select * from core__funded_places where is_digital
),
first_funding as (
  select
    ags, min(year) as first_year, arg_min(project_id, (year, project_id)) as project_id,
    arg_min(programme, (year, project_id)) as programme, arg_min(is_cooperation, (year, project_id)) as is_cooperation
  from digital
  where ags is not null
  group by ags
),
regions as (
  select distinct coalesce(association_key, district_key) as region_key from digital
)
select
  places.ags, places.name, places.land_code, places.is_own_district, places.population,
  first_funding.first_year, first_funding.project_id, first_funding.programme, coalesce(first_funding.is_cooperation, false) as is_cooperation,
  case
    when first_funding.ags is not null then 'funded'
    when associations.region_key is not null or districts.region_key is not null then 'via_region'
    when unknown.ags is not null then 'unknown'
    else 'unfunded'
  end as standing
from places
left join first_funding using (ags)
left join regions as associations on associations.region_key = places.association_key
left join regions as districts on districts.region_key = places.district_key
left join (select distinct ags from core__unknown_funding) as unknown using (ags)
