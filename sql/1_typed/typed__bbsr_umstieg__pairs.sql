-- one row per municipality of 31.12.2020 and the municipality of 31.12.2021 that holds (part of) it
select
  edition, row_number,
  lpad(source_key, 8, '0') as source_ags, source_name,
  lpad(target_key, 8, '0') as target_ags, target_name,
  number_of(area_weight, '.') as area_weight,
  number_of(population_weight, '.') as population_weight,
  number_of(area_km2, '.') as area_km2,
  cast(round(number_of(population_hundreds, '.') * 100) as integer) as population,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__bbsr_umstieg
