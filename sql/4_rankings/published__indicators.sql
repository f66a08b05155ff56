-- one row per edition year, municipality and indicator
-- a source edition of one file names its part by itself; facts_funding is read from its list of members
-- the words of an indicator come last, by a left join, since that stays where it stands: an earlier join would carry them through the large one
-- value is what the score uses (shrunk, imputed); value_unshrunk is the publisher's own rate; an imputed value says so and why
with only_parts as (
  select source_id, edition, any_value(part) as part
  from receipts
  group by source_id, edition
  having count(*) = 1
)
select
  cast(values_.edition_year as smallint) as edition_year, values_.ags, indicators.indicator_id, indicators.area, indicators.dimension,
  cells.value, values_.value as value_unshrunk, values_.numerator, values_.denominator, values_.sign_raw, indicators.unit,
  cast(values_.reference_year as smallint) as reference_year, values_.reference_date,
  case when cells.is_imputed then 'imputed' else values_.value_status end as value_status,
  case when values_.value is null then values_.value_status end as missing_because,
  case when not cells.is_imputed then values_.level end as level, cells.normalised,
  cells.weight_every_place as weight_effective, cells.weight_city as weight_effective_city,
  indicators.source_id, values_.source_edition,
  case
    when values_.source_part is not null or values_.source_row is null then values_.source_part
    when indicators.source_id = 'facts_funding' then 'members'
    else only_parts.part
  end as source_part,
  values_.source_row, case when not cells.is_imputed then values_.predecessors end as predecessors
from edition__values as values_
join score__cells as cells using (edition_year, ags_number, indicator_number)
left join frame__indicators as indicators using (indicator_number)
left join only_parts
  on only_parts.source_id = indicators.source_id and only_parts.edition = values_.source_edition
