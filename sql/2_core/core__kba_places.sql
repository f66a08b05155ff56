-- one row per municipality row of FZ 3 and FZ 27: the municipality that its name means in its registration district, or NULL with a reason
-- names are compared as words: upper case, AE OE UE SS for umlauts and ß, other accents off, ST for SANKT, signs between words
-- a word with a full stop stands for any word that begins with it ("A.D.STEIGE"); ",BAD" behind a name stands before it
-- its beginning is compared first, since a pattern of its own per pair costs most of the time
-- the first step in which exactly one municipality fits decides: the whole name with its title, the name before the title,
-- the name of the list without what follows in brackets or after a slash; a district that is one municipality needs no name
-- the office of 07211 also serves 07235 (corrections.yml: kba_trier); the list is the newest before the day of the count
with listed as (
  select 'kba_fz3' as source_id, edition, part, row_number, ags as given_ags, district_key, name, reference_date from typed__kba_fz3__cars
  union
  select 'kba_fz27', edition, part, row_number, null, district_key, name, reference_date from typed__kba_fz27__cars
),
dated as (
  select listed.*, max(lists.list_year) as list_year
  from listed
  join (select distinct list_year from core__municipalities) as lists
    on make_date(lists.list_year, 12, 31) < listed.reference_date
  group by all
),
-- BAD behind the name comes first; a title without a comma is one too
tidied as (
  select
    *,
    regexp_replace(regexp_replace(upper(name), '^([^,]*),\s*BAD\b', 'BAD \1'), '(\s|\.)(ST|M)\.?$', '\1,\2.') as tidy
  from dated
),
written as (
  select
    tidied.*, step.number as step, name_pattern(step.form) as pattern, name_words(step.form) as words,
    split_part(name_pattern(step.form), '[', 1) as beginning,
    count(*) over (partition by source_id, edition, part, list_year, district_key, step.number) as rows_of_district
  from tidied
  cross join unnest([{'number': 1, 'form': tidy}, {'number': 2, 'form': regexp_replace(tidy, ',.*$', '')}]) as steps (step)
),
candidates as (
  select
    list_year, ags, case district_key when '07235' then '07211' else district_key end as district_key,
    name_words(form.name) as words, name_pattern(form.name) as pattern,
    split_part(name_pattern(form.name), '[', 1) as beginning, form.step, form.rank
  from core__municipalities
  semi join (select distinct list_year from dated) as counted_years using (list_year)
  cross join unnest([
    {'step': 1, 'rank': 1, 'name': name},
    {'step': 2, 'rank': 2, 'name': regexp_replace(name, ',.*$', '')},
    {'step': 2, 'rank': 3, 'name': regexp_replace(name, '\s/\s.*$|,.*$', '')},
    {'step': 2, 'rank': 4, 'name': regexp_replace(name, '\s*/.*$|,.*$', '')},
    {'step': 2, 'rank': 5, 'name': regexp_replace(name, '\s*[/(].*$|,.*$', '')}
  ]) as forms (form)
),
single as (
  select list_year, district_key, min(ags) as ags
  from candidates
  group by list_year, district_key
  having count(distinct ags) = 1
),
pairs as (
  select written.source_id, written.edition, written.part, written.row_number, candidates.rank, candidates.ags
  from written
  join candidates using (list_year, district_key, step, words)
  union
  select written.source_id, written.edition, written.part, written.row_number, candidates.rank, candidates.ags
  from written
  join candidates using (list_year, district_key, step)
  where written.pattern <> written.words
    and case when starts_with(candidates.words, written.beginning) then regexp_full_match(candidates.words, written.pattern) end
  union
  select written.source_id, written.edition, written.part, written.row_number, candidates.rank, candidates.ags
  from written
  join candidates using (list_year, district_key, step)
  where candidates.pattern <> candidates.words
    and case when starts_with(written.words, candidates.beginning) then regexp_full_match(written.words, candidates.pattern) end
),
fitting as (
  select source_id, edition, part, row_number, rank, min(ags) as ags, count(distinct ags) as places
  from pairs
  group by source_id, edition, part, row_number, rank
),
named as (
  select source_id, edition, part, row_number, arg_min(ags, rank) as ags
  from fitting
  where places = 1
  group by source_id, edition, part, row_number
),
meant as (
  select
    written.source_id, written.edition, written.part, written.row_number, written.reference_date, written.list_year,
    written.district_key, written.name,
    coalesce(written.given_ags, case when written.rows_of_district = 1 then single.ags end, named.ags) as ags
  from written
  left join named using (source_id, edition, part, row_number)
  left join single on single.list_year = written.list_year and single.district_key = written.district_key
  where written.step = 1
),
counted as (
  select *, count(*) over (partition by source_id, edition, ags) as rows_of_place from meant
)
select
  source_id, edition, part, row_number, reference_date, list_year, district_key, name,
  case when rows_of_place = 1 then ags end as ags,
  case
    when ags is null then 'no municipality of the district fits this name, or several do'
    when rows_of_place > 1 then 'several rows fit one municipality'
  end as reason
from counted
