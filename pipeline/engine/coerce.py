"""Coercion: what Earth Engine silently turns into the declared type of an argument, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.engine.collection import Collection, Feature, features, images
from pipeline.engine.image import Image
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
    named_type,
)
from pipeline.errors import EngineError

if TYPE_CHECKING:
    from pipeline.engine.session import Session

_REFUSED = object()


def coerce(value: Any, declared: str, where: str, session: Session) -> Any:
    """The value as the declared type; `where` ("Image.add, argument 'image1'") names the place in errors."""
    if value is None:
        return None
    base, _, inner = declared.removesuffix(">").partition("<")
    rule = _RULES.get(base)
    if rule is None:
        return value
    result = rule(value, session)
    if result is _REFUSED:
        raise EngineError(
            f"{where}: Invalid type.\nExpected type: {declared}.\nActual type: {type_name(value)}.\n"
            f"Actual value: {_short(value)}"
        )
    if base == "List" and inner not in ("", "Object"):
        return [coerce(v, inner, where, session) for v in result]
    if base == "Dictionary" and inner not in ("", "Object"):
        return {k: coerce(v, inner, where, session) for k, v in result.items()}
    return result


def type_name(value: Any) -> str:
    """What Earth Engine calls the type of a value (ee.Algorithms.ObjectType)."""
    from pipeline.engine.space.geometry import Geometry

    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, float) and not value.is_integer():
        return "Float"
    if isinstance(value, (int, float)):
        return "Integer" if -(2**31) <= value < 2**31 else "Long"
    if isinstance(value, Collection):
        return value.kind
    if isinstance(value, Opaque):
        return value.type
    if isinstance(value, Geometry):
        return str(value.shape.geom_type)
    for kind, name in _NAMES:
        if isinstance(value, kind):
            return name
    return type(value).__name__


_NAMES: tuple[tuple[type, str], ...] = (
    (str, "String"),
    (list, "List"),
    (dict, "Dictionary"),
    (Function, "Algorithm"),
    (Image, "Image"),
    (Feature, "Feature"),
    (Array, "Array"),
    (Date, "Date"),
    (DateRange, "DateRange"),
    (ErrorMargin, "ErrorMargin"),
    (Projection, "Projection"),
    (PixelType, "PixelType"),
    (Filter, "Filter"),
    (Join, "Join"),
    (Kernel, "Kernel"),
    (type(None), "Null"),
)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _number(value: Any, session: Session) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Array) and value.data.ndim == 0:
        return value.data.item()
    return value if _is_number(value) else _REFUSED


def _integer(value: Any, session: Session) -> Any:
    number = _number(value, session)
    if isinstance(number, float):
        return int(number) if number.is_integer() else _REFUSED
    return number


def _string(value: Any, session: Session) -> Any:
    return value if isinstance(value, str) else _REFUSED


def _boolean(value: Any, session: Session) -> Any:
    return bool(value) if _is_number(value) else _REFUSED


def _list(value: Any, session: Session) -> Any:
    if isinstance(value, Array):
        return np.atleast_1d(value.data).tolist()
    if isinstance(value, (str, int, float)):
        return [value]
    return list(value) if isinstance(value, (list, tuple)) else _REFUSED


def _dictionary(value: Any, session: Session) -> Any:
    return value if isinstance(value, dict) else _REFUSED


def _image(value: Any, session: Session) -> Any:
    if isinstance(value, Image):
        return value
    if isinstance(value, str):
        return session.call("Image.load", {"id": value})
    if _is_number(value) or isinstance(value, (Array, list)):
        return session.call("Image.constant", {"value": value})
    return _REFUSED


def _image_collection(value: Any, session: Session) -> Any:
    if isinstance(value, Collection):
        return value
    if isinstance(value, str):
        return session.call("ImageCollection.load", {"id": value})
    if isinstance(value, Image):
        return images([value])
    if isinstance(value, list) and all(isinstance(v, Image) for v in value):
        return images(value)
    return _REFUSED


def _feature_collection(value: Any, session: Session) -> Any:
    if isinstance(value, Collection):
        return value
    if isinstance(value, str):
        return session.call("Collection.loadTable", {"tableId": value})
    if isinstance(value, list):
        return features([coerce(v, "Element", "FeatureCollection", session) for v in value])
    element = _element(value, session)
    return element if element is _REFUSED else features([element])


def _element(value: Any, session: Session) -> Any:
    from pipeline.engine.space.geometry import Geometry, from_geojson

    if isinstance(value, (Feature, Image, Collection)):
        return value
    if isinstance(value, Geometry):
        return Feature(value)
    if isinstance(value, dict) and value.get("type") == "Feature":
        geometry = value.get("geometry")
        return Feature(from_geojson(geometry) if geometry else None, value.get("properties") or {})
    return _REFUSED


def _feature(value: Any, session: Session) -> Any:
    return _REFUSED if isinstance(value, Collection) else _element(value, session)


def _geometry(value: Any, session: Session) -> Any:
    from pipeline.engine.space.geometry import Geometry, footprint, from_geojson

    if isinstance(value, Geometry):
        return value
    if isinstance(value, Collection):
        return session.call("Collection.geometry", {"collection": value})
    if isinstance(value, (Feature, Image)):
        place = footprint(value)
        return _REFUSED if place is None else place
    if isinstance(value, dict) and "type" in value:
        return from_geojson(value)
    return _REFUSED


def _date(value: Any, session: Session) -> Any:
    if isinstance(value, Date):
        return value
    if isinstance(value, DateRange) and value.start is not None:
        return Date(value.start)
    if _is_number(value) or isinstance(value, str):
        return session.call("Date", {"value": value})
    if isinstance(value, dict) and value.get("type") == "Date":
        return Date(int(value["value"]))
    return _REFUSED


def _date_range(value: Any, session: Session) -> Any:
    if isinstance(value, DateRange):
        return value
    if isinstance(value, (Date, str)) or _is_number(value):
        return session.call("DateRange", {"start": value})
    if isinstance(value, list) and len(value) == 2:
        return session.call("DateRange", {"start": value[0], "end": value[1]})
    return _REFUSED


def _projection(value: Any, session: Session) -> Any:
    if isinstance(value, Projection):
        return value
    if isinstance(value, str):
        return session.call("Projection", {"crs": value})
    if isinstance(value, dict) and value.get("type") == "Projection":
        return session.call("Projection", {"crs": value.get("crs", value.get("wkt")), "transform": value["transform"]})
    return _REFUSED


def _error_margin(value: Any, session: Session) -> Any:
    if isinstance(value, ErrorMargin):
        return value
    if _is_number(value):
        return ErrorMargin(value)
    if isinstance(value, dict) and value.get("type") == "ErrorMargin":
        return ErrorMargin(value.get("value"), value.get("unit", "meters"))
    return _REFUSED


def _array(value: Any, session: Session) -> Any:
    if isinstance(value, Array):
        return value
    if _is_number(value) or isinstance(value, list):
        return session.call("Array", {"values": value})
    return _REFUSED


def _pixel_type(value: Any, session: Session) -> Any:
    if isinstance(value, PixelType):
        return value
    if isinstance(value, str):
        try:
            return named_type(value)
        except KeyError:
            return _REFUSED
    if isinstance(value, dict) and value.get("type") == "PixelType":
        return PixelType(value["precision"], value.get("min"), value.get("max"), value.get("dimensions", 0))
    return _REFUSED


def _filter(value: Any, session: Session) -> Any:
    if isinstance(value, str):
        from pipeline.engine.language.filterstring import parse

        return parse(value)
    return value if isinstance(value, Filter) else _REFUSED


def _reducer(value: Any, session: Session) -> Any:
    from pipeline.engine.reducer import Reducer

    return value if isinstance(value, Reducer) else _REFUSED


def _instance(kind: type) -> Callable[[Any, Session], Any]:
    return lambda value, session: value if isinstance(value, kind) else _REFUSED


def _opaque(name: str) -> Callable[[Any, Session], Any]:
    return lambda value, session: value if isinstance(value, Opaque) and value.type == name else _REFUSED


_RULES: dict[str, Callable[[Any, Session], Any]] = {
    "Number": _number,
    "Float": _number,
    "Integer": _integer,
    "Long": _integer,
    "String": _string,
    "Boolean": _boolean,
    "List": _list,
    "Dictionary": _dictionary,
    "Image": _image,
    "ImageCollection": _image_collection,
    "FeatureCollection": _feature_collection,
    "Feature": _feature,
    "Element": _element,
    "Geometry": _geometry,
    "Rectangle": _geometry,
    "Date": _date,
    "DateRange": _date_range,
    "Projection": _projection,
    "ErrorMargin": _error_margin,
    "Array": _array,
    "PixelType": _pixel_type,
    "Filter": _filter,
    "Reducer": _reducer,
    "Algorithm": _instance(Function),
    "Kernel": _instance(Kernel),
    "Join": _instance(Join),
    "Blob": _opaque("Blob"),
    "ConfusionMatrix": _opaque("ConfusionMatrix"),
    "Classifier": _opaque("Classifier"),
    "Clusterer": _opaque("Clusterer"),
}
