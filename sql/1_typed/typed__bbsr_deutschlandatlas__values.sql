-- one row per municipality and indicator; units differ by indicator
select * exclude (source_id, level_text, region_id, land, district)
  replace ('municipality' as level, lpad(unit_key, 8, '0') as unit_key)
from typed_cells
where source_id = 'bbsr_deutschlandatlas'
