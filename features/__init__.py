"""What is measured at each pixel, written once in Earth Engine's own Python API: `ee` in, `ee` out.

    engine.connect("local", archive="data/archive")
    image = features.stack(ee.Geometry.Rectangle([110.0, 39.7, 110.2, 39.8]), 2021)

Modules here import `ee` and each other only, and build nothing at import, since `ee` objects need an engine first.
"""

from features.annual import aliases, observations, scenes, stack
from features.catalog import describe
from features.options import Options

__all__ = ["Options", "aliases", "describe", "observations", "scenes", "stack"]
