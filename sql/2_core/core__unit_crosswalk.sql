-- one row per from_year, later to_year, and pair of a unit (municipality, district) of the one and one of the other that holds part of it
-- only units that change between the two years, as in core__crosswalk; a district moves with its municipalities
-- weights are the giver's shares: NULL where a district is divided in a year without inhabitants or areas of its municipalities
with municipalities as (
  select from_year, to_year, 'municipality' as level, source_ags as source_key, target_ags as target_key,
    area_weight, population_weight, has_people, is_same, is_close
  from core__crosswalk
),
leaving as (
  select distinct from_year, to_year, left(source_ags, 5) as source_key, left(target_ags, 5) as target_key
  from core__crosswalk
  where left(source_ags, 5) <> left(target_ags, 5) and area_weight > 0
),
involved as (
  select from_year, to_year, source_key as district_key from leaving
  union
  select from_year, to_year, target_key from leaving
),
lists as (
  select list_year, ags, max(population) as population, max(area_km2) as area_km2
  from core__territory
  group by list_year, ags
),
members as (
  select
    involved.from_year, involved.to_year, involved.district_key as source_key,
    left(coalesce(pairs.target_ags, keys.ags), 5) as target_key,
    coalesce(pairs.area_weight, 1) * lists.area_km2 as area_km2,
    coalesce(pairs.population_weight, 1) * lists.population as population,
    coalesce(pairs.has_people, true) as has_people,
    coalesce(pairs.area_weight > 0 or pairs.population_weight > 0, true) as is_part
  from involved
  join core__territory_keys as keys on keys.key_year = involved.from_year and left(keys.ags, 5) = involved.district_key
  left join core__crosswalk as pairs
    on pairs.from_year = involved.from_year and pairs.to_year = involved.to_year and pairs.source_ags = keys.ags
  left join lists on lists.list_year = involved.from_year and lists.ags = keys.ags
),
flows as (
  select
    from_year, to_year, source_key, target_key,
    case when count(area_km2) = count(*) then sum(cast(area_km2 as decimal(18, 6))) end as area_km2,
    case when count(population) = count(*) then sum(cast(population as decimal(18, 6))) end as population,
    bool_or(has_people) as has_people
  from members
  where is_part
  group by from_year, to_year, source_key, target_key
),
weighted as (
  select
    *,
    case when count(*) over giver = 1 then 1 else cast(area_km2 / sum(area_km2) over giver as double) end as area_weight,
    case when count(*) over giver = 1 then 1 else cast(population / sum(population) over giver as double) end as population_weight,
    count(*) filter (where has_people) over receiver as inhabited_sources,
    sum(population) filter (where source_key <> target_key) over receiver as people_from_others,
    sum(population) over receiver as target_people
  from flows
  window giver as (partition by from_year, to_year, source_key), receiver as (partition by from_year, to_year, target_key)
)
from municipalities
union all
select
  from_year, to_year, 'district', source_key, target_key, area_weight, population_weight, has_people,
  population_weight = 1 and has_people and inhabited_sources = 1,
  source_key = target_key and population_weight >= 0.97 and coalesce(people_from_others, 0) <= 0.03 * target_people
from weighted
