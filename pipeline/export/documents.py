"""What other programs read: STAC items and their collection, virtual rasters over all tiles, and the manifest.

No times of day and no chance in any of them: the same stack has the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any
from xml.sax.saxutils import escape

from rasterio import __gdal_version__
from shapely.geometry import mapping

from features import catalog
from pipeline import durable
from pipeline.artifacts.ledger import Entry, fingerprint
from pipeline.artifacts.manifest import BandRecord, Manifest
from pipeline.export import report
from pipeline.export.pixels import Part
from pipeline.export.plan import COUNTS, Plan
from pipeline.region import Tile, box_around, outline

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
JSON = "application/json"
EXTENSIONS = [
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
]
COLLECTION, ITEMS = "collection.json", "items"
GDAL_TYPES = {"float32": "Float32", "uint16": "UInt16"}


def write_all(plan: Plan, finished: Mapping[str, Entry]) -> None:
    """Nothing; the documents stand in the stack's folder, the manifest last: where it is, the stack is whole."""
    folder = plan.wish.folder
    items = [_item(plan, tile, finished) for tile in plan.layout.tiles]
    durable.make_folders(folder / ITEMS, folder)
    for item in items:
        durable.write_text(folder / ITEMS / f"{item['id']}.json", _text(item))
    durable.write_text(folder / COLLECTION, _text(_collection(plan, items)))
    stack = [p for p in plan.parts if p.name != COUNTS]
    durable.write_text(folder / "stack.vrt", "\n".join(_vrt(plan, stack)) + "\n")
    counts = [p for p in plan.parts if p.name == COUNTS]
    durable.write_text(folder / "counts.vrt", "\n".join(_vrt(plan, counts)) + "\n")
    _manifest(plan, finished).write(folder)


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _units(plan: Plan) -> dict[str, str]:
    """The unit of each band, by name; counts have none."""
    return {b.name: b.feature.unit for b in catalog.bands(plan.options.aspect)}


def _manifest(plan: Plan, finished: Mapping[str, Entry]) -> Manifest:
    units = _units(plan)
    records = [BandRecord(b, units.get(b, "1"), p.name, i) for p in plan.parts for i, b in enumerate(p.bands, 1)]
    shares = {p.name: report.masked(p.bands, finished, p.name) for p in plan.parts if p.name != COUNTS}
    return Manifest(
        grid=plan.layout.grid,
        tile=plan.layout.side,
        tiles=tuple((t.row, t.column) for t in plan.layout.tiles),
        bands=tuple(r for r in records if r.part != COUNTS),
        counts=tuple(r for r in records if r.part == COUNTS),
        region=plan.wish.region.geojson,
        year=plan.wish.year,
        seasons={name: (w.start, w.end) for name, w in plan.seasons.items()},
        options=asdict(plan.options),
        engine=plan.parameters["engine"],
        scenes=plan.scenes,
        fingerprint=fingerprint(plan.parameters),
        software={
            **{name: version(name) for name in ("minecover", "earthengine-api", "numpy", "rasterio")},
            "gdal": __gdal_version__,
        },
        masked={name: round(sum(s.values()) / len(s), 6) for name, s in shares.items()},
        notes=(*plan.wish.region.notes, *plan.notes),
    )


def _item(plan: Plan, tile: Tile, finished: Mapping[str, Entry]) -> dict[str, Any]:
    """The STAC item of a tile, one asset a part."""
    grid = plan.layout.of(tile)
    around = outline((grid,))
    start, end = _span(plan)
    projection = {
        "proj:code": grid.crs,
        "proj:shape": [grid.height, grid.width],
        "proj:transform": list(grid.transform),
        "proj:bbox": list(grid.bounds),
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": EXTENSIONS,
        "id": tile.name,
        "collection": _name(plan),
        "geometry": mapping(around.geoms[0] if len(around.geoms) == 1 else around),
        "bbox": list(box_around(around)),
        "properties": {"datetime": start, "start_datetime": start, "end_datetime": end, **projection},
        "links": [{"rel": rel, "href": f"../{COLLECTION}", "type": JSON} for rel in ("root", "parent", "collection")],
        "assets": {p.name: {**_asset(plan, p, finished[f"{p.name}/{tile.name}"]), **projection} for p in plan.parts},
    }


def _asset(plan: Plan, part: Part, entry: Entry) -> dict[str, Any]:
    units = _units(plan)
    kind: dict[str, Any] = {"data_type": part.dtype}
    if part.name != COUNTS:
        kind["nodata"] = "nan"
    return {
        "href": f"../{entry.file}",
        "type": COG,
        "roles": ["data" if part.name != COUNTS else "metadata"],
        "eo:bands": [{"name": name} for name in part.bands],
        "raster:bands": [{**kind, **({"unit": units[name]} if name in units else {})} for name in part.bands],
        "file:size": entry.bytes,
        "file:checksum": f"1220{entry.sha256}",
    }


def _collection(plan: Plan, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    links = [{"rel": "root", "href": f"./{COLLECTION}", "type": JSON}]
    links += [{"rel": "item", "href": f"./{ITEMS}/{item['id']}.json", "type": JSON} for item in items]
    around = outline(tuple(plan.layout.of(t) for t in plan.layout.tiles))
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": _name(plan),
        "title": f"{plan.wish.region.name} {plan.wish.year}",
        "description": f"Features of {plan.wish.region.name} in {plan.wish.year}, on one grid in tiles.",
        "license": "proprietary",
        "extent": {
            "spatial": {"bbox": [list(box_around(around))]},
            "temporal": {"interval": [list(_span(plan))]},
        },
        "links": links,
    }


def _name(plan: Plan) -> str:
    return f"stack-{plan.wish.year}"


def _span(plan: Plan) -> tuple[str, str]:
    windows = plan.seasons.values()
    return f"{min(w.start for w in windows)}T00:00:00Z", f"{max(w.end for w in windows)}T00:00:00Z"


def _vrt(plan: Plan, parts: Sequence[Part]) -> Iterator[str]:
    """A virtual raster of all bands of the parts over all tiles, by relative paths."""
    grid = plan.layout.grid
    a, b, c, d, e, f = grid.transform
    yield f'<VRTDataset rasterXSize="{grid.width}" rasterYSize="{grid.height}">'
    yield f'  <SRS dataAxisToSRSAxisMapping="1,2">{escape(grid.crs)}</SRS>'
    yield f"  <GeoTransform>{c!r}, {a!r}, {b!r}, {f!r}, {d!r}, {e!r}</GeoTransform>"
    bands = [(part, index, name) for part in parts for index, name in enumerate(part.bands, 1)]
    for number, (part, index, name) in enumerate(bands, 1):
        yield f'  <VRTRasterBand dataType="{GDAL_TYPES[part.dtype]}" band="{number}" blockXSize="256" blockYSize="256">'
        yield f"    <Description>{escape(name)}</Description>"
        if part.name != COUNTS:
            yield "    <NoDataValue>nan</NoDataValue>"
        for tile in plan.layout.tiles:
            yield from _source(part, index, tile)
        yield "  </VRTRasterBand>"
    yield "</VRTDataset>"


def _source(part: Part, index: int, tile: Tile) -> Iterator[str]:
    size = f'xSize="{tile.width}" ySize="{tile.height}"'
    yield "    <SimpleSource>"
    yield f'      <SourceFilename relativeToVRT="1">{part.name}/{tile.name}.tif</SourceFilename>'
    yield f"      <SourceBand>{index}</SourceBand>"
    yield (
        f'      <SourceProperties RasterXSize="{tile.width}" RasterYSize="{tile.height}" '
        f'DataType="{GDAL_TYPES[part.dtype]}" BlockXSize="256" BlockYSize="256"/>'
    )
    yield f'      <SrcRect xOff="0" yOff="0" {size}/>'
    yield f'      <DstRect xOff="{tile.x}" yOff="{tile.y}" {size}/>'
    yield "    </SimpleSource>"
