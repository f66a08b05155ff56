-- one row per municipality and list year; the left side of every join
select
  places.list_year, places.ags, places.ars, places.association_key, places.district_key, places.land_code,
  places.name, districts.name as district_name, lands.name as land_name, places.text_kind,
  places.area_km2, places.plz, places.longitude, places.latitude,
  places.population, places.population_date, places.population_source, places.list_source, places.list_edition,
  association_units.municipalities = 1 as is_own_association,
  district_units.municipalities = 1 as is_own_district
from core__territory as places
left join core__unit_names as districts
  on districts.list_year = places.list_year and districts.level = 'district' and districts.unit_key = places.district_key
left join core__unit_names as lands
  on lands.list_year = places.list_year and lands.level = 'land' and lands.unit_key = places.land_code
left join core__units as association_units
  on association_units.list_year = places.list_year and association_units.level = 'association'
  and association_units.unit_key = places.association_key
left join core__units as district_units
  on district_units.list_year = places.list_year and district_units.level = 'district'
  and district_units.unit_key = places.district_key
where places.is_municipality
