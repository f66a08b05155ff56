-- one row per municipality that the crawl found: 1, it has a domain of its own
-- the crawl has no known universe: a place that it does not name has no value, not zero
select
  'municipality' as level, ags as unit_key, reference_date,
  1.0 as value, 'reported' as value_status, min(edition) as edition, min(row_number) as row_number
from core__named_places
where source_id = 'german_gov_domains' and ags is not null
group by ags, reference_date
