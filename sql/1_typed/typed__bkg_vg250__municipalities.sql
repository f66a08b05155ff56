-- one row per municipality (or area that belongs to none) and edition: its keys and its name without a title
-- the outline itself locates points and is not kept
select
  raw.edition, raw.row_number, raw.ags, raw.ars, trim(raw.name) as name, trim(raw.kind_name) as kind_name,
  editions.territory_date,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__bkg_vg250 as raw
join frame__editions as editions on editions.source_id = 'bkg_vg250' and editions.edition = raw.edition
