-- one row per municipality, association or district, year and indicator; units differ by indicator
select
  edition, part, row_number, source_column,
  case level_text when 'Gemeinden' then 'municipality' when 'Kreise' then 'district' else 'association' end as level,
  case level_text when 'Kreise' then left(unit_key, 5) else unit_key end as unit_key, unit_name, reference_date,
  variable, value, value_status, sign_raw,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from typed_cells
where source_id = 'bbsr_inkar'
