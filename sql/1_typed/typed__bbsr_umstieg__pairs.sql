-- one row per municipality of a year end (source_date) and the municipality of the next one that holds (part of) it
-- area and population are those of the part or of the whole source, as stock_of says
select
  edition, part, row_number,
  cast(source_date as date) as source_date, cast(target_date as date) as target_date,
  lpad(source_key, 8, '0') as source_ags, source_name,
  lpad(target_key, 8, '0') as target_ags, target_name,
  number_of(area_weight, '.') as area_weight,
  number_of(population_weight, '.') as population_weight,
  stock_of,
  number_of(area_km2, '.') as area_km2,
  cast(round(number_of(population, '.') * cast(population_factor as integer)) as integer) as population,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__bbsr_umstieg
