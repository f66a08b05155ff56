-- one row per edition year and run of source rows that were not used, with rule and reason
-- reading and typing: from the figures; matching: rows that name a place which is not exactly one municipality of the year
with unused as (
  select source_id, edition, part, row_first, row_last, rule, reason, raw from rejected
  union all
  select
    places.source_id, places.edition, null, places.row_number, places.row_number, 'unmatched_name', places.reason,
    case when sources.is_raw_shown then places.place_name end
  from core__named_places as places
  join frame__sources as sources using (source_id)
  where places.ags is null
  union all
  select
    places.source_id, places.edition, places.part, places.row_number, places.row_number, 'unmatched_name', places.reason,
    case when sources.is_raw_shown then places.district_key || ' ' || places.name end
  from core__kba_places as places
  join frame__sources as sources using (source_id)
  where places.ags is null
)
select
  cast(inputs.edition_year as smallint) as edition_year, unused.source_id, unused.edition, unused.part,
  unused.row_first, unused.row_last, unused.rule, unused.reason, unused.raw
from unused
join (select distinct edition_year, source_id, source_edition from edition__inputs) as inputs
  on inputs.source_id = unused.source_id and inputs.source_edition = unused.edition
union all
select
  cast(stations.list_year as smallint), 'bnetza_ladesaeulenregister', stations.edition, null,
  stations.row_number, stations.row_number, 'unmatched_place',
  'neither place and district name nor coordinates give one municipality', stations.place_name || ', ' || stations.district_name
from core__charging_stations as stations
where stations.ags is null
union all
select
  places.edition_year, 'facts_funding', funded.edition, null, funded.row_number, funded.row_number, 'other_territory',
  'the key is no municipality of this year', funded.member_name
from core__funded_places as funded
cross join (select distinct edition_year from edition__places) as places
where funded.ags is not null and funded.year <= places.edition_year
  and not exists (select 1 from edition__places as known where known.edition_year = places.edition_year and known.ags = funded.ags)
