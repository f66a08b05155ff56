-- one row per district, Land or Germany whose population in the file is not the sum of its parts, to the person
with places as (
  select edition, row_number, ags, number_of(population, '.') as population
  from raw__destatis_population_2018
),
levels as (
  select
    *,
    case when ags = 'DG000000' then 'germany' when ags like '__000000' then 'land' when ags like '%000' then 'district' else 'place' end as level
  from places
),
parts as (
  select edition, case level when 'place' then left(ags, 5) || '000' when 'district' then left(ags, 2) || '000000' when 'land' then 'DG000000' end as ags, sum(population) as population
  from levels
  where level <> 'germany'
  group by all
),
sums as (
  select wholes.edition, wholes.row_number, wholes.ags, wholes.population, parts.population as parts
  from levels as wholes
  join parts using (edition, ags)
)
select
  'destatis_population_2018' as source_id, edition, row_number, 'a population that is the sum of its parts' as expected,
  format('{}: {:.0f} persons in the file, {:.0f} summed up', ags, population, parts) as found
from sums
where population <> parts
