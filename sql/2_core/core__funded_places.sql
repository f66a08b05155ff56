-- one row per place, association or district and funding project it takes part in, with its role; general regional programmes are no digital ones
-- a project is a co-operation when two or more members are named or its lead is more than a municipality
with cooperations as (
  select project_id, count(*) >= 2 or bool_or(entity_type <> 'Gemeinde') as is_cooperation
  from typed__facts_funding__members
  group by project_id
)
select
  projects.project_id, projects.programme, projects.funder, projects.call, projects.year, members.role,
  members.ags, case when members.entity_type = 'Kreis' then members.region_key end as district_key,
  case when members.entity_type in ('Amt', 'Samtgemeinde', 'Verbandsgemeinde') then members.region_key end as association_key,
  members.member_name, members.entity_type,
  case when projects.funder_level = 'Bund' then 'federal' else 'land' end as funder_level,
  projects.programme_scope, projects.programme_scope = 'digital' as is_digital,
  cooperations.is_cooperation, projects.project_name, projects.volume_eur, projects.volume_basis, members.source_url,
  members.edition, members.row_number
from typed__facts_funding__members as members
join typed__facts_funding__projects as projects using (project_id)
join cooperations using (project_id)
