-- one row per variable, level and date whose values do not go on from those of the date before, within what the source declares as steady
-- told apart: a rank correlation that collapses (values beside the wrong keys), a common factor (other units), values that stay the same
-- (an old file under a new name), values that are missing or new in number (a half-empty column), one place that leaps while the others stand
with counted as (
  select
    source_id, level, variable, reference_date, min(edition) as edition, count(*) as cells, count(value) as given,
    median(value) filter (where value > 0) as middle
  from typed_values
  group by all
),
dates as (
  select
    *, lag(reference_date) over series as before, lag(cells) over series as cells_before, lag(given) over series as given_before
  from counted
  window series as (partition by source_id, level, variable order by reference_date)
),
pairs as (
  select
    dates.*, steps.row_number, steps.unit_key, steps.value_before as old, steps.value as new,
    case when steps.value + dates.middle > 0 and steps.value_before + dates.middle > 0
      then ln((steps.value + dates.middle) / (steps.value_before + dates.middle)) end as growth
  from dates
  join typed_steps as steps using (source_id, level, variable, reference_date)
),
ranked as (
  select
    *, rank() over (column_of order by old) as old_rank, rank() over (column_of order by new) as new_rank,
    abs(growth - median(growth) over (column_of)) as leap
  from pairs
  window column_of as (partition by source_id, level, variable, reference_date)
),
measured as (
  select
    source_id, level, variable, reference_date, any_value(edition) as edition, any_value(before) as before,
    any_value(cells) as cells, any_value(given) as given, any_value(cells_before) as cells_before, any_value(given_before) as given_before,
    corr(old_rank, new_rank) as correlation, median(new / nullif(old, 0)) as ratio,
    avg(cast(new = old as integer)) filter (where old not in (0, 100)) as same,
    exp(max(leap)) as leap, arg_max(unit_key, leap) as leap_unit, arg_max(row_number, leap) as leap_row, arg_max(old, leap) as leap_old, arg_max(new, leap) as leap_new
  from ranked
  group by source_id, level, variable, reference_date
),
judged as (
  select
    measured.*, steady.correlation as least_correlation, steady.ratio_low, steady.ratio_high, steady.same as most_same,
    steady.coverage as coverage_change, steady.leap as most_leap
  from measured
  join frame__steady as steady using (source_id, level, variable)
  where not list_contains(steady.breaks, measured.reference_date)
)
select
  source_id, edition, case when complaint.is_leap then leap_row end as row_number,
  format('{} of {} that goes on from {} ({})', variable, reference_date, before, complaint.expected) as expected,
  complaint.found
from judged
cross join unnest([
  case when correlation < least_correlation then
    {is_leap: false, expected: format('rank correlation of at least {}', least_correlation), found: format('{:.3f}: values stand beside the wrong keys?', correlation)} end,
  case when ratio not between ratio_low and ratio_high then
    {is_leap: false, expected: format('{} to {} times the values before', ratio_low, ratio_high), found: format('{:.4f} times in the middle: another unit?', ratio)} end,
  case when same > most_same then
    {is_leap: false, expected: format('at most {} of the values unchanged', most_same), found: format('{:.3f}: the content of another year under this label?', same)} end,
  case when abs(given / given_before - 1) > coverage_change then
    {is_leap: false, expected: format('as many values within {}', coverage_change), found: format('{} of {} after {} of {}', given, cells, given_before, cells_before)} end,
  case when leap > most_leap then
    {is_leap: true, expected: format('no place alone by more than {} times', most_leap), found: format('{}: {} after {}', leap_unit, leap_new, leap_old)} end
]) as complaints (complaint)
where complaint is not null
