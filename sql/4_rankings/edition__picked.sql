-- one row per edition year, indicator and unit (municipality, association, district): the value that the date rule picks for it
-- date rule: the latest reference date that is not after 1 January of the following year and at most carry_forward_years old
-- a list without a known universe is not carried past its next edition: who left it is not known to have what it had
-- a value counts only where its unit covers the same area (to 3 %: new measurements, uninhabited land that changed hands) in the
-- edition year's list and in the lists around the value's territory; chaining the territory comes later
with dated as (
  select
    values_.*,
    year(values_.reference_date - interval 1 day) as reference_year,
    case when values_.level = 'shared_district' then 'district' else values_.level end as unit_level,
    coalesce(year(editions.territory_date), year(values_.reference_date - interval 1 day)) as territory_year,
    indicators.indicator_number, indicators.is_complete
  from indicator_values as values_
  join frame__indicators as indicators using (indicator_id, source_id)
  left join frame__editions as editions using (source_id, edition)
),
list_years as (
  select distinct list_year from core__units
),
territories as (
  select
    years.territory_year,
    max(list_years.list_year) filter (where list_years.list_year <= years.territory_year) as list_before,
    min(list_years.list_year) filter (where list_years.list_year >= years.territory_year) as list_after
  from (select distinct territory_year from dated) as years
  cross join list_years
  group by years.territory_year
),
comparable as (
  select
    years.edition_year, territories.territory_year, now.level, now.unit_key,
    coalesce(abs(before.area_km2 / nullif(now.area_km2, 0) - 1) <= 0.03, true)
      and coalesce(abs(after.area_km2 / nullif(now.area_km2, 0) - 1) <= 0.03, true) as is_comparable
  from frame__years as years
  join core__units as now on now.list_year = years.edition_year
  cross join territories
  left join core__units as before
    on before.list_year = territories.list_before and before.level = now.level and before.unit_key = now.unit_key
  left join core__units as after
    on after.list_year = territories.list_after and after.level = now.level and after.unit_key = now.unit_key
),
in_time as (
  select
    years.edition_year, dated.indicator_number, dated.unit_level, dated.unit_key,
    arg_max(
      {
        'level': dated.level, 'is_comparable': comparable.is_comparable, 'value': dated.value, 'numerator': dated.numerator,
        'denominator': cast(dated.denominator as double), 'value_status': dated.value_status, 'sign_raw': dated.sign_raw,
        'reference_date': dated.reference_date, 'reference_year': dated.reference_year,
        'edition': dated.edition, 'part': dated.part, 'row_number': dated.row_number
      },
      row(dated.value is not null and comparable.is_comparable, dated.reference_date, -dated.row_number)
    ) as best
  from dated
  join frame__years as years
    on dated.reference_year between years.edition_year - years.carry_forward_years and years.edition_year
  join comparable
    on comparable.edition_year = years.edition_year and comparable.territory_year = dated.territory_year
    and comparable.level = dated.unit_level and comparable.unit_key = dated.unit_key
  anti join frame__editions as newer_list
    on not dated.is_complete and newer_list.source_id = dated.source_id
    and newer_list.reference_date > dated.reference_date and year(newer_list.reference_date) <= years.edition_year
  group by years.edition_year, dated.indicator_number, dated.unit_level, dated.unit_key
)
select
  edition_year, indicator_number, unit_level, unit_key, best.level = 'shared_district' as is_shared,
  case when best.is_comparable then best.value end as value,
  case when best.is_comparable then best.numerator end as numerator,
  case when best.is_comparable then best.denominator end as denominator,
  case when best.is_comparable or best.value is null then best.value_status else 'not_convertible' end as value_status,
  best.sign_raw, best.reference_date, best.reference_year, best.edition, best.part, best.row_number
from in_time
