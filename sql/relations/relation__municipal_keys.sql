-- one row per municipality that a list has lost, though it stands in the list before and in the one after
with keys as (
  select distinct territory_date, edition, ags from typed__destatis_gv__units where record_type = '60'
),
lists as (
  select edition, lag(edition) over series as before, lead(edition) over series as after
  from (select distinct territory_date, edition from keys)
  window series as (order by territory_date)
)
select
  'destatis_gv' as source_id, lists.edition, cast(null as bigint) as row_number,
  format('every municipality that stands in {} and {}', lists.before, lists.after) as expected, format('none with the key {}', older.ags) as found
from lists
join keys as older on older.edition = lists.before
join keys as newer on newer.edition = lists.after and newer.ags = older.ags
anti join keys as these on these.edition = lists.edition and these.ags = older.ags
