-- one row per domain of a municipality; land_code from the Land's two letters
select
  domains.edition, domains.row_number, domains.domain, trim(domains.place_name) as place_name, lands.land_code,
  case when lands.land_code is null then 'unknown_land' end as reject_rule,
  'the Land is not one of the 16 abbreviations' as reject_reason
from raw__german_gov_domains as domains
left join (
  values
    ('SH', '01'), ('HH', '02'), ('NI', '03'), ('HB', '04'), ('NW', '05'), ('HE', '06'), ('RP', '07'), ('BW', '08'),
    ('BY', '09'), ('SL', '10'), ('BE', '11'), ('BB', '12'), ('MV', '13'), ('SN', '14'), ('ST', '15'), ('TH', '16')
) as lands (land, land_code)
  on lands.land = domains.land
