-- one row per open data set and municipality that it is about
select
  edition, row_number, dataset_id, area as ars, left(area, 5) || right(area, 3) as ags,
  case
    when area is null then 'no_place'
    when length(area) <> 12 or right(area, 3) = '000' and substr(area, 6, 4) <> '0000' then 'other_level'
  end as reject_rule,
  case when area is null then 'names no area' else 'a district, a Land or an association' end as reject_reason
from raw__govdata
