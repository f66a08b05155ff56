-- one row per edition year, indicator set and area: whether it is scored, and if not, why
select cast(edition_year as smallint) as edition_year, indicator_set, area, status, reason, cast(indicators as integer) as indicators, weight
from score__area_status
