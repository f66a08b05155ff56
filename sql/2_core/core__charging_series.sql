-- one row per year end and district of that year's list: public charging points as the publisher of the register counts them by district
-- the series names districts of 31.12.2020; name (without blanks after a point and without what stands in brackets), kind (a town of its
-- own or not) and Land decide, where exactly one fits; a district taken over whole since (Eisenach) is added to the one that took it over
with named as (
  select
    units.unit_key, units.municipalities = 1 as is_town, plain_name(lands.name) as land,
    plain_name(regexp_replace(replace(names.name, '. ', '.'), '^Landkreis\s+|\s*\(.*\)', '', 'g')) as plain
  from core__units as units
  join core__unit_names as names on names.list_year = units.list_year and names.level = 'district' and names.unit_key = units.unit_key
  join core__unit_names as lands
    on lands.list_year = units.list_year and lands.level = 'land' and lands.unit_key = left(units.unit_key, 2)
  where units.list_year = 2020 and units.level = 'district'
),
series as (
  select
    *, regexp_matches(unit_name, '^(Kreisfreie Stadt|Stadtkreis) ') as is_town, plain_name(land_name) as land,
    plain_name(regexp_replace(replace(unit_name, '. ', '.'), '^(Landkreis|Kreisfreie Stadt|Stadtkreis|Kreis)\s+|\s*\(.*\)', '', 'g')) as plain
  from typed__bnetza_ladepunkte_kreise__points
),
matched as (
  select series.edition, series.part, series.row_number, series.reference_date, series.value, min(named.unit_key) as unit_key
  from series
  left join named using (is_town, land, plain)
  group by all
  having count(distinct named.unit_key) <= 1
),
taken_over as (
  select source_key, min(target_key) as target_key
  from core__unit_crosswalk
  where level = 'district' and from_year = 2020 and to_year = 2021 and source_key <> target_key and population_weight = 1
  group by source_key
)
select
  year(matched.reference_date) as list_year,
  case when year(matched.reference_date) > 2020 then coalesce(taken_over.target_key, matched.unit_key) else matched.unit_key end as district_key,
  sum(matched.value) as points, min(matched.edition) as edition, min(matched.part) as part, min(matched.row_number) as row_number
from matched
left join taken_over on taken_over.source_key = matched.unit_key
group by 1, 2
