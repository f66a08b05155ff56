-- one row per unit, year and measure; AI0111 and AI0112 in %, BEVSTD in persons
-- the list of districts mixes in parts of districts (eight characters) that are no districts
select
  edition, part, row_number, source_column,
  case when level_text = 'GEMEIN' then 'municipality' else 'district' end as level,
  case when level_text = 'KREISE' and unit_key in ('02', '11') then unit_key || '000' else unit_key end as unit_key,
  unit_name, reference_date, variable, value, value_status, sign_raw,
  case
    when level_text = 'KREISE' and length(unit_key) = 8 then 'other_level'
    when level_text = 'KREISE' and length(unit_key) <> 5 and unit_key not in ('02', '11') or level_text not in ('GEMEIN', 'KREISE') then 'total'
  end as reject_rule,
  case when length(unit_key) = 8 then 'a part of a district' else 'Germany, a Land or a region' end as reject_reason
from typed_cells
where source_id = 'genesis'
