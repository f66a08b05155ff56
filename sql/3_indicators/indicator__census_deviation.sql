-- one row per municipality of the census: by how many per cent of its count the population of the list before it was off, either way
with lists as (
  select max(list_year) as list_year from core__municipalities where make_date(list_year, 12, 31) < date '2022-05-15'
)
select
  'municipality' as level, census.unit_key, census.reference_date,
  100.0 * abs(municipalities.population - census.value) / nullif(census.value, 0) as value,
  abs(municipalities.population - census.value) as numerator,
  census.value as denominator,
  case
    when nullif(census.value, 0) is null then 'no_denominator'
    when municipalities.population is null then 'not_convertible'
    else census.value_status
  end as value_status,
  census.sign_raw, census.edition, census.part, census.row_number
from typed__zensus_2022__population as census
cross join lists
left join core__municipalities as municipalities
  on municipalities.list_year = lists.list_year and municipalities.ags = census.unit_key
