-- one row per municipality, year and measure; % of the area
select
  edition, part, row_number, source_column,
  'municipality' as level, rpad(unit_key, 8, '0') as unit_key, unit_name, reference_date,
  variable, value, value_status, sign_raw,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from typed_cells
where source_id = 'regionalatlas'
