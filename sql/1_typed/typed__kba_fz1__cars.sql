-- one row per registration district, 1 January and kind of car; cars
with cars as (
  select *, regexp_extract(trim(district), '^(\d{5})\s', 1) as district_key
  from typed_cells
  where source_id = 'kba_fz1'
)
select
  edition, part, row_number, source_column,
  'district' as level, nullif(district_key, '') as unit_key,
  trim(regexp_replace(district, '^\d{5}\s+', '')) as unit_name,
  reference_date, variable, value, value_status, sign_raw,
  case when coalesce(district_key, '') = '' then 'not_a_district' end as reject_rule,
  'subtotal, total or note: no five-digit key before the name' as reject_reason
from cars
