-- one row per column of the Deutschlandatlas that does not go with the density of its places as in the real file, has another middle, or gaps
-- the atlas has one edition, so its columns are compared with the Gemeindeverzeichnis: where more people live per km2, lines are faster and ways shorter
-- a column beside the wrong keys keeps about half of the rank correlation, since neighbours in the list are neighbours on the map
with declared (variable, least, sign, middle_low, middle_high) as (
  values
    ('v_breitb50', 0.34, 1, 80.0, 100.0), ('v_breitb1000', 0.28, 1, 10.0, 40.0), ('p_selade', 0.40, -1, 7.0, 17.0),
    ('p_apo', 0.52, -1, 4.0, 9.0), ('p_nelade', 0.45, -1, 4.0, 9.0), ('luftrtng', 0.17, -1, 5.0, 11.0),
    ('p_poli', 0.35, -1, 6.0, 14.0), ('p_harzt', 0.48, -1, 3.0, 6.5)
),
density as (
  select ags, any_value(population / area_km2 order by edition) as density
  from typed__destatis_gv__units
  where record_type = '60' and population > 0 and area_km2 > 0 and year(territory_date) = 2019
  group by ags
),
cells as (
  select edition, part, variable, row_number, value, density
  from typed__bbsr_deutschlandatlas__values
  left join density on density.ags = unit_key
),
ranked as (
  select
    edition, part, variable, rank() over (partition by part, variable order by value) as value_rank,
    rank() over (partition by part, variable order by density) as density_rank
  from cells
  where value is not null and density is not null
),
measured as (
  select edition, variable, median(value) as middle, count(value) / count(*) as given
  from cells
  group by edition, variable
),
correlated as (
  select edition, variable, corr(value_rank, density_rank) as correlation from ranked group by edition, variable
)
select
  'bbsr_deutschlandatlas' as source_id, measured.edition, cast(null as bigint) as row_number,
  format('{} with a middle of {} to {}, values in 97.5 % of the rows and a rank correlation with density of {}', variable, middle_low, middle_high, sign * least) as expected,
  format('middle {:.3f}, values in {:.1f} %, rank correlation {:.3f}', middle, 100 * given, correlation) as found
from measured
join correlated using (edition, variable)
join declared using (variable)
where sign * correlation < least or middle not between middle_low and middle_high or given < 0.975
