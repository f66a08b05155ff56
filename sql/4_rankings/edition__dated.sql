-- one row per indicator, unit and date of a value that any edition may take: its year, the year of its territory, and how it may move
-- the value of 1 January is that of the year before; without a declared territory it stands on that of its own year
with spans as (
  select min(edition_year - carry_forward_years) as first_year, max(edition_year) as last_year from frame__years
),
dated as (
  select
    values_.* exclude (indicator_id, source_id) replace (cast(values_.denominator as double) as denominator),
    cast(year(values_.reference_date - interval 1 day) as integer) as reference_year,
    case when values_.level = 'shared_district' then 'district' else values_.level end as unit_level,
    cast(coalesce(year(editions.territory_date), year(values_.reference_date - interval 1 day)) as integer) as territory_year,
    indicators.indicator_number
  from indicator_values as values_
  join frame__indicators as indicators using (indicator_id, source_id)
  left join frame__editions as editions using (source_id, edition)
)
select dated.*
from dated
join spans on dated.reference_year between spans.first_year and spans.last_year
