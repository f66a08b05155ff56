-- one row per district, Land or Germany whose population in the file is not the sum of its parts, to the person
with places as (
  select edition, row_number, ags, number_of(population, '.') as population
  from raw__destatis_population_2018
),
sums as (
  select wholes.edition, wholes.row_number, wholes.ags, wholes.population, sum(parts.population) as parts
  from places as wholes
  join places as parts
    on parts.edition = wholes.edition and parts.ags <> wholes.ags
    and case
      when wholes.ags = 'DG000000' then parts.ags like '__000000'
      when wholes.ags like '__000000' then left(parts.ags, 2) = left(wholes.ags, 2) and parts.ags like '%000'
      else left(parts.ags, 5) = left(wholes.ags, 5)
    end
  where wholes.ags like '%000'
  group by all
)
select
  'destatis_population_2018' as source_id, edition, row_number, 'a population that is the sum of its parts' as expected,
  format('{}: {:.0f} persons in the file, {:.0f} summed up', ags, population, parts) as found
from sums
where population <> parts
