-- one row per municipality, year end and technology; kW
select
  edition, part, row_number, source_column,
  'municipality' as level, unit_key as unit_key, unit_name, reference_date,
  variable, value, value_status, sign_raw,
  case when unit_key = 'DG000000' or unit_key like '__000000' and left(unit_key, 2) not in ('02', '11') then 'total' end as reject_rule, 'sum over Germany or a Land, not a municipality' as reject_reason
from typed_cells
where source_id = 'bnetza_mastr'
