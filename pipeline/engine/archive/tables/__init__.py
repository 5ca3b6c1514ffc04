"""How STAC APIs' collections, assets and properties map to Earth Engine's: one YAML file an API."""
