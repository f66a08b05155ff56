-- one row per edition year, municipality, funded project and role, for projects selected by the edition year
select
  places.edition_year, places.ags, places.name, funded.project_id, funded.project_name, funded.programme, funded.funder,
  funded.funder_level, funded.programme_scope, funded.call, cast(funded.year as smallint) as year, funded.role,
  funded.is_cooperation, funded.volume_eur, funded.volume_basis, funded.source_url
from core__funded_places as funded
join edition__places as places on places.ags = funded.ags and funded.year <= places.edition_year
