-- one row per municipality or district, year and indicator; units differ by indicator
select
  edition, part, row_number, source_column,
  case level_text when 'Gemeinden' then 'municipality' when 'Kreise' then 'district' end as level, case level_text when 'Kreise' then left(unit_key, 5) else unit_key end as unit_key, unit_name, reference_date,
  variable, value, value_status, sign_raw,
  case when unit_key = '99999999' then 'filler' end as reject_rule, 'filler key of the publisher' as reject_reason
from typed_cells
where source_id = 'bbsr_inkar_2024'
