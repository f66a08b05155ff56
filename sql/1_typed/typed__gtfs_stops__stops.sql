-- one row per stop or station and edition of the feed; ags is the VG5000 outline around its coordinates
select
  stops.edition, stops.part, stops.row_number, cast(stops.feed_date as date) as feed_date,
  number_of(stops.latitude, '.') as latitude, number_of(stops.longitude, '.') as longitude,
  located.ags,
  case when located.ags is null then 'not_located' end as reject_rule,
  'no municipality''s outline is around the coordinates' as reject_reason
from raw__gtfs_stops as stops
left join raw__located_stops as located using (edition, row_number)
