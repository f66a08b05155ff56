-- one row per level and year whose scores of deprivation do not run from 0 to 1: the publisher scales them so, each year anew
select
  'rki_gisd' as source_id, min(edition) as edition, cast(null as bigint) as row_number,
  format('scores of the level {} in {} from 0 to 1', level, year(reference_date)) as expected,
  format('{} to {}', min(value), max(value)) as found
from typed__rki_gisd__scores
group by level, reference_date
having min(value) <> 0 or max(value) <> 1
