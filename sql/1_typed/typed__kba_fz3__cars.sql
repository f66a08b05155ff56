-- one row per municipality row of FZ 3 and 1 January; cars
-- eight digits before the name are the AGS, five the postcode: then the name decides, within the registration district
with cars as (
  select
    *,
    regexp_extract(unit_name, '^(\d{8}|\d{5})\s+\S', 1) as digits,
    regexp_extract(district, '\b(\d{5})\b', 1) as district_digits
  from typed_cells
  where source_id = 'kba_fz3'
)
select
  edition, part, row_number, source_column,
  'municipality' as level,
  case when length(digits) = 8 then digits end as ags,
  case when length(digits) = 5 then digits end as plz,
  nullif(district_digits, '') as district_key,
  trim(regexp_replace(unit_name, '^\d+\s+', '')) as name,
  reference_date, variable, value, value_status, sign_raw,
  case when coalesce(digits, '') = '' then 'not_a_municipality' end as reject_rule,
  'subtotal, total, note or cars of no known municipality: neither AGS nor postcode before a name' as reject_reason
from cars
