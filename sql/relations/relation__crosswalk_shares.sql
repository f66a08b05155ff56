-- one row per municipality whose shares of area or population that go to others are not the whole
-- the three parts of Rohrbrunner Forst (09671456), where nobody lives, carry a population share of 1 each
select
  'bbsr_umstieg' as source_id, edition, min(row_number) as row_number, 'shares of 1 in all' as expected,
  format('{}: area {:.4f}, population {:.4f}', source_ags, sum(area_weight), sum(population_weight)) as found
from typed__bbsr_umstieg__pairs
group by edition, part, source_ags
having abs(sum(area_weight) - 1) > 0.001 or (abs(sum(population_weight) - 1) > 0.001 and max(population) > 0)
