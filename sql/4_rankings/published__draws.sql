-- one row per edition year, draw and factor: the factor on a weight, or the choice, with which anyone can make the draw again
-- the noise of counts and gaps is a hash of seed, indicator, municipality and draw (composite/draws.py), so it needs no row
select
  cast(edition_year as smallint) as edition_year, cast(draw as integer) as draw, factor, name,
  value as multiplier, choice
from draw__parameters
