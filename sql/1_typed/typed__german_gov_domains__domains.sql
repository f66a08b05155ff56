-- one row per domain of a municipality; land_code from the Land's two letters
select
  domains.edition, domains.row_number, domains.domain, trim(domains.place_name) as place_name, lands.land_code,
  case when lands.land_code is null then 'unknown_land' end as reject_rule,
  'the Land is not one of the 16 abbreviations' as reject_reason
from raw__german_gov_domains as domains
left join frame__lands as lands
  on lands.land = domains.land
