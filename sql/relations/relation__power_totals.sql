-- one row per year end, technology and Land, district or Germany whose sum in the file is not that of the places in it
-- districts are the keys that end in 000, Länder those that end in 000000; a town that is its own district stands once
-- a hundredth is left for plants that the register knows only by their Land or district
with places as (
  select edition, row_number, variable, unit_key, value
  from typed_cells
  where source_id = 'bnetza_mastr'
),
sums as (
  select wholes.edition, wholes.row_number, wholes.variable, wholes.unit_key, wholes.value, sum(parts.value) as parts
  from places as wholes
  join places as parts
    on parts.edition = wholes.edition and parts.variable = wholes.variable and parts.unit_key <> wholes.unit_key
    and case
      when wholes.unit_key = 'DG000000' then parts.unit_key like '__000000'
      when wholes.unit_key like '__000000' then left(parts.unit_key, 2) = left(wholes.unit_key, 2) and parts.unit_key like '%000'
      else left(parts.unit_key, 5) = left(wholes.unit_key, 5)
    end
  where wholes.unit_key like '%000'
  group by all
)
select
  'bnetza_mastr' as source_id, edition, row_number, 'a sum that is that of its parts' as expected,
  format('{}, {}: {:.0f} kW in the file, {:.0f} kW summed up', unit_key, variable, value, parts) as found
from sums
where abs(value - parts) > greatest(0.01 * value, 1)
