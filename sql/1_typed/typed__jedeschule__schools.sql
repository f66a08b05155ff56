-- one row per school and edition; land_code from the two letters of its id, ags is the VG5000 outline around it
select
  schools.edition, schools.part, schools.row_number, cast(schools.list_date as date) as list_date,
  lands.land_code, schools.school_type, schools.legal_status, located.ags,
  case when lands.land_code is null then 'unknown_land' end as reject_rule,
  'the id does not begin with the abbreviation of a Land' as reject_reason
from raw__jedeschule as schools
left join raw__located_schools as located using (edition, row_number)
left join frame__lands as lands
  on lands.land = left(schools.school_id, 2)
