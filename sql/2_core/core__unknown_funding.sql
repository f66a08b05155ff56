-- one row per municipality, edition year and reason why its absence from the lists of the Länder's winners says nothing
-- the evidence stands in the notes of facts/funding_projects.csv: a call whose list was found only in part, a winner named without its key
-- it holds for all years, so that no zero of an earlier year is carried into one in which nothing is known
with partial_lists (land_code, reason) as (
  values
    ('08', 'Digitale Zukunftskommune@bw, part B (2018): 50 places won, the full list was not found'),
    ('07', 'Interkommunales Netzwerk Digitale Stadt: 14 members by 2021, six are known')
),
unclear_winners as (
  select distinct plain_name(members.member_name) as plain, lands.land_code
  from typed__facts_funding__members as members
  join frame__lands as lands on lands.land = members.land
  where members.entity_type = 'Gemeinde' and members.ags is null
)
select places.list_year, places.ags, partial_lists.reason
from core__municipalities as places
join frame__years as years on years.edition_year = places.list_year
join partial_lists on partial_lists.land_code = places.land_code
union all
select places.list_year, places.ags, 'a winner of this name in the Land, and several places that bear it'
from core__municipalities as places
join frame__years as years on years.edition_year = places.list_year
join unclear_winners as winners on winners.land_code = places.land_code and winners.plain = plain_name(places.name)
