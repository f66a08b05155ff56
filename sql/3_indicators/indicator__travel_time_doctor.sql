-- one row per municipality: minutes by car to the nearest general practitioner, on the territory of the end of 2021
-- the file gives no year: the atlas names the federal register of doctors, of which the institute that computes it used 2021
select
  level, unit_key, date '2021-12-31' as reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_deutschlandatlas__values
where variable = 'p_harzt'
