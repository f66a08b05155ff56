-- one row per municipality, year and measure; % of the area
select * exclude (source_id, level_text, region_id, land, district)
  replace ('municipality' as level, rpad(unit_key, 8, '0') as unit_key)
from typed_cells
where source_id = 'regionalatlas'
