-- one row per run of rows of one column whose values go on from those of the row above or below in the file, not from their own: a part of
-- the column slipped against its keys, too short to be seen in the whole column
-- in blocks of 100 rows those are counted that are nearer to the value that their neighbour had at the date before than to their own;
-- where values do not hang together over time as many are nearer to one as to the other, and nothing is said
with neighbours as (
  select
    *, (row_number() over in_file - 1) // 100 as block,
    abs(value - value_before) as off,
    abs(value - lag(value_before) over in_file) as off_above, abs(value - lead(value_before) over in_file) as off_below
  from typed_steps
  window in_file as (partition by source_id, edition, part, level, variable, reference_date order by row_number)
),
blocks as (
  select
    source_id, edition, level, variable, reference_date, min(row_number) as row_number, max(row_number) as last_row,
    count(*) filter (where off_above < off) as above, count(*) filter (where off_above > off) as not_above,
    count(*) filter (where off_below < off) as below, count(*) filter (where off_below > off) as not_below
  from neighbours
  group by source_id, edition, part, level, variable, reference_date, block
)
select
  source_id, edition, row_number,
  format('{} of {} in rows {} to {} that goes on from the same places before', variable, reference_date, row_number, last_row) as expected,
  format(
    '{} rows are nearer to what the place in the next row had, {} to their own: values slipped by a row?',
    greatest(above, below), case when above > below then not_above else not_below end
  ) as found
from blocks
join frame__steady as steady using (source_id, level, variable)
where not list_contains(steady.breaks, reference_date)
  and (above >= 30 and above > 3 * not_above or below >= 30 and below > 3 * not_below)
