-- one row per edition year and indicator: the first and the last year whose values an edition up to this one uses
select
  years.edition_year, values_.indicator_id,
  cast(min(values_.reference_year) as smallint) as first_value_year,
  cast(max(values_.reference_year) as smallint) as last_value_year
from frame__years as years
join edition__values as values_ on values_.edition_year <= years.edition_year
where values_.value is not null
group by years.edition_year, values_.indicator_id
