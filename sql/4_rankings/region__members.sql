-- one row per edition year, region and municipality in it
-- the source of a co-operation names municipalities, associations or districts; the latter stand for all their municipalities
-- who is named in more than one way has the role of the closest naming (its own before its association's before its district's)
with entries as (
  select
    years.edition_year, places.project_id, places.role, places.ags, places.association_key, places.district_key, places.source_url
  from core__funded_places as places
  join frame__years as years on places.year <= years.edition_year
  where places.is_digital and places.is_cooperation
),
municipalities as (
  select list_year as edition_year, ags, association_key, district_key
  from core__municipalities
),
named as (
  select entries.edition_year, entries.project_id, places.ags, entries.role, 1 as distance, 'municipality' as named_as, entries.source_url
  from entries
  join municipalities as places on places.edition_year = entries.edition_year and places.ags = entries.ags
  union all
  select entries.edition_year, entries.project_id, places.ags, entries.role, 2, 'association', entries.source_url
  from entries
  join municipalities as places
    on places.edition_year = entries.edition_year and places.association_key = entries.association_key
  union all
  select entries.edition_year, entries.project_id, places.ags, entries.role, 3, 'district', entries.source_url
  from entries
  join municipalities as places on places.edition_year = entries.edition_year and places.district_key = entries.district_key
),
closest as (
  select
    edition_year, project_id, ags,
    arg_min({'role': role, 'named_as': named_as, 'source_url': source_url}, row(distance, role, source_url)) as best
  from named
  group by edition_year, project_id, ags
)
select edition_year, 'district' as region_kind, district_key as region_key, ags, 'member' as role, 'municipality' as named_as, null as source_url
from edition__places
union all
select edition_year, 'land', land_code, ags, 'member', 'municipality', null
from edition__places
union all
select cast(edition_year as smallint), 'smart_region', project_id, ags, best.role, best.named_as, best.source_url
from closest
