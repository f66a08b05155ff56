-- one row per edition year, territory year of a value, and pair of a unit of the edition and a unit of that territory that shares in it
-- only municipalities and districts that are not the same in both; a later unit gives an earlier one something only where they are the same
-- weights are shares of the value's unit; parts are the pairs of the edition's unit, with inhabitants or all
with pairs as (
  select
    years.edition_year, pairs.from_year as territory_year, pairs.level, pairs.target_key as unit_key, pairs.source_key,
    pairs.area_weight, pairs.population_weight, pairs.has_people, pairs.is_same, pairs.is_close, true as is_forward
  from core__unit_crosswalk as pairs
  join frame__years as years on years.edition_year = pairs.to_year
  union all
  select
    years.edition_year, pairs.to_year, pairs.level, pairs.source_key, pairs.target_key,
    null, null, pairs.has_people, pairs.is_same, pairs.is_close, false
  from core__unit_crosswalk as pairs
  join frame__years as years on years.edition_year = pairs.from_year
)
select
  * exclude (is_same, is_close, has_people),
  coalesce(has_people, false) as has_people,
  coalesce(is_same, false) as is_same,
  source_key = unit_key as is_own_key,
  bool_or(source_key = unit_key) over unit as is_known,
  bool_or(source_key = unit_key and coalesce(is_same or is_close, false)) over unit as is_direct,
  count(*) filter (where has_people) over unit as inhabited_parts,
  count(*) over unit as parts
from pairs
window unit as (partition by edition_year, territory_year, level, unit_key)
