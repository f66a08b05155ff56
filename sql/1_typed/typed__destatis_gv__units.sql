-- one row per administrative unit (Satzart 10, 20, 40, 50, 60) and edition; area in km2
-- population is that of population_date, which can be older than the territory
with units as (
  select
    *,
    land || rb || kreis || gem as ags,
    land || rb || kreis || vb || gem as ars,
    land || rb || kreis || vb as association_key
  from raw__destatis_gv
)
select
  units.edition, units.row_number, units.record_type, units.text_kind,
  units.ags, units.ars, units.association_key, units.land || units.rb || units.kreis as district_key, units.land as land_code,
  trim(units.name) as name,
  number_of(units.area_km2, case when units.area_km2 like '%,%' then ',' else '.' end) as area_km2,
  cast(number_of(units.population, '.') as integer) as population,
  units.plz,
  number_of(units.longitude, ',') as longitude,
  number_of(units.latitude, ',') as latitude,
  editions.territory_date, editions.reference_date as population_date,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from units
join frame__editions as editions on editions.source_id = 'destatis_gv' and editions.edition = units.edition
