"""`Image.parseExpression`: formulas like `2.5 * (b("B8") - r) / (nir + 1)`, done by the functions of the same names.

`/` of two integers floors; a number written with a point or an exponent is none (Earth Engine documents both).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.engine.image import Band, Image
from pipeline.engine.language import infix
from pipeline.engine.pairing import arithmetic_properties, binary
from pipeline.engine.pixeltypes import LONG
from pipeline.engine.plan import Constant, Local, NDArray, Pixels, both
from pipeline.engine.values import Function, PixelType
from pipeline.errors import EngineError

WHO = "Image.parseExpression"
FUNCTIONS = (
    *("abs", "acos", "asin", "atan", "atan2", "cbrt", "ceil", "cos", "cosh", "exp", "floor", "hypot", "log", "log10"),
    *("max", "min", "pow", "round", "sin", "sinh", "sqrt", "tan", "tanh", "byte", "short", "int", "long", "float"),
    *("double", "toByte", "toShort", "toInt", "toLong", "toFloat", "toDouble", "int8", "int16", "int32", "uint8"),
    *("uint16", "uint32"),
)
CONSTANTS = {"PI": math.pi, "E": math.e}


class _OnImages:
    """What a formula comes to: images, and numbers where no image takes part yet."""

    def __init__(self, session: Any, default: Any, variables: dict[str, Any]) -> None:
        self.session, self.default, self.variables = session, default, variables

    def variable(self, name: str) -> Any:
        if name in self.variables:
            return self.variables[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        raise EngineError(f"{WHO}: unknown variable '{name}'. There are: {', '.join(self.variables) or 'none'}.")

    def bands(self, selectors: list[Any]) -> Any:
        if not isinstance(self.default, Image):
            raise EngineError(f"{WHO}: b() needs a default image.")
        return self.session.call("Image.select", {"input": self.default, "bandSelectors": selectors or [".*"]})

    def member(self, value: Any, selectors: list[Any]) -> Any:
        return self.session.call("Image.select", {"input": value, "bandSelectors": selectors})

    def operator(self, name: str, values: list[Any]) -> Any:
        if name == "divide" and all(_is_integer(v) for v in values):
            return _floor_divide(*(self._image(v) for v in values))
        return self._call(name, values)

    def function(self, name: str, values: list[Any]) -> Any:
        if name not in FUNCTIONS:
            raise EngineError(f"{WHO}: there is no function '{name}'. There are: {', '.join(FUNCTIONS)}.")
        if name in ("min", "max") and len(values) > 2:
            return self.function(name, [self._call(name, values[:2]), *values[2:]])
        return self._call(name, values)

    def _call(self, name: str, values: list[Any]) -> Any:
        names = ("value",) if len(values) == 1 else ("image1", "image2")
        if len(values) > len(names):
            raise EngineError(f"{WHO}: '{name}' does not take {len(values)} arguments.")
        return self.session.call(f"Image.{name}", dict(zip(names, map(self._image, values), strict=False)))

    def _image(self, value: Any) -> Any:
        """Images as they are, numbers as constants: a fraction stays double though it is integral (`1.0`)."""
        if isinstance(value, float):
            return Image((Band("constant", PixelType("double", value, value), Constant(value, np.dtype(float))),))
        return value if isinstance(value, Image) else self.session.call("Image.constant", {"value": value})

    def choice(self, test: Any, yes: Any, no: Any) -> Any:
        return _choose(self._image(test), self._image(yes), self._image(no))


def _is_integer(value: Any) -> bool:
    if isinstance(value, Image):
        return all(b.type.precision == "int" for b in value.bands)
    return isinstance(value, int)


def _floored(a: NDArray, b: NDArray, dtype: np.dtype[Any]) -> NDArray:
    """The quotient's floor, computed in integers; division by zero gives zero."""
    zero = b == 0
    quotient = np.floor_divide(a.astype(np.int64), np.where(zero, 1, b).astype(np.int64))
    return np.where(zero, 0, quotient).astype(dtype)


def _floored_type(a: PixelType, b: PixelType) -> PixelType:
    """No quotient is larger than the dividend, and none of positive numbers is negative."""
    if a.min is None or a.max is None or b.min is None:
        return PixelType("int", *LONG)
    most = max(abs(a.min), abs(a.max))
    return PixelType("int", 0 if a.min >= 0 and b.min >= 0 else -most, most, max(a.dimensions, b.dimensions))


_floor_divide = binary("Image.divide", _floored, _floored_type)


def _choose(test: Image, yes: Image, no: Image) -> Image:
    """`test ? yes : no` by pixel: valid where the test and the chosen side are."""
    images = (test, yes, no)
    count = max(len(image.bands) for image in images)
    if any(len(image.bands) not in (1, count) for image in images):
        raise EngineError("Image.parseExpression: The parts of '?:' must have 1 or the same number of bands.")
    bands = []
    for i in range(count):
        t, y, n = (image.bands[i if len(image.bands) > 1 else 0] for image in images)
        kind = y.type.union(n.type)
        bands.append(Band(y.name, kind, Local(_chooser(kind), (t.plan, y.plan, n.plan)), t.projection, t.window))
    return Image(tuple(bands), arithmetic_properties(images[0]))


def _chooser(kind: PixelType) -> Callable[..., Pixels]:
    def compute(test: Pixels, yes: Pixels, no: Pixels) -> Pixels:
        chosen = test.data != 0
        data = np.where(chosen, yes.data.astype(kind.dtype), no.data.astype(kind.dtype))
        return Pixels(data, both(test.mask, np.where(chosen, yes.mask, no.mask)))

    return compute


def _parse(session: Any, text: str, default: str, names: list[str], free: bool) -> Function:
    """A function of the default image and the variables, in the order of `names`."""
    band_name, formula = infix.parse(text, WHO)

    def run(*values: Any) -> Image:
        given = dict(zip(names, values, strict=False))
        image = given.get(default, values[0] if values else None)
        if free and isinstance(image, Image):
            for band in image.names:
                given.setdefault(band, session.call("Image.select", {"input": image, "bandSelectors": [band]}))
        result = infix.evaluate(formula, _OnImages(session, image, given))
        made = result if isinstance(result, Image) else session.call("Image.constant", {"value": result})
        return made if band_name is None else session.call("Image.rename", {"input": made, "names": [band_name]})

    return Function(tuple(names), run)


SESSION_TABLE = {"Image.parseExpression": _parse}
