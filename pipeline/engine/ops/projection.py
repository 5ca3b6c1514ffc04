"""Projections and error margins: how Earth Engine makes, scales and prints them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pipeline.engine.space import crs as crs_
from pipeline.engine.values import ErrorMargin, Projection
from pipeline.errors import EngineError

_UNITS = ("meters", "projected", "infinite")
_ELEMENTS = ("elt_0_0", "elt_0_1", "elt_0_2", "elt_1_0", "elt_1_1", "elt_1_2")
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_PARAMETER = re.compile(r'PARAMETER\s*\[\s*"(\w+)"\s*,\s*([-+\d.eE]+)\s*\]')


def _projection(crs: Any, transform: list[Any] | None, transform_wkt: str | None) -> Projection:
    """A projection from a code, WKT or another projection; its transform is replaced where one is given."""
    if transform is not None and transform_wkt is not None:
        raise EngineError("Projection: give either 'transform' or 'transformWkt', not both.")
    if isinstance(crs, Projection):
        base = crs
    elif isinstance(crs, str):
        base = Projection(crs_.canonical(crs))
    else:
        raise EngineError(f"Projection: 'crs' must be a code such as 'EPSG:32633', or WKT, not {crs!r}.")
    if transform is not None:
        return replace(base, transform=_six_numbers(transform))
    return base if transform_wkt is None else replace(base, transform=_from_wkt(transform_wkt))


def _six_numbers(transform: list[Any]) -> tuple[float, float, float, float, float, float]:
    if len(transform) != 6 or not all(isinstance(t, (int, float)) for t in transform):
        raise EngineError(f"Projection: 'transform' must be a list of 6 numbers, not {transform!r}.")
    a, b, c, d, e, f = (float(t) for t in transform)
    if not 0 < abs(a * e - b * d) < math.inf or not math.isfinite(c + f):
        raise EngineError(f"Projection: the transform {transform!r} gives pixels without area.")
    return a, b, c, d, e, f


def _from_wkt(text: str) -> tuple[float, float, float, float, float, float]:
    if "PARAM_MT" not in text.upper():
        raise EngineError("Projection: 'transformWkt' must be PARAM_MT[\"Affine\", …]; give numbers as 'transform'.")
    found = dict(_PARAMETER.findall(text))
    return _six_numbers([float(found.get(n, d)) for n, d in zip(_ELEMENTS, _IDENTITY, strict=True)])


def _transform_wkt(projection: Projection) -> str:
    """`PARAM_MT["Affine", …]`, elements of the identity left out, as GeoTools writes it."""
    lines = ['PARAM_MT["Affine"', 'PARAMETER["num_row", 3]', 'PARAMETER["num_col", 3]']
    for name, value, default in zip(_ELEMENTS, projection.transform, _IDENTITY, strict=True):
        if value != default:
            lines.append(f'PARAMETER["{name}", {value!r}]')
    return ", \n  ".join(lines) + "]"


def _at_scale(projection: Projection, metres: float) -> Projection:
    if not metres > 0:
        raise EngineError(f"Projection.atScale: 'meters' must be positive, not {metres}.")
    return crs_.at_scale(projection, metres)


def _scale(projection: Projection, x: float, y: float) -> Projection:
    if x == 0 or y == 0:
        raise EngineError(f"Projection.scale: factors must not be 0, got {x}, {y}.")
    return crs_.scaled(projection, x, y)


def _error_margin(value: float | None, unit: str) -> ErrorMargin:
    if unit not in _UNITS:
        raise EngineError(f"ErrorMargin: the unit '{unit}' is not one of {', '.join(_UNITS)}.")
    if value is None and unit != "infinite":
        raise EngineError(f"ErrorMargin: 'value' is needed for the unit '{unit}'.")
    return ErrorMargin(None if unit == "infinite" else value, unit)


TABLE: dict[str, Callable[..., Any]] = {
    "Projection": _projection,
    "Proj": _projection,
    "Projection.crs": lambda projection: crs_.code(projection.crs),
    "Projection.nominalScale": crs_.nominal_scale,
    "Projection.atScale": _at_scale,
    "Projection.scale": _scale,
    "Projection.translate": crs_.translated,
    "Projection.transform": _transform_wkt,
    "Projection.wkt": lambda projection: crs_.wkt(projection.crs),
    "ErrorMargin": _error_margin,
}

NOTES: dict[str, str] = {
    "Projection.nominalScale": "Where pixels are not square, the geometric mean of width and height.",
    "Projection.translate": "Moves by pixels of the projection, not by units of its CRS.",
    "Projection.wkt": "Written by PROJ (WKT 1), where Earth Engine uses GeoTools: equal in meaning, not in letters.",
}
