-- one row per municipality with a strategy that a council adopted or the town published, from its first documented date
-- one event counts once: what only says that a programme asks for a strategy (programme_condition) is the funding's own event, and a page
-- that is the evidence of the place's funding is none of its strategy too
select
  strategies.ags,
  min(strategies.documented_date) as documented_date,
  arg_min(strategies.edition, (strategies.documented_date, strategies.row_number)) as edition,
  arg_min(strategies.row_number, (strategies.documented_date, strategies.row_number)) as row_number
from typed__facts_strategies__evidence as strategies
anti join typed__facts_funding__members as members
  on members.ags = strategies.ags and members.source_url = strategies.source_url
where strategies.ags is not null and strategies.status in ('adopted', 'published') and strategies.kind <> 'sector_strategy'
  and strategies.documented_date is not null
  and strategies.source_url like 'http%' -- written from memory is not documented
group by strategies.ags
