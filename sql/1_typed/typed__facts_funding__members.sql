-- one row per project and place (or district, association, agency) that takes part in it, with its role
select
  edition, row_number, project_id, member_name, ags, role, entity_type, region_key, land, programme,
  cast(year as integer) as year, source_url,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__facts_funding__members
