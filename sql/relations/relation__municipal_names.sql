-- one row per source and edition whose names do not stand beside their keys: one in fifty may begin otherwise than in the Gemeindeverzeichnis
with official as (
  select distinct ags, left(lower(name), 4) as start
  from typed__destatis_gv__units
  where record_type = '60'
),
named as (
  select 'destatis_gv' as source_id, edition, row_number, ags, name from typed__destatis_gv__units where record_type = '60'
  union all
  select 'destatis_gv100ad', edition, row_number, ags, name from typed__destatis_gv100ad__units where record_type = '60'
  union all
  select 'bkg_vg5000', edition, row_number, ags, name from typed__bkg_vg5000__outlines
  union all
  select 'bbsr_umstieg', edition, row_number, source_ags, source_name from typed__bbsr_umstieg__pairs
  union all
  select 'bbsr_umstieg', edition, row_number, target_ags, target_name from typed__bbsr_umstieg__pairs
  union all
  select distinct 'bbsr_deutschlandatlas', edition || ' ' || part, row_number, unit_key, unit_name from typed__bbsr_deutschlandatlas__values
  union all
  select distinct 'bbsr_inkar_2024', edition || ' ' || part, row_number, unit_key, unit_name from typed__bbsr_inkar_2024__values where level = 'municipality'
  union all
  select distinct 'bbsr_inkar_export', edition || ' ' || part, row_number, unit_key, unit_name from typed__bbsr_inkar_export__values where level = 'municipality'
),
compared as (
  select
    named.source_id, named.edition, named.row_number, named.ags, named.name,
    bool_or(official.start = left(lower(named.name), 4)) as agrees
  from named
  join official on official.ags = named.ags
  group by all
)
select
  source_id, edition, min(row_number) filter (where not agrees) as row_number,
  'names that stand beside their keys in all but 2 %' as expected,
  format('{} of {} differ, the first is {}', count(*) filter (where not agrees), count(*), arg_min(ags || ' ' || name, row_number) filter (where not agrees)) as found
from compared
group by source_id, edition
having count(*) filter (where not agrees) > 0.02 * count(*)
