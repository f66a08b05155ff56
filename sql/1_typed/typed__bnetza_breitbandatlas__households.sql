-- one row per municipality or city district, half-year and speed class; per cent of households
select * exclude (source_id, level_text, region_id, land, district)
  replace ('municipality' as level)
from typed_cells
where source_id = 'bnetza_breitbandatlas'
