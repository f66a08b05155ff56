-- one row per source and edition whose names do not stand beside their keys: one in fifty may begin otherwise than in the Gemeindeverzeichnis
with official as (
  select distinct ags, left(lower(name), 4) as start
  from typed__destatis_gv__units
  where record_type = '60'
),
compared as (
  select
    named.source_id, named.edition, named.row_number, named.ags, named.name,
    bool_or(official.start = left(lower(named.name), 4)) as agrees
  from typed_names as named
  join official on official.ags = named.ags
  where named.name is not null
  group by all
)
select
  source_id, edition, min(row_number) filter (where not agrees) as row_number,
  'names that stand beside their keys in all but 2 %' as expected,
  format('{} of {} differ, the first is {}', count(*) filter (where not agrees), count(*), arg_min(ags || ' ' || name, row_number) filter (where not agrees)) as found
from compared
group by source_id, edition
having count(*) filter (where not agrees) > 0.02 * count(*)
