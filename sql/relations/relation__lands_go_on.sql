-- one row per Land, variable, level and date whose values do not go on from those of the date before as the other Länder's do
-- a file is often put together from the Länder's: one of them in other units, or with the values of the year before, is too little to be
-- seen in the whole column. In the real files a Land's sum moved by at most 13 times what all did (a new class of broadband), down to a fourth
-- (no Abitur in Niedersachsen in 2020); of 20 units and more at most half as many stay the same as may differ in the whole column
with measured as (
  select
    source_id, edition, level, variable, reference_date, left(unit_key, 2) as land, min(row_number) as row_number,
    count(*) filter (where value_before not in (0, 100)) as units,
    avg(cast(value = value_before as integer)) filter (where value_before not in (0, 100)) as same,
    sum(value) as total, sum(value_before) as total_before
  from typed_steps
  where level in ('municipality', 'association', 'district')
  group by all
),
compared as (
  select
    *,
    median(total / nullif(total_before, 0)) over (partition by source_id, level, variable, reference_date) as growth,
    max(total_before) over (partition by source_id, level, variable, reference_date) as most
  from measured
),
judged as (
  select compared.*, total / nullif(total_before * growth, 0) as growth_here, (1 + steady.same) / 2 as most_same
  from compared
  join frame__steady as steady using (source_id, level, variable)
  where not list_contains(steady.breaks, reference_date)
)
select
  source_id, edition, row_number,
  format('{} of {} in the Land {} that goes on as elsewhere ({})', variable, reference_date, land, complaint.expected) as expected,
  complaint.found
from judged
cross join unnest([
  case when units >= 20 and most_same < 0.9 and same > most_same then
    {expected: format('at most {:.3f} of the values unchanged', most_same), found: format('{:.3f} of {}: the content of another year?', same, units)} end,
  case when total_before > 0.001 * most and growth_here not between 1.0 / 15 and 30 then
    {expected: '1/15 to 30 times the growth of the others', found: format('{:.4f} times: {} after {}, another unit?', growth_here, total, total_before)} end
]) as complaints (complaint)
where complaint is not null
