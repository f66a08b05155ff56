-- one row per unit that bears two names in one file: names or keys that slipped by a row
select
  source_id, edition, min(row_number) as row_number, format('one name of {}', unit_key) as expected,
  string_agg(distinct unit_name, ', ' order by unit_name) as found
from typed_values
group by source_id, edition, part, level, unit_key
having count(distinct unit_name) > 1
