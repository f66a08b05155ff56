-- one row per municipality of a year end from 2013 on (source_date) and the municipality of 31.12.2020 that holds (part of) it
select
  edition, part, row_number,
  make_date(cast(source_year as integer), 12, 31) as source_date, cast(target_date as date) as target_date,
  source_ags, target_ags,
  number_of(area_weight, '.') as area_weight,
  number_of(population_weight, '.') as population_weight,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__bbsr_umstieg_lang
