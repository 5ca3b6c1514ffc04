"""The wire form of values: what value:compute answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.engine.collection import Collection, Feature
from pipeline.engine.image import Band, Image
from pipeline.engine.limits import unfolded
from pipeline.engine.reducer import Reducer
from pipeline.engine.space.geometry import Geometry
from pipeline.engine.values import (
    Array,
    Date,
    DateRange,
    ErrorMargin,
    Filter,
    Function,
    Join,
    Kernel,
    Opaque,
    PixelType,
    Projection,
)
from pipeline.errors import EngineError

MAX_ELEMENTS = 5000
MAX_WEIGHTS = 1_000_000


def to_wire(value: Any) -> Any:
    """The JSON form of a value; integral numbers without decimals, NaN and infinities by name."""
    return _form(unfolded(value, "Result"))


def _form(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, float, np.number, np.bool_)):
        return _number(value)
    if isinstance(value, (list, tuple)):
        return [_form(v) for v in value]
    if isinstance(value, dict):
        return {k: _form(v) for k, v in value.items()}
    for kind, rule in _RULES:
        if isinstance(value, kind):
            return rule(value)
    raise EngineError(f"A value of type {type(value).__name__} cannot be sent to the client.")


def _number(value: Any) -> Any:
    value = value.item() if isinstance(value, (np.number, np.bool_)) else value
    if isinstance(value, float):
        if not math.isfinite(value):  # JSON has no such numbers; protocol buffers write their names, and so do we
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        if value.is_integer() and abs(value) < 2**63:
            return int(value)
    return value


def pixel_type(kind: PixelType) -> dict[str, Any]:
    """`{"type": "PixelType", "precision", "min", "max", "dimensions"}`; unbounded limits are left out."""
    form: dict[str, Any] = {"type": "PixelType", "precision": kind.precision}
    if kind.min is not None and kind.max is not None:
        form |= {"min": _number(kind.min), "max": _number(kind.max)}
    if kind.dimensions:
        form["dimensions"] = kind.dimensions
    return form


def _band(band: Band) -> dict[str, Any]:
    form: dict[str, Any] = {"id": band.name, "data_type": pixel_type(band.type)}
    if band.window is not None:
        x, y, width, height = band.window
        form["dimensions"] = [width, height]
        if (x, y) != (0, 0):
            form["origin"] = [x, y]
    return form | {"crs": band.projection.crs, "crs_transform": [_number(t) for t in band.projection.transform]}


def _image(image: Image) -> dict[str, Any]:
    form: dict[str, Any] = {"type": "Image", "bands": [_band(b) for b in image.bands]}
    if image.asset is not None:
        form["id"] = image.asset
    if image.version is not None:
        form["version"] = image.version
    if image.properties:
        form["properties"] = to_wire(image.properties)
    return form


def _feature(feature: Feature) -> dict[str, Any]:
    properties = {k: v for k, v in feature.properties.items() if k != "system:index"}
    form = {
        "type": "Feature",
        "geometry": to_wire(feature.geometry),
        "properties": to_wire(properties),
    }
    return form if feature.id is None else form | {"id": str(feature.id)}


def _collection(collection: Collection) -> dict[str, Any]:
    elements = []
    for element in collection:
        elements.append(to_wire(element))
        if len(elements) > MAX_ELEMENTS:
            raise EngineError(f"Collection query aborted after accumulating over {MAX_ELEMENTS} elements.")
    form: dict[str, Any] = {"type": _kind(collection)}
    if collection.id is not None:
        form["id"] = collection.id
    if collection.version is not None:
        form["version"] = collection.version
    if form["type"] == "ImageCollection":
        form["bands"] = []
    else:
        form["columns"] = _columns(collection)
    if collection.properties:
        form["properties"] = to_wire(collection.properties)
    return form | {"features": elements}


def _kind(collection: Collection) -> str:
    """What the elements are, whatever they were mapped from; the declared kind of an empty collection."""
    first = next(iter(collection), None)
    if first is None:
        return collection.kind
    return "ImageCollection" if isinstance(first, Image) else "FeatureCollection"


def _columns(collection: Collection) -> dict[str, str]:
    from pipeline.engine.coerce import type_name

    first = next(iter(collection), None)
    if first is None:
        return {}
    columns = {"system:index": "String"}
    return columns | {name: type_name(value) for name, value in first.properties.items()}


def _projection(projection: Projection) -> dict[str, Any]:
    code = "wkt" if "[" in projection.crs else "crs"
    return {"type": "Projection", code: projection.crs, "transform": [_number(t) for t in projection.transform]}


def _date_range(dates: DateRange) -> dict[str, Any]:
    return {"type": "DateRange", "dates": [dates.start, dates.end]}


def _named(value: Filter | Join) -> dict[str, Any]:
    return {"type": value.name, **to_wire(value.args)}


def _reducer(reducer: Reducer) -> dict[str, Any]:
    return {"type": f"Reducer.{reducer.name}", "outputs": list(reducer.outputs)}


def _kernel(kernel: Kernel) -> dict[str, Any]:
    """Focus and rows of weights as text, of kernels that have weights before the pixel size is known."""
    form: dict[str, Any] = {"type": kernel.name}
    if kernel.in_metres:
        return form
    made = kernel.at(1.0)
    if made.weights.size > MAX_WEIGHTS:
        return form
    rows = "".join(f"\n  {row}" for row in made.weights.tolist())
    return form | {"center": [made.x, made.y], "weights": rows}


_RULES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (Image, _image),
    (Feature, _feature),
    (Collection, _collection),
    (Geometry, lambda g: to_wire(g.geojson())),
    (Array, lambda a: to_wire(a.data.tolist())),
    (np.ndarray, lambda a: to_wire(a.tolist())),
    (PixelType, pixel_type),
    (Projection, _projection),
    (Date, lambda d: {"type": "Date", "value": d.millis}),
    (DateRange, _date_range),
    (ErrorMargin, lambda m: {"type": "ErrorMargin", "unit": m.unit, "value": m.value}),
    (Filter, _named),
    (Join, _named),
    (Kernel, _kernel),
    (Reducer, _reducer),
    (Function, lambda f: {"type": "Algorithm", "arguments": list(f.arguments)}),
    (Opaque, lambda o: to_wire(o.args.get("array", {"type": o.type}))),
    (bytes, lambda b: b.decode("utf-8", "replace")),
)
