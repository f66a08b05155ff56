-- one row per municipality of the newest list and edition year: what the edition says of it, where it is still the same place
-- comparable: 99 % of its inhabitants of that year lived in one place, and 99 % of that place's; its scores and ranks are that place's
-- else scores and ranks are NULL with the reason: a mean of the parts would be a place that nobody scored
-- inhabitants move by the crosswalk's shares, so that their sum stays what it was; in an uninhabited area (66) lives nobody, listed or not
with newest as (
  select ags, name
  from core__municipalities
  where list_year = (select max(list_year) from core__municipalities)
),
links as (
  select from_year, source_ags, target_ags, population_weight
  from core__crosswalk
  where to_year = (select max(list_year) from core__municipalities)
),
people as (
  select
    years.edition_year, territory.ags,
    max(case when territory.text_kind = '66' then coalesce(territory.population, 0) else territory.population end) as population
  from core__territory as territory
  join frame__years as years on years.edition_year = territory.list_year
  group by years.edition_year, territory.ags
),
pairs as (
  select
    people.edition_year, people.ags as source_ags, coalesce(links.target_ags, people.ags) as ags,
    coalesce(links.population_weight, 1) as weight, coalesce(links.population_weight, 1) * people.population as population
  from people
  left join links on links.from_year = people.edition_year and links.source_ags = people.ags
),
moved as (
  select
    edition_year, ags,
    case when count(population) = count(*) then sum(population order by source_ags) end as population,
    arg_max(source_ags, row(population, source_ags)) as main_ags,
    max(population) as main_population,
    arg_max(weight, row(population, source_ags)) as main_weight,
    string_agg(
      source_ags || case when weight < 1 then format(' ({:.4f})', weight) else '' end, ', ' order by source_ags
    ) filter (where population > 0) as predecessors
  from pairs
  group by edition_year, ags
),
placed as (
  select
    years.edition_year, newest.ags, newest.name, moved.population as population_moved,
    case when moved.predecessors is distinct from newest.ags then moved.predecessors end as predecessors,
    case
      when moved.main_population >= 0.99 * moved.population and moved.main_weight >= 0.99 then cast(moved.main_ags as integer)
    end as ags_number,
    case
      when moved.population is null then 'its inhabitants of that year are not known'
      when moved.main_weight < 0.99 then format('{:.1f} % of {} live elsewhere today', 100 * (1 - moved.main_weight), moved.main_ags)
      else format('{:.1f} % of its inhabitants lived in other places', 100 * (1 - moved.main_population / moved.population))
    end as reason
  from newest
  cross join frame__years as years
  left join moved on moved.ags = newest.ags and moved.edition_year = years.edition_year
),
ranks as (
  select
    edition_year, ags_number,
    max(status) filter (where league = 'germany') as status,
    max(reason) filter (where league = 'germany') as reason,
    max(rank) filter (where league = 'germany') as rank_germany,
    max(rank) filter (where league = 'city_30k') as rank_city_30k,
    max(rank) filter (where league = 'size_0_5k') as rank_size_0_5k,
    max(rank) filter (where league = 'size_5_20k') as rank_size_5_20k,
    max(rank) filter (where league = 'size_20_50k') as rank_size_20_50k,
    max(rank) filter (where league = 'size_50_100k') as rank_size_50_100k,
    max(rank) filter (where league = 'size_100_500k') as rank_size_100_500k,
    max(rank) filter (where league = 'size_500k') as rank_size_500k
  from (select edition_year, ags_number, league, status, reason, cast(rank as integer) as rank from score__ranks)
  group by edition_year, ags_number
),
areas as (
  select
    edition_year, ags_number,
    max(score) filter (where area = 'strategy') as score_strategy,
    max(score) filter (where area = 'administration') as score_administration,
    max(score) filter (where area = 'infrastructure') as score_infrastructure,
    max(score) filter (where area = 'mobility') as score_mobility,
    max(score) filter (where area = 'energy_environment') as score_energy_environment,
    max(score) filter (where area = 'buildings') as score_buildings,
    max(score) filter (where area = 'health') as score_health,
    max(score) filter (where area = 'education') as score_education,
    max(score) filter (where area = 'society_economy') as score_society_economy,
    max(score) filter (where area = 'tourism') as score_tourism
  from score__areas
  where league = 'germany'
  group by edition_year, ags_number
)
select
  cast(placed.edition_year as smallint) as edition_year, placed.ags, placed.name, placed.population_moved,
  placed.ags_number is not null as is_comparable, placed.predecessors,
  case when ranks.status = 'ranked' then units.score end as score,
  case when ranks.status = 'ranked' then units.score_potential end as score_potential,
  case when ranks.status = 'ranked' then units.score_implementation end as score_implementation,
  areas.* exclude (edition_year, ags_number),
  ranks.* exclude (edition_year, ags_number, status, reason),
  case when placed.ags_number is null then placed.reason when ranks.status = 'ranked' then '' else ranks.reason end as reason
from placed
left join ranks on ranks.edition_year = placed.edition_year and ranks.ags_number = placed.ags_number
left join score__units as units
  on units.indicator_set = 'every_place' and units.edition_year = ranks.edition_year and units.ags_number = ranks.ags_number
left join areas on areas.edition_year = ranks.edition_year and areas.ags_number = ranks.ags_number
