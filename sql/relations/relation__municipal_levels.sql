-- one row per Land, district or association that has places and no record of its own in a list of municipalities, or a record and no places
-- only uninhabited areas (text kind 66) stand in districts without a record: 07000 is the joint territory with Luxemburg
with units as (
  select 'destatis_gv' as source_id, edition, row_number, record_type, text_kind, land_code, district_key, association_key from typed__destatis_gv__units
  union all
  select 'destatis_gv100ad', edition, row_number, record_type, text_kind, land_code, district_key, association_key from typed__destatis_gv100ad__units
),
levels as (
  select source_id, edition, row_number, record_type, text_kind, unnest([
    {level: '10', unit_key: land_code}, {level: '40', unit_key: district_key}, {level: '50', unit_key: association_key}
  ], recursive := true)
  from units
),
records as (
  select distinct source_id, edition, level, unit_key, row_number from levels where record_type = level
),
places as (
  select source_id, edition, level, unit_key, min(row_number) as row_number, bool_and(text_kind = '66') as is_uninhabited
  from levels
  where record_type = '60'
  group by all
)
select
  source_id, edition, coalesce(places.row_number, records.row_number) as row_number,
  format('a record (Satzart {}) and places of {}', level, unit_key) as expected,
  case when records.unit_key is null then 'no record' else 'no place' end as found
from places
full join records using (source_id, edition, level, unit_key)
where places.unit_key is null or records.unit_key is null and not places.is_uninhabited
