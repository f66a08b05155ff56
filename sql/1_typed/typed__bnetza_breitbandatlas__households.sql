-- one row per municipality or city district, half-year and speed class; per cent of households
select
  edition, part, row_number, source_column,
  'municipality' as level, unit_key as unit_key, unit_name, reference_date,
  variable, value, value_status, sign_raw,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from typed_cells
where source_id = 'bnetza_breitbandatlas'
