-- one row per year and municipality whose shares of area that go to others are not the whole
-- shares of inhabitants are not asked: land without inhabitants has a share of 1 in each of its parts, and nothing says where somebody lives
select
  'bbsr_umstieg_lang' as source_id, edition, min(row_number) as row_number, 'shares of area of 1 in all' as expected,
  format('{}, {}: area {:.4f}', source_ags, source_date, sum(area_weight)) as found
from typed__bbsr_umstieg_lang__pairs
group by edition, source_date, source_ags
having abs(sum(area_weight) - 1) > 0.001
