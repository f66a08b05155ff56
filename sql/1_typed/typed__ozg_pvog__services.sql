-- one row per service and area that reports it; is_online: the link to its online service answers, NULL where none is reported
-- unit_level by the key alone: a key that ends in seven zeros is a district, a district town or (all but two zeros) a Land
select
  edition, row_number, ars, leika_key, active, coverage, cast(as_of as date) as as_of,
  case online_status when 'ok' then true when 'nicht ok' then false end as is_online,
  case
    when right(ars, 3) <> '000' then 'municipality'
    when substr(ars, 6, 4) <> '0000' then 'association'
    else 'district'
  end as unit_level,
  case when right(ars, 10) = '0000000000' and left(ars, 2) not in ('02', '11') then 'other_level' end as reject_rule,
  'a Land, not a municipality' as reject_reason
from raw__ozg_pvog
