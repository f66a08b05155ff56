-- one row per year, measure and Land or Germany whose total in the file is not the sum of its districts
-- a district that was dissolved stands on with a zero or a sign; a suppressed number may be missing from the sum
with cells as (
  select edition, part, row_number, reference_date, variable, unit_key, coalesce(value, 0) as value
  from typed_cells
  where source_id = 'regionalstatistik'
),
sums as (
  select wholes.edition, wholes.row_number, wholes.reference_date, wholes.variable, wholes.unit_key, wholes.value, sum(parts.value) as parts
  from cells as wholes
  join cells as parts
    on parts.edition = wholes.edition and parts.part = wholes.part
    and parts.reference_date = wholes.reference_date and parts.variable = wholes.variable
    and case
      when wholes.unit_key = 'DG' then length(parts.unit_key) = 2 and parts.unit_key <> 'DG'
      else length(parts.unit_key) = 5 and left(parts.unit_key, 2) = wholes.unit_key
    end
  where wholes.unit_key = 'DG' or length(wholes.unit_key) = 2
  group by all
)
select
  'regionalstatistik' as source_id, edition, row_number, 'a total that is the sum of its districts' as expected,
  format('{} of {}, {}: {} in the file, {} summed up', variable, year(reference_date), unit_key, value, parts) as found
from sums
where abs(value - parts) > 1
