-- one row per edition year, league and indicator or area that is left out: how far the ranks move
select
  units.edition_year, shifts.league, shifts.left_out_kind, shifts.left_out, shifts.weight, cast(shifts.places as integer) as places,
  shifts.shift_mean, shifts.shift_median, shifts.shift_p95, cast(shifts.shift_max as integer) as shift_max,
  units.ags, units.name, cast(shifts.rank as integer) as rank, cast(shifts.rank_without as integer) as rank_without
from quality__leave_out as shifts
join edition__places as units using (edition_year, ags_number)
