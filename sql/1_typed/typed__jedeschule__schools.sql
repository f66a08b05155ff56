-- one row per school and edition; land_code from the two letters of its id, ags is the VG5000 outline around it
select
  schools.edition, schools.part, schools.row_number, cast(schools.list_date as date) as list_date,
  lands.land_code, schools.school_type, schools.legal_status, located.ags,
  case when lands.land_code is null then 'unknown_land' end as reject_rule,
  'the id does not begin with the abbreviation of a Land' as reject_reason
from raw__jedeschule as schools
left join raw__located_schools as located using (edition, row_number)
left join (
  values
    ('SH', '01'), ('HH', '02'), ('NI', '03'), ('HB', '04'), ('NW', '05'), ('HE', '06'), ('RP', '07'), ('BW', '08'),
    ('BY', '09'), ('SL', '10'), ('BE', '11'), ('BB', '12'), ('MV', '13'), ('SN', '14'), ('ST', '15'), ('TH', '16')
) as lands (land, land_code)
  on lands.land = left(schools.school_id, 2)
