-- one row per cell of a measure source: the number in it, or what its sign means there
-- no cell is rejected here; a table that leaves some out says which and why in reject_rule and reject_reason
-- an empty cell is not_collected; a text that is neither number nor declared sign keeps both NULL and stops the run
with read_cells as (
  select
    raw_cells.*,
    editions.reference_date as edition_date,
    trim(raw_cells.raw) as sign,
    number_of(raw_cells.raw, editions.decimal_mark) as number
  from raw_cells
  join frame__editions as editions using (source_id, edition)
)
select
  cells.source_id, cells.edition, cells.part, cells.row_number, cells.source_column,
  cells.level, cells.level_text, cells.unit_key, cells.unit_name, cells.region_id, cells.land, cells.district,
  coalesce(make_date(try_cast(cells.period as integer), 12, 31), cells.edition_date) as reference_date,
  cells.variable,
  case when signs.value_status is null then cells.number when signs.value_status = 'true_zero' then 0 end as value,
  case
    when signs.value_status is not null then signs.value_status
    when cells.sign is null then 'not_collected'
    when cells.number is not null then 'reported'
  end as value_status,
  case when signs.value_status is not null or cells.number is null then cells.sign end as sign_raw,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from read_cells as cells
left join frame__signs as signs
  on signs.source_id = cells.source_id and signs.edition = cells.edition and signs.sign = cells.sign
