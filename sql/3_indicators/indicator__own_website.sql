-- one row per municipality whose item has a website, and snapshot: 1
-- volunteers write the items: a place whose item has no website, or that has no item, has no value, not zero
select
  'municipality' as level, websites.ags as unit_key, editions.reference_date,
  1.0 as value, 'reported' as value_status, websites.edition, min(websites.row_number) as row_number
from typed__wikidata__websites as websites
join frame__editions as editions on editions.source_id = 'wikidata' and editions.edition = websites.edition
where websites.website is not null
group by websites.ags, websites.edition, editions.reference_date
