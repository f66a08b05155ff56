-- one row per edition year and region: district, Land, or digital co-operation that is funded, from the year of its selection
-- a co-operation without a name of its own is called by the entity that leads it, "u. a." where the source names others too
with cooperations as (
  select
    project_id, any_value(project_name) as project_name, any_value(programme) as programme, any_value(year) as year,
    arg_min(member_name, row_number) filter (where role = 'lead') as lead_name, count(*) as named
  from core__funded_places
  where is_digital and is_cooperation
  group by project_id
)
select edition_year, 'district' as region_kind, district_key as region_key, any_value(district_name) as region_name,
  null as lead_name, null as programme, null as year
from edition__places
group by edition_year, district_key
union all
select edition_year, 'land', land_code, any_value(land_name), null, null, null
from edition__places
group by edition_year, land_code
union all
select
  years.edition_year, 'smart_region', cooperations.project_id,
  coalesce(cooperations.project_name, cooperations.lead_name || case when cooperations.named > 1 then ' u. a.' else '' end),
  cooperations.lead_name, cooperations.programme, cooperations.year
from cooperations
join frame__years as years on cooperations.year <= years.edition_year
