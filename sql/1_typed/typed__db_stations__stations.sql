-- one row per railway station; land_code from the Land's name; category 1 (largest) to 7
-- a postcode of four digits has lost its zero
select
  stations.edition, stations.row_number, cast(stations.station_number as integer) as station_number, trim(stations.station) as station,
  lpad(stations.plz, 5, '0') as plz, trim(stations.place_name) as place_name, lands.land_code,
  cast(stations.category as integer) as category,
  case when lands.land_code is null then 'unknown_land' end as reject_rule,
  'the Land is none of the 16' as reject_reason
from raw__db_stations as stations
left join (
  values
    ('Schleswig-Holstein', '01'), ('Hamburg', '02'), ('Niedersachsen', '03'), ('Bremen', '04'), ('Nordrhein-Westfalen', '05'),
    ('Hessen', '06'), ('Rheinland-Pfalz', '07'), ('Baden-Württemberg', '08'), ('Bayern', '09'), ('Saarland', '10'),
    ('Berlin', '11'), ('Brandenburg', '12'), ('Mecklenburg-Vorpommern', '13'), ('Sachsen', '14'), ('Sachsen-Anhalt', '15'),
    ('Thüringen', '16')
) as lands (land_name, land_code)
  on lands.land_name = trim(stations.land_name)
