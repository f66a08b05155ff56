-- one row per municipality and year: change of the settlement and traffic area on the year before, %
-- "-" is zero for a place in the list of the year (or the next list there is), and nothing for one that is not: dissolved keys stay in the table
with cells as (
  select * from typed__genesis__values where variable = 'AI0112'
),
lists as (
  select years.reference_date, min(units.list_year) as list_year
  from (select distinct reference_date from cells) as years
  join (select distinct list_year from core__units) as units on units.list_year >= year(years.reference_date)
  group by years.reference_date
),
listed as (
  select lists.reference_date, units.unit_key
  from lists
  join core__units as units on units.list_year = lists.list_year and units.level = 'municipality'
),
judged as (
  select cells.*, cells.sign_raw = '-' and listed.unit_key is not null as is_zero
  from cells
  left join listed using (reference_date, unit_key)
)
select
  level, unit_key, reference_date,
  case when is_zero then 0 else value end as value,
  case when is_zero then 'true_zero' else value_status end as value_status,
  sign_raw, edition, part, row_number
from judged
