-- one row per municipality (or district) and year end: 1 when it is part of a funded digital co-operation, from the year of its selection
-- a district that takes part stands for its municipalities: they inherit its 1; everyone else has a true zero
with cooperations as (
  select years.edition_year as list_year, places.ags, places.district_key, places.edition, places.row_number
  from core__funded_places as places
  join frame__years as years on places.year <= years.edition_year
  where places.is_digital and places.is_cooperation
),
named as (
  select list_year, ags, min(edition) as edition, min(row_number) as row_number
  from cooperations
  where ags is not null
  group by list_year, ags
),
districts as (
  select list_year, district_key, min(edition) as edition, min(row_number) as row_number
  from cooperations
  where district_key is not null
  group by list_year, district_key
)
select
  'municipality' as level, municipalities.ags as unit_key, make_date(municipalities.list_year, 12, 31) as reference_date,
  case when named.ags is null then 0.0 else 1.0 end as value,
  case when named.ags is null then 'true_zero' else 'reported' end as value_status,
  named.edition, named.row_number
from core__municipalities as municipalities
join frame__years as years on years.edition_year = municipalities.list_year
left join named using (list_year, ags)
left join districts using (list_year, district_key)
where named.ags is not null or districts.district_key is null
union all
select 'district', district_key, make_date(list_year, 12, 31), 1.0, 'reported', edition, row_number
from districts
