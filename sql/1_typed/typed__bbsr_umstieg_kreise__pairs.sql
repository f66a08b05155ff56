-- one row per district of a year end from 1990 on (source_date) and the district of 31.12.2021 that holds (part of) it
select
  edition, part, row_number,
  cast(source_date as date) as source_date, cast(target_date as date) as target_date,
  left(lpad(source_key, 8, '0'), 5) as source_key, source_name,
  left(lpad(target_key, 8, '0'), 5) as target_key, target_name,
  number_of(area_weight, '.') as area_weight,
  number_of(population_weight, '.') as population_weight,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__bbsr_umstieg_kreise
