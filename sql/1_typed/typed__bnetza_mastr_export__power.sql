-- one row per municipality, year end and technology: sum over the units in operation; kW
select
  power.edition, power.part, power.row_number, cast(null as varchar) as source_column,
  'municipality' as level, power.ags as unit_key, cast(null as varchar) as unit_name, editions.reference_date,
  power.carrier as variable, number_of(power.kw, '.') as value,
  case when power.rows_summed = 0 then 'true_zero' else 'reported' end as value_status,
  cast(null as varchar) as sign_raw,
  power.rows_summed,
  cast(null as varchar) as reject_rule, cast(null as varchar) as reject_reason
from raw__bnetza_mastr_export as power
join frame__editions as editions on editions.source_id = 'bnetza_mastr_export' and editions.edition = power.edition
