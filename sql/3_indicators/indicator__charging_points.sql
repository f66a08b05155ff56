-- one row per municipality and year end: public charging points per 1,000 inhabitants
-- the register covers all of Germany, so a municipality without a device has a true zero among the published ones
with points as (
  select list_year, ags, sum(points) as points, min(edition) as edition, min(row_number) as row_number
  from core__charging_stations
  where ags is not null
  group by list_year, ags
)
select
  'municipality' as level, places.ags as unit_key, make_date(places.list_year, 12, 31) as reference_date,
  1000.0 * coalesce(points.points, 0) / nullif(places.population, 0) as value,
  cast(coalesce(points.points, 0) as double) as numerator,
  places.population as denominator,
  case
    when nullif(places.population, 0) is null then 'no_denominator'
    when points.points is null then 'true_zero'
    else 'reported'
  end as value_status,
  cast(null as varchar) as sign_raw, points.edition, points.row_number
from core__municipalities as places
join frame__years as years on years.edition_year = places.list_year
left join points using (list_year, ags)
