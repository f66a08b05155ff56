-- one row per funded project; amounts in EUR with their basis
select
  edition, row_number, project_id, programme, funder, funder_level, call, cast(year as integer) as year, project_name,
  lead_name, lead_ags, lead_entity_type, lead_region_key, land,
  cast(n_members as integer) as n_members, cast(volume_eur as double) as volume_eur, volume_basis, programme_scope,
  source_url,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__facts_funding__projects
