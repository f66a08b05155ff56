-- one row per municipality in Nordrhein-Westfalen that has data sets on Open.NRW in spring 2020: how many
-- towns with a portal of their own are missing there: a place that is not named has no value, not zero
select
  'municipality' as level, ags as unit_key, reference_date,
  cast(count(*) as double) as value, 'reported' as value_status, min(edition) as edition, min(row_number) as row_number
from core__named_places
where source_id = 'musterdatenkatalog' and ags is not null
group by ags, reference_date
