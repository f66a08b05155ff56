-- one row per administrative unit (Satzart 10 to 60) and edition; area in km2 (the file has hectares)
select
  units.edition, units.row_number, units.record_type, units.text_kind,
  units.land || units.rb || units.kreis || units.gem as ags,
  units.land || units.rb || units.kreis || units.vb || units.gem as ars,
  units.land || units.rb || units.kreis || units.vb as association_key,
  units.land || units.rb || units.kreis as district_key,
  units.land as land_code,
  trim(units.name) as name,
  cast(units.area_hectares as integer) / 100.0 as area_km2,
  cast(units.population as integer) as population,
  units.plz,
  strptime(units.territory_date, '%Y%m%d')::date as territory_date,
  editions.reference_date as population_date,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__destatis_gv100ad as units
join frame__editions as editions on editions.source_id = 'destatis_gv100ad' and editions.edition = units.edition
