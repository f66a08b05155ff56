-- one row per municipality and year end: 1 when it leads or joins a digital project of a Land's programme, from the year of its selection
-- a place outside a list of winners has a true zero, except where that list is known to be incomplete: there it is not_collected
with funded as (
  select years.edition_year as list_year, places.ags, min(places.edition) as edition, min(places.row_number) as row_number
  from core__funded_places as places
  join frame__years as years on places.year <= years.edition_year
  where places.is_digital and places.funder_level = 'land' and places.ags is not null
  group by years.edition_year, places.ags
),
unknown as (
  select distinct list_year, ags from core__unknown_funding
),
judged as (
  select
    municipalities.list_year, municipalities.ags,
    case when funded.ags is not null then 'reported' when unknown.ags is not null then 'not_collected' else 'true_zero' end as value_status,
    funded.edition, funded.row_number
  from core__municipalities as municipalities
  join frame__years as years on years.edition_year = municipalities.list_year
  left join funded using (list_year, ags)
  left join unknown using (list_year, ags)
)
select
  'municipality' as level, ags as unit_key, make_date(list_year, 12, 31) as reference_date,
  case value_status when 'reported' then 1.0 when 'true_zero' then 0.0 end as value,
  value_status, edition, row_number
from judged
