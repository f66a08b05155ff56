-- one row per list entry that names a place: the municipality it means on the territory of its year, or NULL with a reason
-- a declared alias goes before the rule for names; what the entry itself says narrows the choice: the Land of a domain, station or data set, "Stadt" or "Gemeinde" in the title of a council's interface
-- corrections.yml: gbfs_usedom; the system serves the island, not the town of the same name
with entries as (
  select 'mobilitydata_gbfs' as source_id, edition, row_number, place_name, '' as scope, plain_name(place_name) = 'usedom' as is_region
  from typed__mobilitydata_gbfs__systems
  union all
  select
    'oparl_endpoints', edition, row_number, place_name,
    case when lower(place_kind) like '%stadt' then 'town' when lower(place_kind) in ('gemeinde', 'markt') then 'village' else '' end,
    false
  from typed__oparl_endpoints__places
  union all
  select 'german_gov_domains', edition, row_number, place_name, land_code, false from typed__german_gov_domains__domains
  union all
  select 'musterdatenkatalog', edition, row_number, place_name, '05', false from typed__musterdatenkatalog__datasets
  union all
  select 'db_stations', edition, row_number, place_name, land_code, false from typed__db_stations__stations
),
dated as (
  select
    entries.source_id, entries.edition, entries.row_number, entries.place_name,
    editions.reference_date, year(editions.reference_date) as list_year,
    entries.scope, entries.is_region, plain_name(entries.place_name) as plain
  from entries
  join frame__editions as editions using (source_id, edition)
),
aliases as (
  select municipalities.list_year, aliases.source_id, plain_name(aliases.name) as plain, aliases.ags
  from frame__aliases as aliases
  join core__municipalities as municipalities on municipalities.ags = aliases.ags
)
select
  dated.source_id, dated.edition, dated.row_number, dated.place_name, dated.reference_date, dated.list_year,
  case when not dated.is_region then coalesce(aliases.ags, names.ags) end as ags,
  case
    when dated.is_region then null
    when aliases.ags is not null then 'alias'
    when names.ags is null then null
    when dated.scope = '' then 'name'
    when length(dated.scope) = 2 then 'name_and_land'
    else 'name_and_title'
  end as method,
  case
    when dated.is_region then 'a region of the same name as a municipality'
    when coalesce(aliases.ags, names.ags) is null then 'no municipality of exactly this name, or several'
  end as reason
from dated
left join aliases
  on aliases.list_year = dated.list_year and aliases.plain = dated.plain and aliases.source_id in ('', dated.source_id)
  and (length(dated.scope) <> 2 or dated.scope = left(aliases.ags, 2))
left join core__place_names as names
  on names.list_year = dated.list_year and names.scope = dated.scope and names.plain = dated.plain
