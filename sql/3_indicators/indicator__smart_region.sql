-- one row per municipality, association or district and year end: 1 when it is part of a funded digital co-operation, from the year of its selection
-- an association or district that takes part stands for its municipalities: they inherit its 1; everyone else has a true zero
with cooperations as (
  select years.edition_year as list_year, places.ags, places.association_key, places.district_key, places.edition, places.row_number
  from core__funded_places as places
  join frame__years as years on places.year <= years.edition_year
  where places.is_digital and places.is_cooperation
),
parts as (
  select list_year, 'municipality' as level, ags as unit_key, edition, row_number from cooperations where ags is not null
  union all
  select list_year, 'association', association_key, edition, row_number from cooperations where association_key is not null
  union all
  select list_year, 'district', district_key, edition, row_number from cooperations where district_key is not null
),
taking_part as (
  select list_year, level, unit_key, min(edition) as edition, min(row_number) as row_number
  from parts
  group by list_year, level, unit_key
),
apart as (
  select places.list_year, places.ags
  from core__municipalities as places
  join frame__years as years on years.edition_year = places.list_year
  anti join taking_part as own
    on own.list_year = places.list_year and own.level = 'municipality' and own.unit_key = places.ags
  anti join taking_part as associations
    on associations.list_year = places.list_year and associations.level = 'association' and associations.unit_key = places.association_key
  anti join taking_part as districts
    on districts.list_year = places.list_year and districts.level = 'district' and districts.unit_key = places.district_key
)
select level, unit_key, make_date(list_year, 12, 31) as reference_date, 1.0 as value, 'reported' as value_status, edition, row_number
from taking_part
union all
select 'municipality', ags, make_date(list_year, 12, 31), 0.0, 'true_zero', null, null
from apart
