-- one row per municipality of 5,000 inhabitants or more and year; % of the residential buildings completed in the year
select
  edition, part, row_number, source_column,
  'municipality' as level, unit_key, unit_name, reference_date,
  variable, value, value_status, sign_raw,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from typed_cells
where source_id = 'wegweiser_kommune'
