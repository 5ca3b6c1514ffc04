"""`minecover demo`: a small simulated mining district, two pictures of it, and a whole run from raw scenes to a report.

What `script` holds is `ee` code that would run unchanged on Google's servers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from pipeline import durable

CONFIG = Path(__file__).with_name("demo.yaml")
YEAR, SIZE_KM, SCENES = 2021, 4.0, 24
TRUE_COLOUR = {"min": 0.02, "max": 0.3, "gamma": 1.2}
GREENNESS = {"min": 0, "max": 0.7, "palette": ["8c6a4f", "d9c79c", "f3efc3", "9cc46b", "3f8f3f", "0b4d1e"]}


def run(output: Path, until: str | None = None) -> Iterator[str]:
    """Lines that tell what was made, as it is made: a district, two pictures of it, and a whole run up to `until`."""
    from pipeline import engine, workflow
    from pipeline.config import read_config
    from pipeline.simulate.write import Wanted, simulate

    started = perf_counter()
    district, config = output / "district", output / CONFIG.name
    wanted = Wanted(SIZE_KM, YEAR, years=1, scenes=SCENES)
    for _ in simulate(district, wanted):
        pass
    yield f"A simulated mining district of {SIZE_KM:g} × {SIZE_KM:g} km, as satellites see it in {YEAR}: {district}"
    engine.connect("local", archive=district / "archive")
    grid = grid_of(wanted.place)
    for name, image, look in script():
        durable.write_bytes(output / name, picture(image, look, grid))
    engine.disconnect()
    yield f"Summer in true colour, and how green it is: {output / 'summer.png'}, {output / 'ndvi.png'}"
    durable.write_text(config, CONFIG.read_text("utf-8"))
    yield f"What is to be made of it, in a file to copy and change: {config}"
    yield ""
    yield from workflow.run(config, until)
    yield ""
    made = output / "run"
    if (made / "report.html").is_file():
        yield f"The report: {made / 'report.html'}"
        mapped = made / "maps" / read_config(config).classify.model
        yield f"The map: {mapped / 'map.png'}, and map.tif beside it for QGIS"
    yield f"All of it took {workflow.lasting(perf_counter() - started)}. Next, your own region: `minecover init` asks"
    yield "four questions and writes such a file, docs/ingest.md brings your scenes in, `minecover run FILE` does the"
    yield "rest."


def script() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Two pictures of the district's summer: a name, an image of its features, and how they are shown."""
    import ee

    import features

    place = ee.Geometry.Rectangle([110.065, 39.772, 110.112, 39.81])
    stack = features.stack(place, YEAR)
    yield "summer.png", stack.select(["summer_red", "summer_green", "summer_blue"]), TRUE_COLOUR
    yield "ndvi.png", stack.select("summer_NDVI"), GREENNESS


def picture(image: Any, look: dict[str, Any], grid: dict[str, Any]) -> bytes:
    """The image as a PNG; masked pixels are transparent."""
    import ee

    png: bytes = ee.data.computePixels({"expression": image.visualize(**look), "fileFormat": "PNG", "grid": grid})
    return png


def grid_of(place: Any) -> dict[str, Any]:
    """The district's pixels of 10 m, as Earth Engine wants a grid."""
    height, width = place.shape()
    return {
        "dimensions": {"width": width, "height": height},
        "affineTransform": {"scaleX": 10, "translateX": place.west, "scaleY": -10, "translateY": place.north},
        "crsCode": place.crs,
    }
