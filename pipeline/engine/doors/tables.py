"""Feature collections as files: CSV, GeoJSON, KML, KMZ and Shapefiles; and as pages of GeoJSON features."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO
from xml.sax.saxutils import escape, quoteattr

from pipeline.engine.collection import Collection, Feature
from pipeline.engine.wire import to_wire
from pipeline.errors import EngineError

MEDIA = {
    "CSV": ("text/csv", "csv"),
    "GEO_JSON": ("application/json", "geojson"),
    "KML": ("application/vnd.google-earth.kml+xml", "kml"),
    "KMZ": ("application/vnd.google-earth.kmz", "kmz"),
    "SHP": ("application/zip", "zip"),
}
# Features without a geometry get an empty MultiPoint, as in Earth Engine's own tables (seen in users' files).
NO_GEOMETRY = {"type": "MultiPoint", "coordinates": []}
SHAPEFILE_NAME = 10


def table_format(value: str | None) -> str:
    """The file format, checked."""
    name = "CSV" if value in (None, "TABLE_FILE_FORMAT_UNSPECIFIED") else str(value)
    name = {"GEOJSON": "GEO_JSON", "JSON": "GEO_JSON"}.get(name, name)
    if name not in MEDIA:
        raise EngineError(
            f"The table format '{name[:60]}' is not available in the local engine. Use one of {', '.join(MEDIA)}."
        )
    return name


def as_features(value: Any) -> Iterable[Feature]:
    """The features of a table: of a FeatureCollection, or of an ImageCollection's footprints and properties."""
    from pipeline.engine.image import Image
    from pipeline.engine.space.geometry import footprint

    if isinstance(value, Feature):
        value = [value]
    elif not isinstance(value, Collection):
        raise EngineError(f"A table needs a FeatureCollection, not {type(value).__name__}.")
    for element in value:
        yield Feature(footprint(element), element.properties) if isinstance(element, Image) else element


def geojson(feature: Feature) -> dict[str, Any]:
    """The feature as RFC 7946 has it: planar edges in EPSG:4326, `system:index` as id."""
    properties = {k: v for k, v in feature.properties.items() if k != "system:index"}
    form = {"type": "Feature", "geometry": geometry(feature), "properties": to_wire(properties)}
    return form if feature.id is None else form | {"id": str(feature.id)}


def geometry(feature: Feature) -> dict[str, Any] | None:
    """The feature's geometry in longitude and latitude with planar edges, as plain GeoJSON."""
    if feature.geometry is None:
        return None
    form = feature.geometry.to("EPSG:4326", geodesic=False).geojson()
    return {k: v for k, v in form.items() if k not in ("geodesic", "evenOdd", "crs")}


def columns(features: Sequence[Feature], selectors: Sequence[str] | None) -> list[str]:
    """The columns of a table: the selectors, else `system:index`, all properties as they first occur, and `.geo`."""
    if selectors:
        return list(selectors)
    names = dict.fromkeys(name for f in features for name in f.properties if name != "system:index")
    return ["system:index", *names, ".geo"]


def write(value: Any, file_format: str, selectors: Sequence[str] | None, path: Path) -> list[Path]:
    """The files made at `path` (its suffix is replaced); a Shapefile is several."""
    features = list(as_features(value))
    if file_format == "SHP":
        return _shapefile(features, selectors, path)
    target = path.with_name(f"{path.name}.{MEDIA[file_format][1]}")
    if file_format == "KMZ":
        text = io.StringIO()
        _kml(features, selectors, text)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("doc.kml", text.getvalue())
        return [target]
    with open(target, "w", encoding="utf-8", newline="") as file:
        _TEXT[file_format](features, selectors, file)
    return [target]


def _csv(features: list[Feature], selectors: Sequence[str] | None, file: TextIO) -> None:
    names = columns(features, selectors)
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(names)
    for feature in features:
        rows.writerow([_cell(feature, name) for name in names])


def _cell(feature: Feature, name: str) -> Any:
    if name == ".geo":
        return json.dumps(geometry(feature) or NO_GEOMETRY, separators=(",", ":"))
    value = to_wire(feature.properties.get(name))
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def _geojson(features: list[Feature], selectors: Sequence[str] | None, file: TextIO) -> None:
    file.write('{"type":"FeatureCollection","features":[')
    for i, feature in enumerate(features):
        file.write(("," if i else "") + json.dumps(_selected(geojson(feature), selectors), allow_nan=False))
    file.write("]}")


def _selected(form: dict[str, Any], selectors: Sequence[str] | None) -> dict[str, Any]:
    if not selectors:
        return form
    properties = {name: form["properties"].get(name) for name in selectors if name not in (".geo", "system:index")}
    return form | {"properties": properties, "geometry": form["geometry"] if ".geo" in selectors else None}


def _kml(features: list[Feature], selectors: Sequence[str] | None, file: TextIO) -> None:
    file.write('<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>')
    for feature in features:
        form = geojson(feature)
        names = selectors or list(form["properties"])
        file.write(f"<Placemark id={quoteattr(str(feature.id or ''))}><ExtendedData>")
        for name in names:
            value = form["properties"].get(name)
            if value is not None:
                file.write(f"<Data name={quoteattr(name)}><value>{escape(str(value))}</value></Data>")
        file.write("</ExtendedData>" + _kml_geometry(form["geometry"]) + "</Placemark>")
    file.write("</Document></kml>\n")


def _kml_geometry(form: dict[str, Any] | None) -> str:
    if form is None:
        return ""
    kind = form["type"]
    if kind == "GeometryCollection":
        return f"<MultiGeometry>{''.join(map(_kml_geometry, form['geometries']))}</MultiGeometry>"
    coordinates = form["coordinates"]
    if kind.startswith("Multi"):
        parts = ({"type": kind.removeprefix("Multi"), "coordinates": c} for c in coordinates)
        return f"<MultiGeometry>{''.join(map(_kml_geometry, parts))}</MultiGeometry>"
    if kind == "Polygon":
        rings = [_kml_line("LinearRing", ring) for ring in coordinates]
        inner = "".join(f"<innerBoundaryIs>{ring}</innerBoundaryIs>" for ring in rings[1:])
        return f"<Polygon><outerBoundaryIs>{rings[0]}</outerBoundaryIs>{inner}</Polygon>" if rings else ""
    return _kml_line(kind, [coordinates] if kind == "Point" else coordinates)


def _kml_line(tag: str, positions: list[list[float]]) -> str:
    text = " ".join(",".join(map(str, p)) for p in positions)
    return f"<{tag}><coordinates>{text}</coordinates></{tag}>"


_TEXT = {"CSV": _csv, "GEO_JSON": _geojson, "KML": _kml}


def _shapefile(features: list[Feature], selectors: Sequence[str] | None, path: Path) -> list[Path]:
    """The parts of a Shapefile beside `path`: one kind of geometry only, names cut to ten characters."""
    import geopandas

    forms = [_selected(geojson(f), [*selectors, ".geo"] if selectors else None) for f in features]
    kinds = {str(f["geometry"]["type"]).removeprefix("Multi") for f in forms if f["geometry"]}
    if len(kinds) != 1:
        raise EngineError(
            f"A Shapefile holds one kind of geometry; found {', '.join(sorted(kinds)) or 'none'}. "
            f"Filter the collection, or export GEO_JSON."
        )
    for form in forms:
        values = form["properties"]
        form["properties"] = {k: json.dumps(v) if isinstance(v, (list, dict)) else v for k, v in values.items()}
    frame = geopandas.GeoDataFrame.from_features(forms, crs="EPSG:4326")
    frame = frame.rename(columns=_short_names([c for c in frame.columns if c != "geometry"]))
    frame.to_file(path.with_name(path.name + ".shp"), driver="ESRI Shapefile", engine="pyogrio")
    return sorted(p for p in path.parent.iterdir() if p.stem == path.name)


def _short_names(names: Sequence[str]) -> dict[str, str]:
    short: dict[str, str] = {}
    for name in names:
        cut, number = name[:SHAPEFILE_NAME], 1
        while cut in short.values():
            tail = f"_{number}"
            cut, number = name[: SHAPEFILE_NAME - len(tail)] + tail, number + 1
        short[name] = cut
    return short


def encode(value: Any, file_format: str, selectors: Sequence[str] | None, name: str) -> bytes:
    """One file's bytes for a download; the parts of a Shapefile in a zip."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        files = write(value, file_format, selectors, Path(folder) / name)
        if len(files) == 1:
            return files[0].read_bytes()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.name)
        return packed.getvalue()
