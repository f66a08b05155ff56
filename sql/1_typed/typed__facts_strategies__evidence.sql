-- one row per place and evidence of a strategy; documented_date is the last day that the given date can mean
select
  edition, row_number, place_name, ags, entity_type, region_key, land, strategy_title, kind, status,
  case
    when length(date) = 10 then cast(date as date)
    when length(date) = 7 then last_day(cast(date || '-01' as date))
    when year is not null then make_date(cast(year as integer), 12, 31)
  end as documented_date,
  note, source_url,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__facts_strategies
