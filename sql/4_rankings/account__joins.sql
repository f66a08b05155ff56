-- one row per source, edition (of a list) or year (of keyed values) and level: how many entries found their place, and how many places have none
-- lists name places; keyed values carry the key of a municipality, association or district, on the territory of their source
with lists as (
  select source_id, edition, 'municipality' as level, list_year, count(*) as entries, count(ags) as matched, count(distinct ags) as places
  from core__named_places
  group by all
  union all
  select 'bnetza_ladesaeulenregister', edition, 'municipality', list_year, count(*), count(ags), count(distinct ags)
  from core__charging_stations
  group by all
),
keyed as (
  select distinct source_id, level, year(reference_date) as list_year, unit_key
  from indicator_values
  where value is not null and source_id not in (select source_id from lists)
),
units as (
  select list_year, level, unit_key from core__units where municipalities > 0
),
keys as (
  select
    keyed.source_id, cast(keyed.list_year as varchar) as edition, keyed.level, keyed.list_year,
    count(*) as entries, count(units.unit_key) as matched, count(units.unit_key) as places
  from keyed
  join frame__years as years on years.edition_year = keyed.list_year
  left join units using (list_year, level, unit_key)
  group by all
),
all_joins as (
  from lists
  union all
  from keys
)
select
  all_joins.source_id, all_joins.edition, all_joins.level, all_joins.list_year, all_joins.entries, all_joins.matched,
  all_joins.entries - all_joins.matched as unmatched, counted.places - all_joins.places as places_without
from all_joins
join (select list_year, level, count(*) as places from units group by all) as counted using (list_year, level)
