-- one row per municipality whose inhabitants are not its men and women
select
  'destatis_gv' as source_id, edition, row_number, 'inhabitants that are the men and women' as expected,
  format('{}: {} inhabitants, {} men and {} women', name, population, male, female) as found
from raw__destatis_gv
where number_of(population, '.') <> number_of(male, '.') + number_of(female, '.')
