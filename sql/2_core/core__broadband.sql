-- one row per municipality, half-year and speed class; per cent of households
-- where no speed at all is available the publisher describes an uninhabited area: no value
-- corrections.yml: broadband_fall; what is available does not vanish, so a share that a later edition puts more than 10 points lower
-- was an error (Wiesbaden's fibre: 89 % to the end of 2020, then 2 %; gigabit in the Eifel in 2019 and 2020): no value
-- from 2022 on another method counts, so that what it puts lower says nothing about the years before
with supplied as (
  select edition, row_number, max(value) as any_speed
  from typed__bnetza_breitbandatlas__households
  group by edition, row_number
),
compared as (
  select
    households.*, supplied.any_speed > 0 as is_supplied,
    min(households.value) over (
      partition by households.unit_key, households.variable, households.reference_date >= date '2022-01-01'
      order by households.reference_date
      rows between 1 following and unbounded following
    ) as lowest_later
  from typed__bnetza_breitbandatlas__households as households
  join supplied using (edition, row_number)
),
judged as (
  select
    *,
    case
      when is_supplied is not true then 'not_applicable'
      when value - lowest_later > 10 then 'unreliable'
      else value_status
    end as judged_status
  from compared
)
select
  edition, row_number, level, unit_key, reference_date, variable,
  case when judged_status not in ('not_applicable', 'unreliable') then value end as value,
  judged_status as value_status,
  case judged_status when 'not_applicable' then '0' when 'unreliable' then cast(value as varchar) else sign_raw end as sign_raw
from judged
