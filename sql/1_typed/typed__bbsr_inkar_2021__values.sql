-- one row per association or district, year and indicator; units differ by indicator
select
  cells.edition, cells.part, cells.row_number, cells.source_column,
  regions.level, regions.unit_key, regions.unit_name, cells.reference_date,
  cells.variable, cells.value, cells.value_status, cells.sign_raw,
  case when regions.unit_key is null then 'out_of_scope' end as reject_rule,
  'neither association nor district' as reject_reason
from typed_cells as cells
left join typed__bbsr_inkar_2021__regions as regions using (region_id)
where cells.source_id = 'bbsr_inkar_2021'
