-- one row per association or district and year: German Index of Socioeconomic Deprivation, 0 to 1
select level, unit_key, reference_date, value, value_status, sign_raw, edition, part, row_number
from typed__rki_gisd__scores
where variable = 'gisd'
