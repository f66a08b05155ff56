-- one row per edition year, indicator set and indicator: whether it is scored, its weight, its scale and what its values are
-- the places_* columns count all municipalities of the year, whatever the set
with counts as (
  select
    edition_year, indicator_id,
    count(value) as places_with_value,
    count(*) filter (where value_status = 'inherited') as places_inherited,
    count(*) filter (where value_status = 'carried_forward') as places_carried_forward,
    count(*) filter (where value_status = 'not_convertible') as places_not_convertible
  from edition__values
  group by edition_year, indicator_id
)
select
  cast(status.edition_year as smallint) as edition_year, status.indicator_set, status.indicator_id, status.area, status.status,
  status.reason, status.coverage, status.weight, status.lower_bound, status.upper_bound, status.share_at_0, status.share_at_100,
  cast(counts.places_with_value as integer) as places_with_value,
  cast(counts.places_inherited as integer) as places_inherited,
  cast(counts.places_carried_forward as integer) as places_carried_forward,
  cast(counts.places_not_convertible as integer) as places_not_convertible
from score__indicator_status as status
join counts using (edition_year, indicator_id)
