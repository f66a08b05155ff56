-- one row per association or district and year; score, 0 to 1, higher is more deprived
select * exclude (source_id, level_text, region_id, land, district)
from typed_cells
where source_id = 'rki_gisd'
