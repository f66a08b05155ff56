-- one row per year end, technology and Land, district or Germany whose sum in the file is not that of the places in it
-- districts are the keys that end in 000, Länder those that end in 000000; a town that is its own district stands once
-- a hundredth is left for plants that the register knows only by their Land or district
with places as (
  select edition, row_number, variable, unit_key, value
  from typed_cells
  where source_id = 'bnetza_mastr'
),
levels as (
  select
    *,
    case when unit_key = 'DG000000' then 'germany' when unit_key like '__000000' then 'land' when unit_key like '%000' then 'district' else 'place' end as level
  from places
),
parts as (
  select edition, variable, case level when 'place' then left(unit_key, 5) || '000' when 'district' then left(unit_key, 2) || '000000' when 'land' then 'DG000000' end as unit_key, sum(value) as value
  from levels
  where level <> 'germany'
  group by all
),
sums as (
  select wholes.edition, wholes.row_number, wholes.variable, wholes.unit_key, wholes.value, parts.value as parts
  from levels as wholes
  join parts using (edition, variable, unit_key)
)
select
  'bnetza_mastr' as source_id, edition, row_number, 'a sum that is that of its parts' as expected,
  format('{}, {}: {:.0f} kW in the file, {:.0f} kW summed up', unit_key, variable, value, parts) as found
from sums
where abs(value - parts) > greatest(0.01 * value, 1)
