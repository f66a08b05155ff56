-- one row per year (every one from the long crosswalk's first to the newest list) and place that stood in it, by AGS
select cast(year(source_date) as integer) as key_year, source_ags as ags from typed__bbsr_umstieg_lang__pairs
union
select cast(year(source_date) as integer), source_ags from typed__bbsr_umstieg__pairs
union
select cast(year(target_date) as integer), target_ags from typed__bbsr_umstieg__pairs
union
select cast(list_year as integer), ags from core__territory where list_year >= (select max(year(target_date)) from typed__bbsr_umstieg__pairs)
