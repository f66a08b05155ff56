-- one row per change and pair of the municipality that gives and the one that receives; area in m2
-- kinds of change: 1 dissolution, 2 a part moves, 3 another key, 4 another name, also several in one cell ("3, 4")
-- is_rest: the place gives to itself, which is the rest of a place of which a part moved and no merger
with changes as (
  select
    *,
    list_sort(list_distinct(regexp_extract_all(kinds, '[1-4]'))) as kind_numbers,
    coalesce(try_strptime(legal_date, '%d.%m.%Y'), try_cast(legal_date as timestamp)) as legal,
    coalesce(try_strptime(statistical_date, '%d.%m.%Y'), try_cast(statistical_date as timestamp)) as statistical
  from raw__destatis_changes
)
select
  edition, row_number, number as change_number,
  source_ars, source_ags, trim(source_name) as source_name,
  target_ars, target_ags, trim(target_name) as target_name,
  array_to_string(kind_numbers, ', ') as kinds,
  list_contains(kind_numbers, '1') as is_dissolution,
  list_contains(kind_numbers, '2') as is_partial,
  list_contains(kind_numbers, '3') as is_key_change,
  list_contains(kind_numbers, '4') as is_name_change,
  list_contains(kind_numbers, '2') and source_ags = target_ags as is_rest,
  cast(area_m2 as bigint) as area_m2,
  cast(population as integer) as population,
  cast(legal as date) as legal_date,
  cast(statistical as date) as statistical_date,
  case when unit_kind <> 'Gemeinde' then 'other_level' end as reject_rule,
  'an association of municipalities, which has no AGS' as reject_reason
from changes
