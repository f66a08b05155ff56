-- one row per edition year and source edition that its figures rest on
-- comparison: the publisher's own district series, beside which the charging points are put
-- territory: the lists decide what a place is, how many live there and whether a value's area is still the same
with values_used as (
  select distinct edition_year, source_id, source_edition, 'value' as purpose
  from edition__values
  join frame__indicators using (indicator_id)
  where value is not null and source_edition is not null
),
territory as (
  select distinct source_id, edition as source_edition, 'territory' as purpose
  from receipts
  where source_id in ('destatis_gv', 'destatis_gv100ad', 'destatis_population_2018', 'destatis_changes', 'bbsr_umstieg', 'bbsr_umstieg_lang', 'bkg_vg5000')
)
select edition_year, source_id, source_edition, purpose from values_used
union all
select years.edition_year, territory.source_id, territory.source_edition, territory.purpose
from frame__years as years
cross join territory
union all
select years.edition_year, receipts.source_id, receipts.edition, 'comparison'
from frame__years as years
cross join receipts
where receipts.source_id = 'bnetza_ladepunkte_kreise'
