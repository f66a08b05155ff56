-- one row per hospital site: its beds, and the municipality whose VG5000 outline is around it (NULL: none)
with numbered as (
  select *, row_number() over (partition by edition, site order by row_number) as repeat
  from raw__klinik_atlas
)
select
  sites.edition, sites.row_number, sites.city, cast(sites.beds as integer) as beds, located.ags,
  case when sites.repeat > 1 then 'repeated' end as reject_rule,
  'the same site a second time' as reject_reason
from numbered as sites
left join raw__located_hospitals as located using (edition, row_number)
