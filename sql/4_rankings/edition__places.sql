-- one row per edition year and municipality, with its size class; ags_number joins the score tables
select
  cast(places.list_year as smallint) as edition_year, places.ags, cast(places.ags as integer) as ags_number,
  places.name, places.district_key, places.district_name, places.land_code, places.land_name,
  cast(places.population as integer) as population, leagues.league as size_class
from core__municipalities as places
join frame__years as years on years.edition_year = places.list_year
left join frame__leagues as leagues
  on leagues.is_size_class
  and places.population >= leagues.min_population
  and (leagues.max_population is null or places.population < leagues.max_population)
