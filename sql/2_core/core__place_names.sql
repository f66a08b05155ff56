-- one row per list year, scope and name under which exactly one municipality can be meant
-- scope: '' is Germany, two digits are a Land, 'town' and 'village' are the places with and without the title of a town
-- a place is meant by its official name without the title ("Soest, Stadt") or without an addition in brackets or after a slash;
-- not where another place's name begins with it: "Freiburg" is neither Freiburg (Elbe) nor Freiburg im Breisgau until an alias says so
-- within a Land a longer name does not stand in the way ("Berg" beside "Berg bei Neumarkt"), an addition in brackets does
with names as (
  select
    list_year, ags, land_code, case when text_kind in ('61', '62', '63', '67') then 'town' else 'village' end as kind,
    plain_name(name) as official, plain_name(regexp_replace(name, '\s*[(/].*$', '')) as short
  from core__municipalities
  where list_year in (select edition_year from frame__years)
),
scoped as (
  select list_year, ags, official, short, unnest(['', land_code, kind]) as scope
  from names
),
written as (
  select list_year, scope, official as plain, ags, false as is_start from scoped
  union all
  select list_year, scope, short, ags, false from scoped
  union all
  select list_year, scope, array_to_string(words[1:number], ' '), ags, true
  from (select list_year, scope, ags, string_split(official, ' ') as words from scoped) as split
  cross join unnest(range(1, array_length(words))) as starts (number)
),
bearers as (
  select
    list_year, scope, plain, min(ags) as first_ags, max(ags) as last_ags,
    min(ags) filter (where not is_start) as first_whole_ags, max(ags) filter (where not is_start) as last_whole_ags
  from written
  group by list_year, scope, plain
)
select list_year, scope, plain, first_whole_ags as ags
from bearers
where first_whole_ags = last_whole_ags and (first_ags = last_ags or length(scope) = 2)
