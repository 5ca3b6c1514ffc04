"""minecover: land use in mining areas from satellite data."""
