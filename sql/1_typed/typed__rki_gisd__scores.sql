-- one row per association or district and year; score, 0 to 1, higher is more deprived
select
  edition, part, row_number, source_column,
  level as level, unit_key as unit_key, unit_name, reference_date,
  variable, value, value_status, sign_raw,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from typed_cells
where source_id = 'rki_gisd'
