-- one row per edition year, region and municipality in it
select
  members.edition_year, members.region_kind, members.region_key, regions.region_name, members.ags, places.name, members.role,
  members.named_as, members.source_url
from region__members as members
join region__units as regions using (edition_year, region_kind, region_key)
join edition__places as places using (edition_year, ags)
