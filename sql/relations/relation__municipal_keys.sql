-- one row per municipality that a list has lost, though it stands in the Gemeindeverzeichnis before (or of that day) and in the one after
with lists as (
  select 'destatis_gv' as source_id, edition, territory_date as day, ags from typed__destatis_gv__units where record_type = '60' and text_kind not in ('65', '66')
  union all
  select 'destatis_gv100ad', edition, territory_date, ags from typed__destatis_gv100ad__units where record_type = '60'
  union all
  select 'destatis_population_2018', edition, date '2018-12-31', ags from typed__destatis_population_2018__places
  union all
  select 'bbsr_umstieg', edition, source_date, source_ags from typed__bbsr_umstieg__pairs where source_date = date '2020-12-31'
),
days as (
  select distinct source_id, edition, day from lists
),
around as (
  select
    days.source_id, days.edition, days.day,
    max(official.day) filter (where official.day < days.day or official.day = days.day and days.source_id <> 'destatis_gv') as before,
    min(official.day) filter (where official.day > days.day or official.day = days.day and days.source_id <> 'destatis_gv') as after
  from days
  cross join (select distinct day from days where source_id = 'destatis_gv') as official
  group by all
)
select
  around.source_id, around.edition, cast(null as bigint) as row_number,
  format('every municipality that stands in the Gemeindeverzeichnis of {} and of {}', around.before, around.after) as expected,
  format('none with the key {}', older.ags) as found
from around
join lists as older on older.source_id = 'destatis_gv' and older.day = around.before
join lists as newer on newer.source_id = 'destatis_gv' and newer.day = around.after and newer.ags = older.ags
anti join lists as these on these.source_id = around.source_id and these.edition = around.edition and these.ags = older.ags
