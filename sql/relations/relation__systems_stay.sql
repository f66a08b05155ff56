-- one row per list of sharing systems in which more than a fifth of the systems of another year are in another place
-- of 49 systems that stand in the lists of 2020 and 2021, four are written differently
select
  'mobilitydata_gbfs' as source_id, newer.edition, min(newer.row_number) filter (where newer.place_name is distinct from older.place_name) as row_number,
  format('systems in the places of {}, four in five', older.edition) as expected,
  format('{} of {} elsewhere', count(*) filter (where newer.place_name is distinct from older.place_name), count(*)) as found
from typed__mobilitydata_gbfs__systems as newer
join typed__mobilitydata_gbfs__systems as older on older.system_id = newer.system_id and older.edition < newer.edition
group by newer.edition, older.edition
having count(*) filter (where newer.place_name is distinct from older.place_name) > 0.2 * count(*)
