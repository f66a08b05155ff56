-- one row per year and Land (or Germany) whose total in the file is not the sum of the districts above it
-- the Land stands beside its first district; "SONSTIGE" are cars of no district, and Germany is the sum of all
with cells as (
  select
    edition, row_number, variable, value, land,
    case when regexp_matches(trim(district), '^\d{5}\s') then 'district' when land like '%INSGESAMT' then 'total' else 'other' end as kind
  from typed_cells
  where source_id = 'kba_fz1' and value is not null
),
blocks as (
  select *, count(*) filter (where kind = 'total') over (partition by edition, variable order by row_number desc) as block
  from cells
),
lands as (
  select
    edition, variable, max(row_number) as row_number, max(land) filter (where kind = 'total') as label,
    max(value) filter (where kind = 'total') as total, coalesce(sum(value) filter (where kind = 'district'), 0) as districts
  from blocks
  where block > 0
  group by edition, variable, block
),
germany as (
  select
    edition, variable, max(row_number) filter (where land like 'DEUTSCHLAND%') as row_number, 'DEUTSCHLAND INSGESAMT' as label,
    max(value) filter (where land like 'DEUTSCHLAND%') as total,
    sum(value) filter (where kind = 'district' or land like 'SONSTIGE%') as districts
  from cells
  group by edition, variable
)
select
  'kba_fz1' as source_id, edition, row_number, 'a total that is the sum of its districts' as expected,
  format('{}, {}: {} in the file, {} summed up', label, variable, coalesce(format('{:.0f}', total), 'nothing'), coalesce(format('{:.0f}', districts), 'nothing')) as found
from (from lands where label not like 'DEUTSCHLAND%' union all by name from germany)
where total is null or total <> districts
