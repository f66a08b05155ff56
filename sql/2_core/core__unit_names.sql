-- one row per list year and district (5 characters) or Land (2 characters): its name as the list writes it
with named as (
  select year(territory_date) as list_year, record_type, district_key, land_code, name, row_number from typed__destatis_gv__units
  union all
  select year(territory_date), record_type, district_key, land_code, name, row_number from typed__destatis_gv100ad__units
)
select list_year, 'district' as level, district_key as unit_key, arg_min(name, row_number) as name
from named
where record_type = '40'
group by list_year, district_key
union all
select list_year, 'land', land_code, arg_min(name, row_number)
from named
where record_type = '10'
group by list_year, land_code
