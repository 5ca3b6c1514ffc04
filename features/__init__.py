"""What is measured at each pixel, written once in Earth Engine's own Python API: `ee` in, `ee` out.

Modules here import `ee` and each other only, and build nothing at import, since `ee` objects need an engine first.
"""
