-- one row per municipality that an edition has lost: the publisher keeps the keys of an old territory, so none may go
with editions as (
  select edition, lag(edition) over (order by edition) as before
  from (select distinct edition from typed__bnetza_breitbandatlas__households)
),
keys as (
  select distinct edition, unit_key from typed__bnetza_breitbandatlas__households
)
select
  'bnetza_breitbandatlas' as source_id, editions.edition, cast(null as bigint) as row_number,
  format('every municipality of {}', editions.before) as expected, format('none with the key {}', older.unit_key) as found
from editions
join keys as older on older.edition = editions.before
anti join keys as newer on newer.edition = editions.edition and newer.unit_key = older.unit_key
