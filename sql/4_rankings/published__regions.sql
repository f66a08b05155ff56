-- one row per edition year and region (district, Land, digital co-operation): its members' scores in germany, weighted by inhabitants
select
  regions.edition_year, regions.region_kind, regions.region_key, regions.region_name, regions.lead_name, regions.programme,
  cast(regions.year as smallint) as year,
  cast(coalesce(scored.members, 0) as integer) as members, cast(coalesce(scored.members_scored, 0) as integer) as members_scored,
  cast(scored.population as integer) as population, scored.share_scored, scored.score, scored.score_potential, scored.score_implementation,
  cast(scored.rank as integer) as rank, scored.rank_p05, scored.rank_p50, scored.rank_p95, scored.score_p05, scored.score_p50, scored.score_p95,
  coalesce(scored.status, 'no_members') as status,
  coalesce(scored.reason, 'the source names no municipality, association or district') as reason
from region__units as regions
left join region__scores as scored using (edition_year, region_kind, region_key)
