-- one row per day, municipality whose key ends or that gives a part, and municipality that receives (or keeps) a part of it
-- the day is the statistical one, from which the lists know the change; the list of list_year's end is the first to have it
-- weights are the shares of the giver that go to the receiver; a share of inhabitants only where the giver's parts have any, or where the
-- giver goes on and no inhabitant moves: then all stay (the rest of Fehrbellin has 0 inhabitants in the file)
-- left out is what leaves keys and area as they are: another name, another association
with moves as (
  select *
  from typed__destatis_changes__changes
  where is_dissolution or is_partial or source_ags is distinct from target_ags
),
parts as (
  select
    statistical_date, source_ags, target_ags,
    bool_or(is_dissolution or (is_key_change and not is_partial)) as is_end,
    sum(area_m2) as area_m2, sum(population) as population,
    min(edition) as edition, min(row_number) as row_number
  from moves
  group by statistical_date, source_ags, target_ags
),
weighted as (
  select
    *,
    count(*) over giver as parts,
    count(area_m2) over giver as parts_with_area,
    sum(area_m2) over giver as giver_area_m2,
    sum(population) over giver as giver_population,
    bool_or(source_ags = target_ags) over giver as is_going_on
  from parts
  window giver as (partition by statistical_date, source_ags)
)
select
  year(statistical_date) as list_year, statistical_date, source_ags, target_ags, is_end,
  source_ags = target_ags as is_rest,
  case
    when parts = 1 then 1.0
    when parts_with_area = parts then area_m2 / giver_area_m2
  end as area_weight,
  case
    when parts = 1 then 1.0
    when giver_population > 0 then population / giver_population
    when is_going_on then case when source_ags = target_ags then 1.0 else 0.0 end
  end as population_weight,
  edition, row_number
from weighted
