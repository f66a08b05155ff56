-- one row per municipality's outline; the geometry itself is used when points are located and is not kept
select
  edition, row_number, ags, name,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__bkg_vg5000__attributes
