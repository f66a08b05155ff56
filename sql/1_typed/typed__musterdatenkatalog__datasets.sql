-- one row per data set of a municipality in Nordrhein-Westfalen: only the place that it belongs to
-- a data set that is sorted under two subjects stands twice in the file and counts once
with numbered as (
  select
    edition, row_number, place_name,
    row_number() over (partition by edition, place_name, identifier order by row_number) as repeat
  from raw__musterdatenkatalog
)
select
  edition, row_number,
  regexp_replace(trim(place_name), '^(Stadt|Gemeinde)\s+', '') as place_name,
  case when place_name like 'Kreis %' then 'other_level' when repeat > 1 then 'repeated' end as reject_rule,
  case when place_name like 'Kreis %' then 'a district, not a municipality' else 'the same data set under another subject' end as reject_reason
from numbered
