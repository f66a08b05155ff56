"""stadtrang: publishers' bytes in, a yearly ranking of every German municipality out."""

__version__ = "0.1.0"
