"""Where things lie: reference systems, geometries, grids, and pixels moved between them."""
