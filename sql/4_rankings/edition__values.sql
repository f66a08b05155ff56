-- one row per edition year, municipality and indicator: the newest value, and of equally new ones that of the place itself before
-- that of its association, that before its district's: a place's old zero does not stand against its district's new one
-- a coarser value is inherited unless the unit is this one municipality; without any value the nearest unit's reason stands
-- without any row: not_convertible where a complete source does not know the place's key, not_collected where it does
-- ags_number and indicator_number join the score tables
with places as (
  select
    list_year as edition_year, ags, cast(ags as integer) as ags_number, association_key, district_key, is_own_association, is_own_district
  from core__municipalities
  join frame__years as years on years.edition_year = core__municipalities.list_year
),
has as (
  select
    edition_year, indicator_number, unit_level, unit_key,
    case when value is not null then reference_year end as value_year
  from edition__picked
),
levelled as (
  select
    places.*, indicators.indicator_id, indicators.indicator_number,
    case
      when own.value_year >= greatest(coalesce(association.value_year, 0), coalesce(district.value_year, 0)) then 'municipality'
      when association.value_year >= coalesce(district.value_year, 0) then 'association'
      when district.value_year is not null then 'district'
      when own.unit_key is not null then 'municipality'
      when association.unit_key is not null then 'association'
      when district.unit_key is not null then 'district'
    end as unit_level
  from places
  cross join frame__indicators as indicators
  left join has as own
    on own.unit_level = 'municipality' and own.edition_year = places.edition_year
    and own.indicator_number = indicators.indicator_number and own.unit_key = places.ags
  left join has as association
    on association.unit_level = 'association' and association.edition_year = places.edition_year
    and association.indicator_number = indicators.indicator_number and association.unit_key = places.association_key
  left join has as district
    on district.unit_level = 'district' and district.edition_year = places.edition_year
    and district.indicator_number = indicators.indicator_number and district.unit_key = places.district_key
),
indicator_levels as (
  select distinct indicator_id, source_id, level from indicator_values where level <> 'shared_district'
),
keyed as (
  select
    *,
    case unit_level when 'municipality' then ags when 'association' then association_key when 'district' then district_key end as unit_key,
    case unit_level when 'municipality' then true when 'association' then is_own_association when 'district' then is_own_district end as is_own_unit
  from levelled
),
asked as materialized (
  select
    keyed.edition_year, keyed.ags, keyed.indicator_id, indicator_levels.source_id, indicator_levels.level,
    case indicator_levels.level
      when 'municipality' then keyed.ags
      when 'association' then keyed.association_key
      else keyed.district_key
    end as unit_key
  from keyed
  join indicator_levels using (indicator_id)
  where keyed.unit_level is null
),
known as (
  select distinct edition_year, ags, indicator_id
  from asked
  semi join indicator_values using (source_id, level, unit_key)
)
select
  keyed.edition_year, keyed.ags, keyed.ags_number, keyed.indicator_id, keyed.indicator_number,
  picked.value, picked.numerator, picked.denominator, picked.sign_raw, picked.reference_date, picked.reference_year,
  case when keyed.is_own_unit and not picked.is_shared then 'municipality' else keyed.unit_level end as level,
  case
    when keyed.unit_level is null and indicators.is_complete and known.ags is null then 'not_convertible'
    when keyed.unit_level is null then 'not_collected'
    when picked.value is null then picked.value_status
    when not keyed.is_own_unit or picked.is_shared then 'inherited'
    when picked.reference_year < keyed.edition_year then 'carried_forward'
    else picked.value_status
  end as value_status,
  picked.edition as source_edition, picked.part as source_part, picked.row_number as source_row,
  picked.predecessors
from keyed
join frame__indicators as indicators on indicators.indicator_number = keyed.indicator_number
left join edition__picked as picked
  on picked.edition_year = keyed.edition_year and picked.indicator_number = keyed.indicator_number
  and picked.unit_level = keyed.unit_level and picked.unit_key = keyed.unit_key
left join known
  on known.edition_year = keyed.edition_year and known.ags = keyed.ags and known.indicator_id = keyed.indicator_id
