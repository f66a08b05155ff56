-- one row per municipality of 15.05.2022; persons counted by the census
-- the AGS is the ARS without its digits 6 to 9, the association
select
  edition, part, row_number, source_column,
  'municipality' as level, left(unit_key, 5) || substr(unit_key, 10) as unit_key, unit_name, reference_date,
  variable, value, value_status, sign_raw,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from typed_cells
where source_id = 'zensus_2022'
