-- one row per district, year and measure; dwellings or 1,000 m2
select
  edition, part, row_number, source_column,
  'district' as level, case when unit_key in ('02', '11') then unit_key || '000' else unit_key end as unit_key, unit_name, reference_date,
  variable, value, value_status, sign_raw,
  case when unit_key = 'DG' or length(unit_key) = 2 and unit_key not in ('02', '11') then 'total' when length(unit_key) not in (2, 5) then 'other_level' end as reject_rule, 'not a district' as reject_reason
from typed_cells
where source_id = 'regionalstatistik'
