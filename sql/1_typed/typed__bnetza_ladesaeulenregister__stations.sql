-- one row per charging device and edition of the register; located_ags is the VG5000 outline around its coordinates
select
  stations.edition, stations.row_number, trim(stations.place_name) as place_name, stations.plz,
  trim(stations.land_name) as land_name, trim(stations.district_name) as district_name,
  number_of(replace(stations.latitude, ',', '.'), '.') as latitude,
  number_of(replace(stations.longitude, ',', '.'), '.') as longitude,
  cast(coalesce(try_strptime(stations.commissioned, '%d.%m.%Y'), cast(left(stations.commissioned, 10) as timestamp)) as date) as commissioned,
  cast(stations.points as integer) as points,
  stations.device_kind, trim(stations.status) as status,
  located.ags as located_ags,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__bnetza_ladesaeulenregister as stations
left join raw__located_stations as located using (edition, row_number)
