-- one row per municipality and year end: 1 when it leads or joins a digital project of a federal programme, from the year of its selection
-- all winners of the programmes are listed, so a place that is not among them has a true zero
with funded as (
  select years.edition_year as list_year, places.ags, min(places.edition) as edition, min(places.row_number) as row_number
  from core__funded_places as places
  join frame__years as years on places.year <= years.edition_year
  where places.is_digital and places.funder_level = 'federal' and places.ags is not null
  group by years.edition_year, places.ags
)
select
  'municipality' as level, municipalities.ags as unit_key, make_date(municipalities.list_year, 12, 31) as reference_date,
  case when funded.ags is null then 0.0 else 1.0 end as value,
  case when funded.ags is null then 'true_zero' else 'reported' end as value_status,
  funded.edition, funded.row_number
from core__municipalities as municipalities
join frame__years as years on years.edition_year = municipalities.list_year
left join funded using (list_year, ags)
