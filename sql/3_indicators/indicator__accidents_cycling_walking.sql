-- one row per municipality and year: accidents with injured persons in which a bicycle or a pedestrian had part, per 1,000 inhabitants
-- a municipality without one is a true zero, but only where its Land is in the year's file
with years as (
  select distinct edition, part, reference_date from typed__unfallatlas__accidents
),
lands as (
  select distinct edition, land_code from typed__unfallatlas__accidents
),
accidents as (
  select edition, ags, count(*) as accidents, min(row_number) as row_number
  from typed__unfallatlas__accidents
  where has_bicycle or has_pedestrian
  group by edition, ags
),
judged as (
  select
    places.ags, places.population, years.edition, years.part, years.reference_date, accidents.row_number,
    case when lands.land_code is not null then coalesce(accidents.accidents, 0) end as accidents,
    case
      when lands.land_code is null then 'not_collected'
      when nullif(places.population, 0) is null then 'no_denominator'
      when accidents.accidents is null then 'true_zero'
      else 'reported'
    end as value_status
  from years
  join core__municipalities as places on places.list_year = year(years.reference_date)
  left join lands on lands.edition = years.edition and lands.land_code = places.land_code
  left join accidents on accidents.edition = years.edition and accidents.ags = places.ags
)
select
  'municipality' as level, ags as unit_key, reference_date,
  1000.0 * accidents / nullif(population, 0) as value,
  cast(accidents as double) as numerator,
  population as denominator,
  value_status, cast(null as varchar) as sign_raw, edition, part, row_number
from judged
