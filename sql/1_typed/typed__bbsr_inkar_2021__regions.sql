-- one row per association or district of the edition's own list of regions
-- a key that is one municipality's own AGS is that municipality; BBSR's own association keys (district + 9xx) stay associations
select
  edition, part, row_number, region_id, unit_name, level_text,
  case
    when level_text = 'Kreise' then 'district'
    when substr(lpad(unit_key, 8, '0'), 6, 1) = '9' then 'association'
    else 'municipality'
  end as level,
  case level_text when 'Kreise' then lpad(unit_key, 5, '0') else lpad(unit_key, 8, '0') end as unit_key,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__bbsr_inkar_2021__regions
