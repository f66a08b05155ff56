-- one row per unit whose row is missing at one date of a file, though it stands there the date before and the date after
-- four exceptions of INKAR: no row of 07132502 in 2020, none of 16061914 in 2017, the municipalities' figures on tourism (corrections.yml:
-- inkar_tourism_zero), and traffic in 2019, when there are figures on employees only and none of the 97 areas in which nobody is employed
with units as (
  select distinct source_id, edition, part, level, reference_date, unit_key from typed_values
),
dates as (
  select *, lag(reference_date) over series as before, lead(reference_date) over series as after
  from (select distinct source_id, part, level, reference_date from units)
  window series as (partition by source_id, part, level order by reference_date)
)
select
  dates.source_id, older.edition, cast(null as bigint) as row_number,
  format('a row of {} in {}, as in {} and {}', older.unit_key, dates.reference_date, dates.before, dates.after) as expected,
  'none' as found
from dates
join units as older
  on older.source_id = dates.source_id and older.part = dates.part and older.level = dates.level and older.reference_date = dates.before
join units as newer
  on newer.source_id = dates.source_id and newer.part = dates.part and newer.level = dates.level and newer.reference_date = dates.after
  and newer.unit_key = older.unit_key
anti join units as these
  on these.source_id = dates.source_id and these.part = dates.part and these.level = dates.level and these.reference_date = dates.reference_date
  and these.unit_key = older.unit_key
where (older.unit_key, dates.reference_date) not in (('07132502', date '2020-12-31'), ('16061914', date '2017-12-31'))
  and not (dates.source_id = 'bbsr_inkar_2024' and dates.part = 'wirtschaft' and dates.level = 'municipality')
  and not (dates.source_id = 'bbsr_inkar_2021' and dates.part = 'verkehr' and dates.reference_date = date '2019-12-31')
