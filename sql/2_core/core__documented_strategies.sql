-- one row per municipality with a strategy that a council adopted or the town published, from its first documented date
select
  ags,
  min(documented_date) as documented_date,
  arg_min(edition, (documented_date, row_number)) as edition,
  arg_min(row_number, (documented_date, row_number)) as row_number
from typed__facts_strategies__evidence
where ags is not null and status in ('adopted', 'published') and kind <> 'sector_strategy' and documented_date is not null
  and source_url like 'http%' -- written from memory is not documented
group by ags
