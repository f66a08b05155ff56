-- one row per municipality row of FZ 27.17, quarter and kind of private cars; the name decides within the district
select
  edition, part, row_number, source_column,
  'municipality' as level,
  nullif(regexp_extract(district, '^(\d{5})\s', 1), '') as district_key,
  trim(unit_name) as name,
  reference_date, variable, value, value_status, sign_raw,
  case when unit_name is null then 'not_a_municipality' end as reject_rule,
  'total or note: no name of a municipality' as reject_reason
from typed_cells
where source_id = 'kba_fz27'
