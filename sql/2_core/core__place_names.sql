-- one row per list year and name under which exactly one municipality can be meant, within Germany or within a Land
-- the name is the official one without its title ("Soest, Stadt") and without an addition in brackets
with names as (
  select list_year, ags, land_code, plain_name(name) as plain from core__municipalities
  union
  select list_year, ags, land_code, trim(regexp_replace(plain_name(name), '\s*\(.*\)', '')) from core__municipalities
),
scoped as (
  select list_year, '' as scope, plain, ags from names
  union
  select list_year, land_code, plain, ags from names
)
select list_year, scope, plain, min(ags) as ags
from scoped
group by list_year, scope, plain
having count(distinct ags) = 1
union
select distinct municipalities.list_year, '', plain_name(aliases.name), aliases.ags
from frame__aliases as aliases
join core__municipalities as municipalities on municipalities.ags = aliases.ags
