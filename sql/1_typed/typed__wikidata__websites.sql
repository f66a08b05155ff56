-- one row per item, key and website (NULL where the item has none)
select
  edition, row_number, item, ags, website,
  case when not regexp_full_match(ags, '(0[1-9]|1[0-6])\d{6}') then 'other_level' end as reject_rule,
  'the key is none of a municipality' as reject_reason
from raw__wikidata
