-- one row per municipality and year end from 2014 on: public charging points in operation, per 1,000 inhabitants of 2018
-- counted by the day of commissioning in the newest register, so a device that was taken down before it is in no year
with places as (
  select ags, population
  from core__municipalities
  where list_year = 2018 and population > 0
),
newest as (
  select ags, year(commissioned) as built, points
  from core__charging_stations
  where list_year = (select max(list_year) from core__charging_stations) and ags is not null
),
years as (
  select unnest(range(2014, (select max(edition_year) + 1 from frame__years))) as year
)
select places.ags, years.year, 1000.0 * coalesce(sum(newest.points), 0) / any_value(places.population) as value
from places
cross join years
left join newest on newest.ags = places.ags and newest.built <= years.year
group by places.ags, years.year
