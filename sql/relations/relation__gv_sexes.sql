-- one row per municipality whose inhabitants are not its men and women, in the lists that count them
with lists as (
  select distinct edition from raw__destatis_gv where number_of(male, '.') is not null
)
select
  'destatis_gv' as source_id, edition, row_number, 'inhabitants that are the men and women' as expected,
  format('{}: {} inhabitants, {} men and {} women', name, population, coalesce(male, 'no'), coalesce(female, 'no')) as found
from raw__destatis_gv
semi join lists using (edition)
where number_of(population, '.') is not null
  and number_of(population, '.') is distinct from number_of(male, '.') + number_of(female, '.')
