-- one row per district and year end: public charging points in operation, as their publisher counts them for 1 January after it
select
  edition, part, row_number, source_column, level, unit_name as unit_key, unit_name, land as land_name,
  make_date(cast(right(variable, 4) as integer), 12, 31) as reference_date, 'points' as variable, value, value_status, sign_raw,
  case when unit_name = 'Summe' then 'total' end as reject_rule, 'sum of all districts' as reject_reason
from (select * replace ('district' as level) from typed_cells)
where source_id = 'bnetza_ladepunkte_kreise'
