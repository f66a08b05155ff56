-- one row per municipality, association or district that reports services, and snapshot: active services whose online form answers, %
-- a service counts once however often it is listed; a district town is told from a district by the newest list of places
with newest as (
  select max(list_year) as list_year from core__units
),
towns as (
  select distinct unit_key from core__units where level = 'municipality' and list_year = (select list_year from newest)
),
placed as (
  select
    services.edition, services.row_number, services.leika_key, services.as_of, coalesce(services.is_online, false) as is_online,
    case when towns.unit_key is not null then 'municipality' else services.unit_level end as level,
    case
      when towns.unit_key is not null then towns.unit_key
      when services.unit_level = 'association' then left(services.ars, 9)
      when services.unit_level = 'district' then left(services.ars, 5)
      else left(services.ars, 5) || right(services.ars, 3)
    end as unit_key
  from typed__ozg_pvog__services as services
  left join towns on services.unit_level <> 'association' and towns.unit_key = left(services.ars, 5) || right(services.ars, 3)
  where services.active = 'ja'
),
services as (
  select
    edition, level, unit_key, leika_key,
    bool_or(is_online) as is_online, max(as_of) as as_of, min(row_number) as row_number
  from placed
  group by edition, level, unit_key, leika_key
)
select
  level, unit_key, max(as_of) as reference_date,
  100.0 * count(*) filter (where is_online) / count(*) as value,
  cast(count(*) filter (where is_online) as double) as numerator,
  cast(count(*) as double) as denominator,
  'reported' as value_status, edition, min(row_number) as row_number
from services
group by edition, level, unit_key
