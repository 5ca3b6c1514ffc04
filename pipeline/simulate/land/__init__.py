"""The land of a simulated district: relief, mines, towns, roads, water and plants, painted by rules."""

from pipeline.simulate.land.years import lands

__all__ = ["lands"]
