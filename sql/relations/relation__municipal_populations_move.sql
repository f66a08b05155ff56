-- one row per list of municipalities with the populations of another day's list: more than a fifth of those above 1,000 to the person
-- from one year to the next 2 % stay the same
with lists as (
  select 'destatis_gv' as source_id, edition, population_date as day, ags, population
  from typed__destatis_gv__units where record_type = '60' and population > 1000
  union all
  select 'destatis_gv100ad', edition, population_date, ags, population
  from typed__destatis_gv100ad__units where record_type = '60' and population > 1000
  union all
  select 'destatis_population_2018', edition, population_date, ags, population
  from typed__destatis_population_2018__places where population > 1000
)
select
  these.source_id, these.edition, cast(null as bigint) as row_number,
  format('populations of {}', these.day) as expected,
  format('{} of {} equal to those of {} ({})', count(*) filter (where these.population = others.population), count(*), others.day, others.source_id) as found
from lists as these
join lists as others on others.ags = these.ags and others.day <> these.day
group by these.source_id, these.edition, these.day, others.source_id, others.edition, others.day
having count(*) filter (where these.population = others.population) > 0.2 * count(*)
