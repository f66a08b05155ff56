-- one row per municipality that a data set names, and snapshot: open data sets on GovData
-- many municipal data sets name no area: a place without any has no value, not zero; a key that ends in seven zeros may be a district's, so the lists decide
select
  'municipality' as level, datasets.ags as unit_key, editions.reference_date,
  cast(count(distinct datasets.dataset_id) as double) as value, 'reported' as value_status,
  datasets.edition, min(datasets.row_number) as row_number
from typed__govdata__datasets as datasets
join frame__editions as editions on editions.source_id = 'govdata' and editions.edition = datasets.edition
semi join core__units as units on units.level = 'municipality' and units.unit_key = datasets.ags
group by datasets.ags, datasets.edition, editions.reference_date
