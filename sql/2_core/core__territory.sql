-- one row per place of Satzart 60 and list year: municipalities and the areas that belong to none (65 inhabited, 66 not)
-- corrections.yml: gv_flensburg_area
-- 2018 is the list of 30.09.2018 with the population of 31.12.2018; 2020 has BBSR's population in hundreds, that of a divided place in parts
with lists as (
  select
    year(territory_date) as list_year, edition, 'destatis_gv' as list_source, row_number, ags, ars, association_key, district_key, land_code,
    name, text_kind, area_km2, plz, longitude, latitude, population, population_date
  from typed__destatis_gv__units
  where record_type = '60'
  union all
  select
    year(territory_date), edition, 'destatis_gv100ad', row_number, ags, ars, association_key, district_key, land_code,
    name, text_kind, area_km2, plz, null, null, null, null
  from typed__destatis_gv100ad__units
  where record_type = '60'
),
substitutes as (
  select 2018 as list_year, ags, population, population_date, 'destatis_population_2018' as population_source
  from typed__destatis_population_2018__places
  union all
  select 2020, source_ags, sum(population), make_date(2020, 12, 31), 'bbsr_umstieg'
  from typed__bbsr_umstieg__pairs
  where source_date = date '2020-12-31'
  group by source_ags
),
counted as (
  select
    lists.* exclude (population, population_date),
    case when lists.list_year in (2018, 2020) then substitutes.population else lists.population end as population,
    case when lists.list_year in (2018, 2020) then substitutes.population_date else lists.population_date end as population_date,
    case when lists.list_year in (2018, 2020) then substitutes.population_source else lists.list_source end as population_source
  from lists
  left join substitutes using (list_year, ags)
)
select
  list_year, ags, min(ars) as ars, min(association_key) as association_key, min(district_key) as district_key, min(land_code) as land_code,
  arg_min(name, row_number) as name, min(text_kind) as text_kind, text_kind not in ('65', '66') as is_municipality,
  max(case when ags = '01001000' and list_year in (2019, 2020) and area_km2 = 53.02 then 56.73 else area_km2 end) as area_km2, min(plz) as plz, min(longitude) as longitude, min(latitude) as latitude,
  max(population) as population, max(population_date) as population_date,
  min(population_source) as population_source, min(list_source) as list_source, min(edition) as list_edition
from counted
group by list_year, ags, text_kind
