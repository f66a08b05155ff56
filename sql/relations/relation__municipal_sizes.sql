-- one row per source and size (area, population) of municipalities that disagrees with the Gemeindeverzeichnis nearest in time
-- a column that slipped by one row against its keys agrees with hardly any; single places differ after mergers
with listed as (
  select
    'destatis_gv' as source_id, edition, row_number, ags, territory_date as day, population_date, area_km2, population, longitude, latitude
  from typed__destatis_gv__units where record_type = '60' and text_kind not in ('65', '66')
  union all
  select 'destatis_gv100ad', edition, row_number, ags, territory_date, population_date, area_km2, population, null, null
  from typed__destatis_gv100ad__units where record_type = '60' and text_kind not in ('65', '66')
  union all
  select 'destatis_population_2018', edition, row_number, ags, population_date, population_date, null, population, null, null
  from typed__destatis_population_2018__places
  union all
  select 'bbsr_umstieg', edition, row_number, source_ags, source_date, source_date, area_km2, population, null, null
  from typed__bbsr_umstieg__pairs where source_date = date '2020-12-31'
),
sizes as (
  select source_id, edition, row_number, ags, unnest([
    {'size': 'area', 'day': day, 'value': area_km2}, {'size': 'population', 'day': population_date, 'value': population},
    {'size': 'longitude', 'day': day, 'value': longitude}, {'size': 'latitude', 'day': day, 'value': latitude}
  ], recursive := true)
  from listed
),
lists as (
  select distinct source_id, edition, size, day from sizes where value is not null
),
nearest as (
  select lists.source_id, lists.edition, lists.size, arg_min(others.edition, (abs(others.day - lists.day), others.edition)) as other
  from lists
  join lists as others
    on others.source_id = 'destatis_gv' and others.size = lists.size
    and (others.source_id, others.edition) <> (lists.source_id, lists.edition)
  group by all
),
pairs as (
  select
    nearest.source_id, nearest.edition, nearest.size, nearest.other, sizes.row_number,
    abs(sizes.value - others.value) > case nearest.size
      when 'longitude' then 0.2 when 'latitude' then 0.2 when 'area' then greatest(0.1 * others.value, 0.5)
      else greatest(0.3 * others.value, 30) end as differs
  from nearest
  join sizes on sizes.source_id = nearest.source_id and sizes.edition = nearest.edition and sizes.size = nearest.size
  join sizes as others
    on others.source_id = 'destatis_gv' and others.edition = nearest.other and others.size = nearest.size and others.ags = sizes.ags
)
select
  source_id, edition, min(row_number) filter (where differs) as row_number,
  format('a {} of municipalities that agrees with the Gemeindeverzeichnis of {} in all but 1 %', size, other) as expected,
  format('{} of {} differ', count(*) filter (where differs), count(*)) as found
from pairs
group by source_id, edition, size, other
having count(*) filter (where differs) > 0.01 * count(*)
