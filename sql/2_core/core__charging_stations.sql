-- one row per charging device of the register that stands nearest to each year end, with the municipality it stands in
-- place name and district name (blanks after a point do not count) decide where exactly one municipality fits; else the outline around
-- the coordinates, if it lies in the district that is named: coordinates and address that contradict each other give no place; nor do
-- they where the place name begins with that of another place of the district and does not end with the outline's (Östringen - Odenheim
-- in Stutensee, but Schleswig-Busdorf in Busdorf)
with editions as (
  select years.edition_year as list_year, min(register.reference_date) as reference_date
  from frame__years as years
  join frame__editions as register
    on register.source_id = 'bnetza_ladesaeulenregister'
    and register.reference_date between make_date(years.edition_year, 12, 31) and make_date(years.edition_year + 4, 1, 1)
  group by years.edition_year
),
devices as (
  select editions.list_year, stations.*, plain_name(replace(stations.place_name, '. ', '.')) as plain
  from editions
  join frame__editions as register
    on register.source_id = 'bnetza_ladesaeulenregister' and register.reference_date = editions.reference_date
  join typed__bnetza_ladesaeulenregister__stations as stations
    on stations.edition = register.edition and stations.commissioned <= make_date(editions.list_year, 12, 31)
    and stations.status = 'In Betrieb'
),
district_names as (
  select list_year, unit_key as district_key, plain_name(regexp_replace(replace(name, '. ', '.'), '^Landkreis\s+', '')) as plain
  from core__unit_names
  where level = 'district'
),
names as (
  select list_year, district_key, plain_name(replace(name, '. ', '.')) as plain, min(ags) as ags
  from core__municipalities
  group by all
  having count(*) = 1
),
in_districts as (
  select devices.list_year, devices.edition, devices.row_number, district_names.district_key, devices.plain
  from devices
  join district_names
    on district_names.list_year = devices.list_year
    and district_names.plain
      = plain_name(regexp_replace(replace(devices.district_name, '. ', '.'), '^(Landkreis|Kreisfreie Stadt|Stadtkreis|Kreis)\s+', ''))
),
by_name as (
  select in_districts.list_year, in_districts.edition, in_districts.row_number, min(names.ags) as ags
  from in_districts
  join names
    on names.list_year = in_districts.list_year and names.district_key = in_districts.district_key
    and names.plain = in_districts.plain
  group by all
  having count(distinct names.ags) = 1
),
named_districts as (
  select list_year, edition, row_number, list(district_key) as district_keys
  from in_districts
  group by list_year, edition, row_number
),
begun as (
  select in_districts.list_year, in_districts.edition, in_districts.row_number, list(names.ags) as begun_ags
  from in_districts
  join names
    on names.list_year = in_districts.list_year and names.district_key = in_districts.district_key
    and starts_with(in_districts.plain, names.plain || ' ')
  group by in_districts.list_year, in_districts.edition, in_districts.row_number
),
outlines as (
  select list_year, ags as located_ags, ags from core__municipalities
  union all
  -- the outlines are of 31.12.2020: a key that ended with that day (Eisenach) stands for the one place that took the area over
  select targets.list_year, pairs.source_ags, min(pairs.target_ags)
  from typed__bbsr_umstieg__pairs as pairs
  join core__municipalities as targets on targets.list_year = 2021 and targets.ags = pairs.target_ags
  anti join core__municipalities as known on known.list_year = 2021 and known.ags = pairs.source_ags
  where pairs.source_date = date '2020-12-31'
  group by targets.list_year, pairs.source_ags
  having count(distinct pairs.target_ags) = 1
),
placed as (
  select
    devices.*, by_name.ags as named_ags, outlines.ags as outline_ags,
    coalesce(not list_contains(named_districts.district_keys, left(outlines.ags, 5)), false)
    or coalesce(
      not list_contains(begun.begun_ags, outlines.ags)
      and devices.plain not like '% ' || located.plain,
      false
    ) as is_elsewhere
  from devices
  left join by_name using (list_year, edition, row_number)
  left join outlines on outlines.list_year = devices.list_year and outlines.located_ags = devices.located_ags
  left join named_districts using (list_year, edition, row_number)
  left join begun using (list_year, edition, row_number)
  left join names as located on located.list_year = devices.list_year and located.ags = outlines.ags
)
select
  list_year, edition, row_number, points, commissioned, place_name, district_name,
  case when named_ags is not null then named_ags when not is_elsewhere then outline_ags end as ags,
  case
    when named_ags is not null then 'name_and_district'
    when outline_ags is not null then if(is_elsewhere, 'contradiction', 'outline')
  end as method,
  named_ags <> outline_ags as is_disputed,
  is_elsewhere
from placed
