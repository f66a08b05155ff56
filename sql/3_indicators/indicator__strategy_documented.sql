-- one row per municipality and year end with a documented strategy: 1 from its documented date
-- the search has no complete universe: a place without evidence has no value ("none known to us"), not zero
select
  'municipality' as level, strategies.ags as unit_key, make_date(years.edition_year, 12, 31) as reference_date,
  1.0 as value, 'reported' as value_status, strategies.edition, strategies.row_number
from core__documented_strategies as strategies
join frame__years as years on strategies.documented_date <= make_date(years.edition_year, 12, 31)
