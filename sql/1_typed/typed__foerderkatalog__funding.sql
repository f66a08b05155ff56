-- one row per municipality of the executing office and year: what falls into the year of the sums of all projects
select
  edition, part, row_number, ags, make_date(cast(year as integer), 12, 31) as reference_date,
  number_of(eur, '.') as eur, projects, rows_summed,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__foerderkatalog
