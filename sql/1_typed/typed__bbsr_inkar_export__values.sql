-- one row per municipality or association, year and indicator
select
  edition, part, row_number, source_column,
  case level_text when 'Gemeinden' then 'municipality' when 'Gemeindeverbände (Verwaltungsgemeinschaft)' then 'association' end as level, unit_key as unit_key, unit_name, reference_date,
  variable, value, value_status, sign_raw,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from typed_cells
where source_id = 'bbsr_inkar_export'
