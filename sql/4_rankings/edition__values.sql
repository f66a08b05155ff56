-- one row per edition year, municipality and indicator: the value that the date rule picks, with its level and status
-- date rule: the latest reference date that is not after 1 January of the following year and at most carry_forward_years old
-- a value counts only where its unit covers the same area (to 3 %: new measurements, uninhabited land that changed hands) in the
-- edition year's list and in the lists around the value's territory; chaining the territory comes later
-- a place without a value is not_convertible where the source does not know its key, and not_collected where it does
with list_years as (
  select distinct list_year from core__units
),
dated as (
  select
    values_.* exclude (edition), values_.edition,
    year(values_.reference_date - interval 1 day) as reference_year,
    case when values_.level = 'shared_district' then 'district' else values_.level end as unit_level,
    coalesce(year(editions.territory_date), year(values_.reference_date - interval 1 day)) as territory_year
  from indicator_values as values_
  left join frame__editions as editions using (source_id, edition)
),
territories as (
  select
    years.territory_year,
    max(list_years.list_year) filter (where list_years.list_year <= years.territory_year) as list_before,
    min(list_years.list_year) filter (where list_years.list_year >= years.territory_year) as list_after
  from (select distinct territory_year from dated) as years
  cross join list_years
  group by years.territory_year
),
eligible as (
  select
    years.edition_year, dated.*,
    coalesce(abs(before.area_km2 / nullif(now.area_km2, 0) - 1) <= 0.03, true)
      and coalesce(abs(after.area_km2 / nullif(now.area_km2, 0) - 1) <= 0.03, true) as is_comparable
  from dated
  join frame__years as years
    on dated.reference_date <= make_date(years.edition_year + 1, 1, 1)
    and dated.reference_year >= years.edition_year - years.carry_forward_years
  join territories using (territory_year)
  join core__units as now on now.list_year = years.edition_year and now.level = dated.unit_level and now.unit_key = dated.unit_key
  left join core__units as before
    on before.list_year = territories.list_before and before.level = dated.unit_level and before.unit_key = dated.unit_key
  left join core__units as after
    on after.list_year = territories.list_after and after.level = dated.unit_level and after.unit_key = dated.unit_key
),
picked as (
  select
    *,
    case when is_comparable then value end as comparable_value
  from eligible
  qualify row_number() over (
    partition by edition_year, indicator_id, level, unit_key
    order by is_comparable and value is not null desc, reference_date desc, row_number
  ) = 1
),
places as (
  select list_year as edition_year, ags, association_key, district_key, is_own_association, is_own_district
  from core__municipalities
  join frame__years as years on years.edition_year = core__municipalities.list_year
),
candidates as (
  select places.edition_year, places.ags, 1 as distance, true as is_own, picked.*
  from places
  join picked on picked.edition_year = places.edition_year and picked.level = 'municipality' and picked.unit_key = places.ags
  union all
  select places.edition_year, places.ags, 2, places.is_own_association, picked.*
  from places
  join picked on picked.edition_year = places.edition_year and picked.level = 'association' and picked.unit_key = places.association_key
  union all
  select places.edition_year, places.ags, 3, places.is_own_district and picked.level = 'district', picked.*
  from places
  join picked
    on picked.edition_year = places.edition_year and picked.level in ('district', 'shared_district')
    and picked.unit_key = places.district_key
),
chosen as (
  select *
  from candidates
  qualify row_number() over (partition by edition_year, ags, indicator_id order by comparable_value is not null desc, distance) = 1
),
indicator_levels as (
  select distinct indicator_id, source_id, unit_level as level from dated
),
source_units as (
  select distinct source_id, unit_level as level, unit_key from dated
),
place_units as (
  select edition_year, ags, 'municipality' as level, ags as unit_key from places
  union all
  select edition_year, ags, 'association', association_key from places
  union all
  select edition_year, ags, 'district', district_key from places
),
known as (
  select distinct place_units.edition_year, place_units.ags, indicator_levels.indicator_id
  from place_units
  join source_units using (level, unit_key)
  join indicator_levels using (source_id, level)
  anti join chosen
    on chosen.edition_year = place_units.edition_year and chosen.ags = place_units.ags
    and chosen.indicator_id = indicator_levels.indicator_id
)
select
  places.edition_year, places.ags, indicators.indicator_id, indicators.area, indicators.dimension, indicators.unit, indicators.source_id,
  chosen.comparable_value as value,
  case when chosen.comparable_value is not null then chosen.numerator end as numerator,
  case when chosen.comparable_value is not null then cast(chosen.denominator as double) end as denominator,
  chosen.sign_raw, chosen.reference_date, chosen.reference_year,
  case when chosen.is_own then 'municipality' else chosen.unit_level end as level,
  case
    when chosen.indicator_id is null and indicators.is_complete and known.indicator_id is null then 'not_convertible'
    when chosen.indicator_id is null then 'not_collected'
    when chosen.comparable_value is null and not chosen.is_comparable then 'not_convertible'
    when chosen.comparable_value is null then chosen.value_status
    when not chosen.is_own then 'inherited'
    when chosen.reference_year < places.edition_year then 'carried_forward'
    else chosen.value_status
  end as value_status,
  chosen.edition as source_edition, chosen.row_number as source_row
from places
cross join frame__indicators as indicators
left join chosen using (edition_year, ags, indicator_id)
left join known using (edition_year, ags, indicator_id)
