-- one row per edition year, indicator and size class: what its values are, place by place
-- own, carried, association, district, imputed and missing add up to places; district: also values shared by its municipalities
with imputed as (
  select edition_year, ags_number, indicator_number
  from score__cells
  where is_imputed
),
kinds as (
  select
    values_.edition_year, values_.indicator_id, coalesce(places.size_class, 'no_population') as size_class,
    case
      when values_.value is null and imputed.ags_number is not null then 'imputed'
      when values_.value is null then 'missing'
      when values_.value_status = 'inherited' then values_.level
      when values_.value_status = 'carried_forward' then 'carried'
      else 'own'
    end as kind,
    values_.value is not null and values_.reference_year < values_.edition_year as is_older
  from edition__values as values_
  join edition__places as places using (edition_year, ags)
  join frame__indicators as indicators using (indicator_id)
  left join imputed
    on values_.value is null and imputed.edition_year = values_.edition_year and imputed.ags_number = places.ags_number
    and imputed.indicator_number = indicators.indicator_number
),
counted as (
  select
    edition_year, indicator_id, size_class,
    count(*) as places,
    count(*) filter (where kind = 'own') as places_own,
    count(*) filter (where kind = 'carried') as places_carried_forward,
    count(*) filter (where kind = 'association') as places_association,
    count(*) filter (where kind = 'district') as places_district,
    count(*) filter (where kind = 'imputed') as places_imputed,
    count(*) filter (where kind = 'missing') as places_missing,
    count(*) filter (where is_older) as places_older
  from kinds
  group by edition_year, indicator_id, size_class
)
select
  cast(counted.edition_year as smallint) as edition_year, indicators.area, counted.indicator_id, counted.size_class,
  cast(counted.places as integer) as places, cast(counted.places_own as integer) as places_own,
  cast(counted.places_carried_forward as integer) as places_carried_forward,
  cast(counted.places_association as integer) as places_association,
  cast(counted.places_district as integer) as places_district,
  cast(counted.places_imputed as integer) as places_imputed, cast(counted.places_missing as integer) as places_missing,
  cast(counted.places_older as integer) as places_older,
  cast(counted.places_own + counted.places_carried_forward as double) / counted.places as share_own_values,
  cast(counted.places_association + counted.places_district as double) / counted.places as share_inherited_values,
  cast(counted.places_imputed as double) / counted.places as share_imputed_values,
  cast(counted.places_missing as double) / counted.places as share_missing_values
from counted
join frame__indicators as indicators using (indicator_id)
