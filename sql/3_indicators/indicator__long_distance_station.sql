-- one row per association or district and year: minutes by car to the next station with long-distance trains
-- areas in which nobody is employed (x354) belong to no municipality: no row
with inhabited as (
  select distinct level, unit_key from typed__bbsr_inkar_2021__values where variable = 'x354'
)
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__bbsr_inkar_2021__values
semi join inhabited using (level, unit_key)
where variable = 'x336'
