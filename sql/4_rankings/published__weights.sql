-- one row per edition year, indicator set and indicator: whether it is scored, its weight and its scale
select
  cast(edition_year as smallint) as edition_year, indicator_set, indicator_id, area, status, reason,
  coverage, weight, lower_bound, upper_bound, share_at_0, share_at_100
from score__indicator_status
