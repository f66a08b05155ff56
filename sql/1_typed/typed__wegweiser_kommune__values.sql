-- one row per municipality of 5,000 inhabitants or more and year; % of the residential buildings completed in the year
select * exclude (source_id, level_text, region_id, land, district)
  replace ('municipality' as level)
from typed_cells
where source_id = 'wegweiser_kommune'
