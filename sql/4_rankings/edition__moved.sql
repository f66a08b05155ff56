-- one row per edition year, indicator, unit, date and source edition: a value that was brought to the unit's territory
-- another key for the same place takes the value as it is; else sums move by the declared share (of inhabitants, of area) of every part, and
-- the rate is computed anew; a denominator of the lists is that of the unit, in the year of the value. A part without a value: no row,
-- nor where the areas of the parts are not that of the unit (to 3 %): then something moved that no crosswalk knows
with parts as (
  select
    links.*, dated.indicator_number, dated.reference_date, dated.reference_year, dated.edition, dated.part, dated.row_number,
    dated.value, dated.numerator, dated.denominator, dated.value_status, dated.sign_raw,
    indicators.moves_by, indicators.denominator_from, indicators.per,
    case indicators.moves_by when 'population' then links.population_weight when 'area' then links.area_weight end as weight,
    case indicators.moves_by when 'population' then links.inhabited_parts when 'area' then links.parts end as needed
  from edition__links as links
  join frame__years as years using (edition_year)
  join edition__dated as dated
    on dated.territory_year = links.territory_year and dated.level = links.level and dated.unit_key = links.source_key
    and dated.reference_year between links.edition_year - years.carry_forward_years and links.edition_year
  join frame__indicators as indicators on indicators.indicator_number = dated.indicator_number
),
key_changes as (
  select
    edition_year, indicator_number, level, unit_key, territory_year, reference_date, reference_year, edition, part, row_number,
    value, numerator, denominator, value_status, sign_raw, source_key as predecessors
  from parts
  where is_same and not is_own_key and value is not null
),
stocks as (
  select years.edition_year, units.list_year, units.level, units.unit_key, cast(units.population as double) as population
  from core__units as units
  join frame__years as years on units.list_year <= years.edition_year
  anti join edition__links as links
    on links.edition_year = years.edition_year and links.territory_year = units.list_year
    and links.level = units.level and links.unit_key = units.unit_key
  union all
  select
    links.edition_year, links.territory_year, links.level, links.unit_key,
    case
      when count(links.population_weight * units.population) = max(links.inhabited_parts)
        then sum(links.population_weight * units.population order by links.source_key)
    end
  from edition__links as links
  join core__units as units
    on units.list_year = links.territory_year and units.level = links.level and units.unit_key = links.source_key
  where links.is_forward and links.has_people
  group by links.edition_year, links.territory_year, links.level, links.unit_key
),
sums as (
  select
    edition_year, indicator_number, level, unit_key, territory_year, reference_date, reference_year, edition,
    any_value(per) as per, any_value(denominator_from) as denominator_from,
    min(part) as part, min(row_number) as row_number,
    sum(weight * numerator order by source_key) as numerator,
    case when count(weight * denominator) = count(*) then sum(weight * denominator order by source_key) end as denominator,
    bool_and(value_status = 'true_zero') as is_true_zero,
    string_agg(source_key || case when weight < 1 then format(' ({:.4f})', weight) else '' end, ', ' order by source_key) as predecessors
  from parts
  where is_forward and (moves_by = 'area' or has_people) and not (is_same and (moves_by = 'population' or parts = 1))
  group by edition_year, indicator_number, level, unit_key, territory_year, reference_date, reference_year, edition
  having count(weight * numerator) = max(needed) and count(*) = max(needed)
),
rates as (
  select
    sums.* replace (
      case sums.denominator_from when 'population' then stocks.population when 'area' then units.area_km2 else sums.denominator end as denominator
    )
  from sums
  left join stocks
    on stocks.edition_year = sums.edition_year and stocks.list_year = sums.reference_year
    and stocks.level = sums.level and stocks.unit_key = sums.unit_key
  left join core__units as units
    on units.list_year = sums.edition_year and units.level = sums.level and units.unit_key = sums.unit_key
),
moved as (
  from key_changes
  union all
  select
    edition_year, indicator_number, level, unit_key, territory_year, reference_date, reference_year, edition, part, row_number,
    per * numerator / denominator as value, numerator, denominator,
    case when is_true_zero then 'true_zero' else 'reported' end as value_status, cast(null as varchar), predecessors
  from rates
  where denominator > 0
),
lists as (
  select list_year, 'municipality' as level, ags as unit_key, max(area_km2) as area_km2
  from core__territory
  group by list_year, ags
  union all
  select list_year, level, unit_key, area_km2 from core__units where level = 'district'
),
areas as (
  select
    links.edition_year, links.territory_year, links.level, links.unit_key,
    sum(coalesce(links.area_weight, 1) * before.area_km2 order by links.source_key) / nullif(any_value(now.area_km2), 0) as ratio
  from edition__links as links
  join lists as now
    on now.list_year = links.edition_year and now.level = links.level and now.unit_key = links.unit_key
  join lists as before
    on before.list_year = links.territory_year and before.level = links.level and before.unit_key = links.source_key
  group by links.edition_year, links.territory_year, links.level, links.unit_key
)
select moved.*
from moved
left join areas using (edition_year, territory_year, level, unit_key)
where coalesce(abs(areas.ratio - 1) <= 0.03, true)
