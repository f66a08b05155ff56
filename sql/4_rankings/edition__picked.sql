-- one row per edition year, indicator and unit (municipality, association, district): the value that the date rule picks for it
-- date rule: the latest reference date that is not after 1 January of the following year and at most carry_forward_years old
-- a list without a known universe is not carried past its next edition: who left it is not known to have what it had
-- a value counts only where its unit covers the same area (to 3 %: new measurements, uninhabited land that changed hands) in the
-- edition year's list and in the lists around the value's territory (one of them where the crosswalk knows a year without a list),
-- and where hardly anybody moved with a territory; else it is brought to the edition's territory, or it is not_convertible
with list_years as (
  select distinct list_year from core__units
),
territories as (
  select
    years.territory_year,
    max(list_years.list_year) filter (where list_years.list_year <= years.territory_year) as list_before,
    min(list_years.list_year) filter (where list_years.list_year >= years.territory_year) as list_after
  from (select distinct territory_year from edition__dated) as years
  cross join list_years
  group by years.territory_year
),
measured as (
  select
    years.edition_year, territories.territory_year, now.level, now.unit_key,
    abs(before.area_km2 / nullif(now.area_km2, 0) - 1) <= 0.03 as is_as_before,
    abs(after.area_km2 / nullif(now.area_km2, 0) - 1) <= 0.03 as is_as_after
  from frame__years as years
  join core__units as now on now.list_year = years.edition_year
  cross join territories
  left join core__units as before
    on before.list_year = territories.list_before and before.level = now.level and before.unit_key = now.unit_key
  left join core__units as after
    on after.list_year = territories.list_after and after.level = now.level and after.unit_key = now.unit_key
),
linked as (
  select distinct edition_year, territory_year, level, unit_key, is_known, is_direct from edition__links
),
comparable as (
  select
    measured.edition_year, measured.territory_year, measured.level, measured.unit_key,
    case measured.level
      when 'association' then coalesce(is_as_before, true) and coalesce(is_as_after, true)
      else coalesce(is_as_before or is_as_after, is_as_before, is_as_after, true)
    end and not coalesce(linked.is_known and not linked.is_direct, false) as is_comparable,
    coalesce(linked.is_known, false) as is_changed
  from measured
  left join linked using (edition_year, territory_year, level, unit_key)
),
newest_lists as (
  select years.edition_year, indicators.indicator_number, max(lists.reference_date) as reference_date
  from frame__indicators as indicators
  join frame__editions as lists on lists.source_id = indicators.source_id
  join frame__years as years on year(lists.reference_date) <= years.edition_year
  where not indicators.is_complete
  group by years.edition_year, indicators.indicator_number
),
candidates as (
  select
    years.edition_year, dated.indicator_number, dated.unit_level, dated.unit_key, dated.level, comparable.is_comparable,
    dated.value, dated.numerator, dated.denominator, dated.value_status, dated.sign_raw,
    dated.reference_date, dated.reference_year, dated.edition, dated.part, dated.row_number,
    cast(null as varchar) as predecessors, case when comparable.is_changed then 0 else 2 end as preference
  from edition__dated as dated
  join frame__years as years
    on dated.reference_year between years.edition_year - years.carry_forward_years and years.edition_year
  join comparable
    on comparable.edition_year = years.edition_year and comparable.territory_year = dated.territory_year
    and comparable.level = dated.unit_level and comparable.unit_key = dated.unit_key
  left join newest_lists
    on newest_lists.edition_year = years.edition_year and newest_lists.indicator_number = dated.indicator_number
  where not coalesce(newest_lists.reference_date > dated.reference_date, false)
  union all
  select
    edition_year, indicator_number, level, unit_key, level, true, value, numerator, denominator, value_status, sign_raw,
    reference_date, reference_year, edition, part, row_number, predecessors, 1
  from edition__moved
  semi join core__units as now
    on now.list_year = edition__moved.edition_year and now.level = edition__moved.level and now.unit_key = edition__moved.unit_key
),
in_time as (
  select
    edition_year, indicator_number, unit_level, unit_key,
    arg_max(
      {
        'level': level, 'is_comparable': is_comparable, 'value': value, 'numerator': numerator,
        'denominator': denominator, 'value_status': value_status, 'sign_raw': sign_raw,
        'reference_date': reference_date, 'reference_year': reference_year,
        'edition': edition, 'part': part, 'row_number': row_number, 'predecessors': predecessors
      },
      row(value is not null and is_comparable, reference_date, preference, -row_number)
    ) as best
  from candidates
  group by edition_year, indicator_number, unit_level, unit_key
)
select
  edition_year, indicator_number, unit_level, unit_key, best.level = 'shared_district' as is_shared,
  case when best.is_comparable then best.value end as value,
  case when best.is_comparable then best.numerator end as numerator,
  case when best.is_comparable then best.denominator end as denominator,
  case when best.is_comparable or best.value is null then best.value_status else 'not_convertible' end as value_status,
  best.sign_raw, best.reference_date, best.reference_year, best.edition, best.part, best.row_number, best.predecessors
from in_time
