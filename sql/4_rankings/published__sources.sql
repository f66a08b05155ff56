-- one row per edition year and publisher file that it rests on
with purposes as (
  select edition_year, source_id, source_edition, string_agg(distinct purpose, ', ' order by purpose) as purpose
  from edition__inputs
  group by edition_year, source_id, source_edition
)
select
  cast(purposes.edition_year as smallint) as edition_year, receipts.source_id, receipts.edition, receipts.part,
  sources.title, sources.publisher, purposes.purpose, receipts.file, receipts.address, receipts.found_in, receipts.commit,
  cast(receipts.retrieved_at as varchar) as retrieved_at, receipts.reference_date, receipts.territory_date, receipts.bytes, receipts.sha256,
  receipts.licence, receipts.attribution, sources.page, sources.limits, receipts.note
from purposes
join receipts on receipts.source_id = purposes.source_id and receipts.edition = purposes.source_edition
join frame__sources as sources on sources.source_id = receipts.source_id
