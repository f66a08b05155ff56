-- one row per entry of the list of endpoints: only the place that its title names
select
  edition, row_number, place_name, place_kind,
  case when place_kind in ('Kreis', 'Landkreis') then 'other_level' end as reject_rule,
  'a district, not a municipality' as reject_reason
from raw__oparl_endpoints
