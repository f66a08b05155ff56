-- one row per list entry that names a place: the municipality it means on the territory of its year, or NULL with a reason
with entries as (
  select 'mobilitydata_gbfs' as source_id, edition, row_number, place_name, '' as scope from typed__mobilitydata_gbfs__systems
  union all
  select 'oparl_endpoints', edition, row_number, place_name, '' from typed__oparl_endpoints__places
  union all
  select 'german_gov_domains', edition, row_number, place_name, land_code from typed__german_gov_domains__domains
),
dated as (
  select
    entries.source_id, entries.edition, entries.row_number, entries.place_name,
    year(editions.reference_date) as list_year,
    entries.scope, plain_name(entries.place_name) as plain
  from entries
  join frame__editions as editions using (source_id, edition)
)
select
  dated.source_id, dated.edition, dated.row_number, dated.place_name, dated.list_year, names.ags,
  case when names.ags is null then 'no municipality of exactly this name, or several' end as reason
from dated
left join core__place_names as names using (list_year, scope, plain)
