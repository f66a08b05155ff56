-- one row per municipality with a hospital site, and snapshot: beds per 1,000 inhabitants
-- a site without its number of beds leaves the sum unknown; a place without a site has no value, not zero
with sites as (
  select
    edition, ags, sum(beds) as beds, bool_or(beds is null) as is_unknown, min(row_number) as row_number
  from typed__klinik_atlas__sites
  where ags is not null
  group by edition, ags
)
select
  'municipality' as level, sites.ags as unit_key, editions.reference_date,
  case when not sites.is_unknown then 1000.0 * sites.beds / nullif(units.population, 0) end as value,
  case when not sites.is_unknown then cast(sites.beds as double) end as numerator,
  units.population as denominator,
  case
    when sites.is_unknown then 'not_collected'
    when nullif(units.population, 0) is null then 'no_denominator'
    else 'reported'
  end as value_status,
  sites.edition, sites.row_number
from sites
join frame__editions as editions on editions.source_id = 'klinik_atlas' and editions.edition = sites.edition
left join core__units as units
  on units.level = 'municipality' and units.unit_key = sites.ags and units.list_year = year(editions.reference_date)
