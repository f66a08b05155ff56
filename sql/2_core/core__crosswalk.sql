-- one row per from_year, later to_year, and pair of a place of the one and a place of the other that holds (part of) it, both by AGS
-- only places whose key or territory changes between the two years: a place that is not in it is the same in both
-- to_year: the years of lists to 2019, every year from 2020; weights are the source's shares and sum to 1, also where nobody lives
-- 2013 to 2019 lead to 2020 at once, from there on year by year; a year before 2020 is found by what the two have in common in 2020:
-- of several places that came together, the one goes to the only one that is new or, if people live in it, has grown by its area; else
-- its weights are NULL
-- corrections.yml: bbsr_herrnschwende, bbsr_velten
-- has_people: somebody moves with it, also from a key that no list has; is_same: all inhabitants of the one and of the other; is_close:
-- the same key, and hardly any land or people (3 %, of the most that a list ever gave the places) came from or went elsewhere
with long as (
  select
    cast(year(source_date) as integer) as from_year, 2020 as to_year, source_ags,
    case when source_ags = '16068027' and target_ags = '16068064' then '16068058' else target_ags end as target_ags,
    area_weight, population_weight
  from typed__bbsr_umstieg_lang__pairs
),
typed as (
  select
    cast(year(source_date) as integer) as from_year, cast(year(target_date) as integer) as to_year, source_ags, target_ags,
    area_weight, population_weight,
    source_ags in ('12065251', '12065332') and target_ags in ('12065251', '12065332') as is_velten
  from typed__bbsr_umstieg__pairs
),
yearly as (
  select
    from_year, to_year, source_ags, target_ags,
    case
      when is_velten and from_year > 2020 then 1
      when is_velten and source_ags = '12065251' then case target_ags when '12065251' then 0.9996 else 0.0004 end
      else area_weight
    end as area_weight,
    case when is_velten and from_year > 2020 then 1 else population_weight end as population_weight
  from typed
  where not (is_velten and from_year > 2020 and source_ags <> target_ags)
),
raw_steps as (
  from long
  union all
  from yearly
  union all
  select cast(list_year - 1 as integer), cast(list_year as integer), source_ags, target_ags, area_weight, population_weight
  from core__territory_changes
  where list_year > (select max(to_year) from yearly)
),
given as (
  select
    *,
    cast(sum(cast(area_weight as decimal(18, 15))) over giver as double) as area_given,
    cast(sum(cast(population_weight as decimal(18, 15))) over giver as double) as population_given
  from raw_steps
  window giver as (partition by from_year, source_ags)
),
steps as materialized (
  select
    from_year, to_year, source_ags, target_ags,
    area_weight / area_given as area_weight,
    case
      when abs(population_given - 1) <= 0.001 then population_weight / population_given
      else area_weight / area_given
    end as population_weight
  from given
),
changing as materialized (
  select source_ags as ags from steps where source_ags <> target_ags
  union
  select target_ags from steps where source_ags <> target_ags
),
walked as (
  with recursive walk as (
    select key_year as from_year, key_year as to_year, ags as source_ags, ags as target_ags,
      cast(1 as double) as area_weight, cast(1 as double) as population_weight
    from core__territory_keys
    semi join changing using (ags)
    union all
    select
      walk.from_year, years.next_year, walk.source_ags, coalesce(steps.target_ags, walk.target_ags),
      walk.area_weight * coalesce(steps.area_weight, 1), walk.population_weight * coalesce(steps.population_weight, 1)
    from walk
    join (select distinct from_year as this_year, to_year as next_year from steps) as years on years.this_year = walk.to_year
    left join steps on steps.from_year = walk.to_year and steps.source_ags = walk.target_ags
  )
  select
    from_year, to_year, source_ags, target_ags,
    sum(area_weight order by area_weight) as area_weight,
    sum(population_weight order by population_weight) as population_weight
  from walk
  where to_year > from_year
  group by from_year, to_year, source_ags, target_ags
),
lists as (
  select list_year, ags, max(area_km2) as area_km2, max(population) as population
  from core__territory
  group by list_year, ags
),
early_years as (
  select starts.from_year, ends.list_year as to_year, max(befores.list_year) as list_before
  from (select distinct from_year from long) as starts
  join (select distinct list_year from lists) as ends on ends.list_year > starts.from_year and ends.list_year < 2020
  left join (select distinct list_year from lists) as befores on befores.list_year <= starts.from_year
  group by starts.from_year, ends.list_year
),
staying as (
  select early_years.from_year, early_years.to_year, places.ags
  from early_years
  join core__territory_keys as places on places.key_year = early_years.from_year
  semi join changing using (ags)
  semi join core__territory_keys as later on later.key_year = early_years.to_year and later.ags = places.ags
),
possible as (
  select
    early_years.from_year, early_years.to_year, gone.source_ags, gone.target_ags as key_2020, later.source_ags as target_ags,
    gone.area_weight, gone.population_weight,
    before.ags is null
      or own.population > 0 and ends.area_km2 - coalesce(starts.area_km2, 0) >= 0.9 * own.area_km2 as is_likely
  from early_years
  join steps as gone on gone.from_year = early_years.from_year
  semi join changing on changing.ags = gone.source_ags
  anti join staying
    on staying.from_year = early_years.from_year and staying.to_year = early_years.to_year and staying.ags = gone.source_ags
  join steps as later on later.from_year = early_years.to_year and later.target_ags = gone.target_ags
  left join lists as own on own.list_year = early_years.list_before and own.ags = gone.source_ags
  left join lists as starts on starts.list_year = early_years.list_before and starts.ags = later.source_ags
  left join lists as ends on ends.list_year = early_years.to_year and ends.ags = later.source_ags
  left join core__territory_keys as before on before.key_year = early_years.from_year and before.ags = later.source_ags
),
candidates as (
  select
    *,
    count(*) over part as candidates,
    count(*) filter (where is_likely) over part as likely
  from possible
  window part as (partition by from_year, to_year, source_ags, key_2020)
),
early as (
  select
    from_year, to_year, source_ags, target_ags,
    sum(case when candidates = 1 or likely = 1 then area_weight end order by area_weight) as area_weight,
    sum(case when candidates = 1 or likely = 1 then population_weight end order by population_weight) as population_weight
  from candidates
  where candidates = 1 or likely <> 1 or is_likely
  group by from_year, to_year, source_ags, target_ags
),
pairs as (
  from walked
  union all
  from early
  union all
  select from_year, to_year, ags, ags, 1, 1 from staying
),
people as (
  select ags, max(population) as population, max(area_km2) as area_km2
  from lists
  group by ags
),
peopled as (
  select
    pairs.*,
    population_weight * coalesce(sources.population, 1) as people,
    targets.population as target_people,
    targets.area_km2 as target_area,
    count(*) over giver as targets,
    count(*) over receiver as sources,
    count(*) filter (where coalesce(sources.population, 1) > 0 and population_weight > 0) over receiver as inhabited_sources,
    sum(cast(population_weight * sources.population as decimal(18, 6))) filter (where source_ags <> target_ags) over receiver as people_from_others,
    sum(cast(area_weight * sources.area_km2 as decimal(18, 6))) filter (where source_ags <> target_ags) over receiver as area_from_others
  from pairs
  left join people as sources on sources.ags = pairs.source_ags
  left join people as targets on targets.ags = pairs.target_ags
  window
    giver as (partition by from_year, to_year, source_ags),
    receiver as (partition by from_year, to_year, target_ags)
)
select
  from_year, cast(to_year as integer) as to_year, source_ags, target_ags, area_weight, population_weight,
  people > 0 as has_people,
  population_weight = 1 and people > 0 and inhabited_sources = 1 as is_same,
  source_ags = target_ags and least(area_weight, population_weight) >= 0.97
    and coalesce(people_from_others, 0) <= 0.03 * target_people and coalesce(area_from_others, 0) <= 0.03 * target_area as is_close
from peopled
where source_ags <> target_ags or targets > 1 or sources > 1
