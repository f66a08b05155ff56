-- one row per edition year, municipality and indicator
-- value is what the score uses (shrunk, imputed); value_unshrunk is the publisher's own rate; an imputed value says so and why
select
  cast(values_.edition_year as smallint) as edition_year, values_.ags, values_.indicator_id, indicators.area, indicators.dimension,
  cells.value, values_.value as value_unshrunk, values_.numerator, values_.denominator, values_.sign_raw, indicators.unit,
  cast(values_.reference_year as smallint) as reference_year, values_.reference_date,
  case when cells.is_imputed then 'imputed' else values_.value_status end as value_status,
  case when values_.value is null then values_.value_status end as missing_because,
  values_.level, cells.normalised,
  cells.weight_every_place as weight_effective, cells.weight_city as weight_effective_city,
  indicators.source_id, values_.source_edition, values_.source_row
from edition__values as values_
join frame__indicators as indicators using (indicator_id)
join score__cells as cells
  on cells.edition_year = values_.edition_year and cells.ags_number = cast(values_.ags as integer)
  and cells.indicator_number = indicators.indicator_number
