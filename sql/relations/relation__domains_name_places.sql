-- one row per list of domains that do not belong to the places beside them: 93 % contain the beginning of the place's name, half do by chance
with written as (
  select
    edition, row_number, domain, place_name,
    left(regexp_replace(replace(replace(replace(replace(lower(place_name), 'ß', 'ss'), 'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), '[^a-z]', '', 'g'), 4) as start
  from typed__german_gov_domains__domains
)
select
  'german_gov_domains' as source_id, edition, min(row_number) filter (where not contains(lower(domain), start)) as row_number,
  'domains with the beginning of their place, four in five' as expected,
  format('{} of {} without', count(*) filter (where not contains(lower(domain), start)), count(*)) as found
from written
group by edition
having count(*) filter (where not contains(lower(domain), start)) > 0.2 * count(*)
