-- one row per edition year, indicator and size class: what its values are, place by place
-- own, carried forward, association, district, imputed and missing add up to places; who has no value of a scored indicator is imputed
with sizes as (
  select edition_year, ags_number, coalesce(size_class, 'no_population') as size_class
  from edition__places
),
counted as (
  select
    sizes.edition_year, values_.indicator_number, sizes.size_class,
    count(*) as places,
    count(values_.value) filter (where values_.value_status = 'inherited' and values_.level = 'association') as places_association,
    count(values_.value) filter (where values_.value_status = 'inherited' and values_.level = 'district') as places_district,
    count(values_.value) filter (where values_.value_status = 'carried_forward') as places_carried_forward,
    count(values_.value) filter (where values_.value_status not in ('inherited', 'carried_forward')) as places_own,
    count(values_.value) filter (where values_.reference_year < values_.edition_year) as places_older
  from edition__values as values_
  join sizes using (edition_year, ags_number)
  group by sizes.edition_year, values_.indicator_number, sizes.size_class
),
filled as (
  select sizes.edition_year, cells.indicator_number, sizes.size_class, count(*) as places_imputed
  from score__cells as cells
  join sizes using (edition_year, ags_number)
  where cells.is_imputed
  group by sizes.edition_year, cells.indicator_number, sizes.size_class
),
complete as (
  select
    counted.*, indicators.indicator_id, indicators.area, coalesce(filled.places_imputed, 0) as places_imputed,
    counted.places_own + counted.places_carried_forward as own, counted.places_association + counted.places_district as inherited
  from counted
  join frame__indicators as indicators using (indicator_number)
  left join filled using (edition_year, indicator_number, size_class)
)
select
  edition_year, area, indicator_id, size_class, cast(places as integer) as places,
  cast(places_own as integer) as places_own, cast(places_carried_forward as integer) as places_carried_forward,
  cast(places_association as integer) as places_association, cast(places_district as integer) as places_district,
  cast(places_imputed as integer) as places_imputed,
  cast(places - own - inherited - places_imputed as integer) as places_missing,
  cast(places_older as integer) as places_older,
  cast(own as double) / places as share_own_values, cast(inherited as double) / places as share_inherited_values,
  cast(places_imputed as double) / places as share_imputed_values,
  cast(places - own - inherited - places_imputed as double) / places as share_missing_values
from complete
