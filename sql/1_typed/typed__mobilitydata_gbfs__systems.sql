-- one row per shared-mobility system in Germany and year end; place_name without the country's code
select
  edition, row_number, system_name, system_id,
  nullif(trim(regexp_replace(location, ',?\s*z?DE$', '')), '') as place_name,
  case when nullif(trim(regexp_replace(location, ',?\s*z?DE$', '')), '') is null then 'no_place' end as reject_rule,
  'the list names only the country' as reject_reason
from raw__mobilitydata_gbfs
