-- one row per municipality that a list has lost, though it stands in the Gemeindeverzeichnis before (or of that day) and in the one after
with lists as (
  select distinct source_id, edition, part, territory_date as day, ags from typed_names where territory_date is not null
),
days as (
  select distinct source_id, edition, part, day from lists
),
official as (
  select distinct territory_date as day, ags from typed__destatis_gv__units where record_type = '60' and text_kind not in ('65', '66')
),
around as (
  select
    days.source_id, days.edition, days.part, days.day,
    max(official.day) filter (where official.day < days.day or official.day = days.day and days.source_id <> 'destatis_gv') as before,
    min(official.day) filter (where official.day > days.day or official.day = days.day and days.source_id <> 'destatis_gv') as after
  from days
  cross join (select distinct day from official) as official
  group by all
)
select
  around.source_id, around.edition, cast(null as bigint) as row_number,
  format('every municipality that stands in the Gemeindeverzeichnis of {} and of {}', around.before, around.after) as expected,
  format('none with the key {}', older.ags) as found
from around
join official as older on older.day = around.before
join official as newer on newer.day = around.after and newer.ags = older.ags
anti join lists as these
  on these.source_id = around.source_id and these.edition = around.edition and these.part is not distinct from around.part and these.ags = older.ags
