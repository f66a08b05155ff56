-- one row per edition year and ranked town of city_30k: whether a strategy is documented by then, and what it has implemented
-- implemented: the weighted mean of implementation indicators outside strategy and administration, own values of the year only
-- a strategy dated in or after the year in which the town was first funded came with the funding (`strategy_with_funding`);
-- a town without a strategy known to us is no town without one, so the comparison is an association of what is documented
with implemented as (
  select
    cells.edition_year, cells.ags_number,
    sum(cells.normalised * cells.weight_city order by indicators.indicator_id)
      / sum(cells.weight_city order by indicators.indicator_id) as implemented,
    count(*) as indicators
  from score__cells as cells
  join frame__indicators as indicators using (indicator_number)
  join edition__values as values_ using (edition_year, ags_number, indicator_number)
  where indicators.dimension = 'implementation' and indicators.area not in ('strategy', 'administration')
    and cells.weight_city > 0 and not cells.is_imputed and values_.value_status in ('reported', 'true_zero')
  group by cells.edition_year, cells.ags_number
),
first_funding as (
  select ags, min(year) as first_year
  from core__funded_places
  where is_digital and ags is not null
  group by ags
)
select
  places.edition_year, places.ags, places.population, places.land_code, implemented.implemented, implemented.indicators,
  case
    when strategies.documented_date is null or year(strategies.documented_date) > places.edition_year then 'none_known'
    when first_funding.first_year <= year(strategies.documented_date) then 'strategy_with_funding'
    else 'strategy'
  end as standing
from edition__places as places
join score__ranks as ranks
  on ranks.edition_year = places.edition_year and ranks.ags_number = places.ags_number
  and ranks.league = 'city_30k' and ranks.status = 'ranked'
join implemented on implemented.edition_year = places.edition_year and implemented.ags_number = places.ags_number
left join core__documented_strategies as strategies on strategies.ags = places.ags
left join first_funding on first_funding.ags = places.ags
