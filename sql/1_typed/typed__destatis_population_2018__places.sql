-- one row per municipality, district, Land and Germany on 31.12.2018; persons
select
  places.edition, places.row_number, places.ags,
  cast(number_of(places.population, '.') as integer) as population,
  editions.reference_date as population_date,
  case when places.ags = 'DG000000' then 'total' end as reject_rule,
  'sum over Germany' as reject_reason
from raw__destatis_population_2018 as places
join frame__editions as editions on editions.source_id = 'destatis_population_2018' and editions.edition = places.edition
