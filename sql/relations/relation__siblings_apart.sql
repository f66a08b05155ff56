-- one row per variable, level and date whose values go on better from those of another column of the same file than from their own: two columns in each other's place
-- of two columns that say nearly the same (students per inhabitant and per inhabitant of their age) the ranks are the same: there the common factor tells them apart
with ranked as (
  select
    source_id, edition, part, level, variable, reference_date, unit_key,
    rank() over (partition by source_id, level, variable, reference_date order by value) as place
  from typed_values
  where value is not null
),
columns_of_a_file as (
  select distinct source_id, part, variable from ranked
),
siblings as (
  select own.source_id, own.part, own.variable, others.variable as other
  from columns_of_a_file as own
  join columns_of_a_file as others using (source_id, part)
),
dates as (
  select *, lag(reference_date) over (partition by source_id, level, variable order by reference_date) as before
  from (select distinct source_id, level, variable, reference_date from ranked)
),
compared as (
  select
    newer.source_id, newer.level, newer.variable, newer.reference_date, siblings.other,
    min(newer.edition) as edition, corr(newer.place, older.place) as correlation
  from ranked as newer
  join dates using (source_id, level, variable, reference_date)
  join siblings on siblings.source_id = newer.source_id and siblings.part = newer.part and siblings.variable = newer.variable
  join ranked as older
    on older.source_id = newer.source_id and older.level = newer.level and older.reference_date = dates.before
    and older.unit_key = newer.unit_key and older.variable = siblings.other
  group by newer.source_id, newer.level, newer.variable, newer.reference_date, siblings.other
)
select
  own.source_id, own.edition, cast(null as bigint) as row_number,
  format('{} of {} that goes on from its own values before', own.variable, own.reference_date) as expected,
  format('rank correlation {:.3f} with itself, {:.3f} with {}', own.correlation, max(others.correlation), arg_max(others.other, others.correlation)) as found
from compared as own
join compared as others using (source_id, level, variable, reference_date)
join frame__steady as steady on steady.source_id = own.source_id and steady.level = own.level and steady.variable = own.variable
where own.other = own.variable and others.other <> own.variable and not list_contains(steady.breaks, own.reference_date)
group by own.source_id, own.edition, own.level, own.variable, own.reference_date, own.correlation
having max(others.correlation) > own.correlation + 0.005
