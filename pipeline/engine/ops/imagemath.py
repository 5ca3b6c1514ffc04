"""Arithmetic, comparison, logic, bits and casts of images: rows of (pixel function, type rule)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from pipeline.engine import pixeltypes as pt
from pipeline.engine.image import Band, Image
from pipeline.engine.language import special as own
from pipeline.engine.ops.bands import masked_band
from pipeline.engine.pairing import band_map, binary, unary
from pipeline.engine.plan import Local, NDArray, Pixels, both
from pipeline.engine.values import INT_RANGES, PixelType, named_type
from pipeline.errors import EngineError

DType = np.dtype[Any]
Binary = Callable[[NDArray, NDArray, DType], NDArray]


def _ufunc(function: Any) -> Binary:
    return lambda a, b, dtype: function(a, b, dtype=dtype, casting="unsafe")


def _plain(function: Any) -> Binary:
    """Computed in the operands' own common type, then given the result's."""
    return lambda a, b, dtype: function(a, b).astype(dtype, copy=False)


def _real(function: Any) -> Binary:
    """Computed in the result's own floating type: NumPy would take bytes to 16-bit floats."""
    return lambda a, b, dtype: function(a.astype(dtype, copy=False), b.astype(dtype, copy=False))


def _divide(a: NDArray, b: NDArray, dtype: DType) -> NDArray:
    """Division by zero gives zero, as Earth Engine documents."""
    result: NDArray = np.divide(a, b, dtype=dtype, casting="unsafe")
    zero = b == 0
    if zero.any():
        result = np.where(zero, dtype.type(0), result)
    return result


def _mod(a: NDArray, b: NDArray, dtype: DType) -> NDArray:
    """The remainder with the dividend's sign; by zero it is zero."""
    wide = np.result_type(a, b)
    a, b = a.astype(wide, copy=False), b.astype(wide, copy=False)
    safe = np.where(b == 0, wide.type(1), b)
    result: NDArray = np.where(b == 0, wide.type(0), np.fmod(a, safe)).astype(dtype, copy=False)
    return result


def _compare(function: Any) -> Binary:
    return lambda a, b, dtype: np.asarray(function(a, b)).view(np.uint8)


def _bit(function: Any) -> Binary:
    return lambda a, b, dtype: function(a.astype(dtype), b.astype(dtype))


def _shift(left: bool) -> Binary:
    """Java's shifts by a signed amount: a negative one goes the other way."""

    def shift(a: NDArray, b: NDArray, dtype: DType) -> NDArray:
        a, b = a.astype(dtype), b.astype(dtype) * (1 if left else -1)
        up, down = np.left_shift(a, np.maximum(b, 0)), np.right_shift(a, np.maximum(-b, 0))
        return np.asarray(np.where(b >= 0, up, down))

    return shift


def _logic(function: Any) -> Binary:
    return lambda a, b, dtype: np.asarray(function(a != 0, b != 0)).view(np.uint8)


def _first(a: NDArray, b: NDArray, dtype: DType) -> NDArray:
    return np.broadcast_to(a, np.broadcast_shapes(a.shape, b.shape)).astype(dtype)


def _first_nonzero(a: NDArray, b: NDArray, dtype: DType) -> NDArray:
    return np.where(a != 0, a, b).astype(dtype)


def cast(kind: PixelType) -> Callable[[Image], Image]:
    """Truncation toward zero, clamped to the type's range; array bands keep their dimensions."""

    def to(image: Image) -> Image:
        return band_map(image, lambda b: cast_band(b, kind))

    return to


def cast_band(band: Band, kind: PixelType) -> Band:
    """One band cast; the declared range becomes the type's own."""
    kind = PixelType(kind.precision, kind.min, kind.max, band.type.dimensions or kind.dimensions)

    def compute(pixels: Pixels) -> Pixels:
        if pixels.data.dtype == object:
            cells = [to_type(np.asarray(v), kind) for v in pixels.data.flat]
            data = np.empty(pixels.data.shape, object)
            data.reshape(-1)[:] = cells
            return Pixels(data, pixels.mask)
        return Pixels(to_type(pixels.data, kind), pixels.mask)

    held = kind.dtype.itemsize + 1
    return Band(band.name, kind, Local(compute, (band.plan,), held), band.projection, band.window)


def to_type(data: NDArray, kind: PixelType) -> NDArray:
    """Values cast as Earth Engine casts: toward zero and clamped."""
    dtype = kind.dtype
    if data.dtype == dtype:
        return data
    if kind.precision == "int" and kind.min is not None and kind.max is not None:
        if data.dtype.kind == "f":
            whole = np.trunc(np.nan_to_num(data, nan=0.0))
            with np.errstate(invalid="ignore"):  # 2^63 - 1 has no double; what overflows is mended below
                result = np.clip(whole, kind.min, kind.max).astype(dtype)
            full: NDArray = np.where(whole >= kind.max, dtype.type(int(kind.max)), result)
            return full if dtype.itemsize == 8 else result
        limits = np.iinfo(data.dtype) if data.dtype.kind in "iu" else None
        if limits is not None and (limits.min < kind.min or limits.max > kind.max):
            data = np.clip(data, max(kind.min, limits.min), min(kind.max, limits.max))
    with np.errstate(over="ignore", invalid="ignore"):
        return data.astype(dtype)


def _clamp(image: Image, low: float, high: float) -> Image:
    """Values limited to [low, high]; the type stays."""
    if low > high:
        raise EngineError(f"Image.clamp: low ({low}) must not be greater than high ({high}).")

    def limit(band: Band) -> Band:
        def compute(pixels: Pixels) -> Pixels:
            return Pixels(np.clip(pixels.data, low, high).astype(pixels.data.dtype), pixels.mask)

        kind = band.type
        if kind.min is not None and kind.max is not None:
            least, most = (min(max(v, low), high) for v in (kind.min, kind.max))
            kind = kind if kind.precision == "int" else PixelType(kind.precision, least, most, kind.dimensions)
        return Band(band.name, kind, Local(compute, (band.plan,)), band.projection, band.window)

    return band_map(image, limit)


def _unit_scale(image: Image, low: float, high: float) -> Image:
    """(value − low) / (high − low), float."""
    if low == high:
        raise EngineError(f"Image.unitScale: low and high must differ, both are {low}.")
    rule = unary(
        lambda data: (data - np.float64(low)) / (high - low), lambda t: PixelType("float", None, None, t.dimensions)
    )
    return rule(image)


def _normalized_difference(image: Image, names: list[str] | None) -> Image:
    """(a − b) / (a + b) as band `nd`; masked where either input is negative or both are zero. No properties."""
    chosen = names or image.names[:2]
    if len(chosen) != 2:
        raise EngineError(f"Image.normalizedDifference: needs two bands, got {chosen}.")
    by_name = {b.name: b for b in image.bands}
    for name in chosen:
        if name not in by_name:
            raise EngineError(
                f"Image.normalizedDifference: No band named '{name}'. Available band names: [{', '.join(image.names)}]."
            )
    a, b = (by_name[n] for n in chosen)
    plan = Local(normalized_difference, (a.plan, b.plan))
    band = Band("nd", PixelType("float", -1, 1), plan, a.projection, a.window)
    return Image((band,), {})


def normalized_difference(a: Pixels, b: Pixels) -> Pixels:
    """(a − b) / (a + b) in float32; masked where either input is negative or the sum is zero."""
    x, y = a.data.astype(np.float32), b.data.astype(np.float32)
    total = x + y
    with np.errstate(divide="ignore", invalid="ignore"):
        data = (x - y) / total
    good = (x >= 0) & (y >= 0) & (total != 0)
    return Pixels(data, both(both(a.mask, b.mask), good))


def _named_cast(image: Image, types: dict[str, Any], order: list[str] | None) -> Image:
    """Bands cast to the named types; those that the image lacks are added, masked, in alphabetical order.

    `order` is that of all bands of the result.
    """
    kinds = {n: named_type(k) if isinstance(k, str) else k for n, k in types.items()}
    bands = {b.name: cast_band(b, kinds[b.name]) if b.name in kinds else b for b in image.bands}
    bands |= {n: masked_band(n, kinds[n]) for n in sorted(kinds) if n not in bands}
    if order is not None and sorted(order) != sorted(bands):
        raise EngineError(
            f"Image.cast: bandOrder must name all bands of the result, [{', '.join(bands)}], but is "
            f"[{', '.join(order)}]."
        )
    return image.with_bands(bands[n] for n in (order or bands))


def _polynomial(image: Image, coefficients: list[float]) -> Image:
    """c0 + c1·x + c2·x² + …"""
    return unary(lambda x: np.polynomial.polynomial.polyval(x.astype(np.float64), coefficients), pt.real)(image)


_BINARY: dict[str, tuple[Binary, Callable[[PixelType, PixelType], PixelType]]] = {
    "add": (_ufunc(np.add), pt.add),
    "subtract": (_ufunc(np.subtract), pt.subtract),
    "multiply": (_ufunc(np.multiply), pt.multiply),
    "divide": (_divide, pt.divide),
    "mod": (_mod, pt.mod),
    "pow": (lambda a, b, t: np.power(a.astype(np.float64), b.astype(np.float64)).astype(t), pt.floating),
    "min": (_plain(np.minimum), pt.smaller),
    "max": (_plain(np.maximum), pt.larger),
    "hypot": (_real(np.hypot), pt.floating),
    "atan2": (_real(lambda a, b: np.arctan2(b, a)), pt.floating),
    "gammainc": (_real(own.gammainc), pt.floating),
    "first": (_first, pt.union),
    "firstNonZero": (_first_nonzero, pt.union),
    "first_nonzero": (_first_nonzero, pt.union),
    "eq": (_compare(np.equal), pt.boolean),
    "neq": (_compare(np.not_equal), pt.boolean),
    "lt": (_compare(np.less), pt.boolean),
    "lte": (_compare(np.less_equal), pt.boolean),
    "gt": (_compare(np.greater), pt.boolean),
    "gte": (_compare(np.greater_equal), pt.boolean),
    "and": (_logic(np.logical_and), pt.boolean),
    "or": (_logic(np.logical_or), pt.boolean),
    "bitwiseAnd": (_bit(np.bitwise_and), pt.bitwise),
    "bitwiseOr": (_bit(np.bitwise_or), pt.bitwise),
    "bitwiseXor": (_bit(np.bitwise_xor), pt.bitwise),
    "bitwise_and": (_bit(np.bitwise_and), pt.bitwise),
    "bitwise_or": (_bit(np.bitwise_or), pt.bitwise),
    "bitwise_xor": (_bit(np.bitwise_xor), pt.bitwise),
    "leftShift": (_shift(True), pt.bits),
    "rightShift": (_shift(False), pt.bitwise),
    "left_shift": (_shift(True), pt.bits),
    "right_shift": (_shift(False), pt.bitwise),
}


def _integers(data: NDArray) -> NDArray:
    return data if data.dtype.kind in "iu" else data.astype(np.int64)


def _bit_count(data: NDArray) -> NDArray:
    """Ones of the two's complement, negative numbers in 64 bits."""
    return np.bitwise_count(data.astype(np.int64).view(np.uint64))


def _round(data: NDArray) -> NDArray:
    """Halves go up, as Java's Math.round does."""
    return data if data.dtype.kind in "iu" else np.floor(data + 0.5)


_UNARY: dict[str, tuple[Callable[[NDArray], NDArray], Callable[[PixelType], PixelType]]] = {
    "abs": (np.abs, pt.absolute),
    "ceil": (np.ceil, pt.same),
    "floor": (np.floor, pt.same),
    "round": (_round, pt.same),
    "signum": (np.sign, lambda t: PixelType(t.precision, -1, 1, t.dimensions)),
    "not": (lambda x: (x == 0).view(np.uint8), pt.boolean),
    "bitwiseNot": (lambda x: ~_integers(x).astype(np.int64), pt.bits),
    "bitwise_not": (lambda x: ~_integers(x).astype(np.int64), pt.bits),
    "bitCount": (_bit_count, lambda t: PixelType("int", 0, 64, t.dimensions)),
    "sqrt": (np.sqrt, pt.real),
    "cbrt": (np.cbrt, pt.real),
    "exp": (np.exp, pt.real),
    "log": (np.log, pt.real),
    "log10": (np.log10, pt.real),
    "sin": (np.sin, pt.real),
    "cos": (np.cos, pt.real),
    "tan": (np.tan, pt.real),
    "asin": (np.arcsin, pt.real),
    "acos": (np.arccos, pt.real),
    "atan": (np.arctan, pt.real),
    "sinh": (np.sinh, pt.real),
    "cosh": (np.cosh, pt.real),
    "tanh": (np.tanh, pt.real),
    "gamma": (own.gamma, pt.real),
    "digamma": (own.digamma, pt.real),
    "trigamma": (own.trigamma, pt.real),
    "erf": (special.erf, pt.real),
    "erfc": (special.erfc, pt.real),
    "erfInv": (special.erfinv, pt.real),
    "erfcInv": (special.erfcinv, pt.real),
    "lanczos": (own.lanczos, pt.real),
}


def _casts() -> dict[str, Callable[[Image], Image]]:
    table = {}
    for name in (*INT_RANGES, "float", "double"):
        rule = cast(named_type(name))
        table[f"Image.{name}"] = rule
        table[f"Image.to{name[0].upper()}{name[1:]}"] = rule
    return table


TABLE: dict[str, Callable[..., Any]] = {
    **{f"Image.{n}": binary(f"Image.{n}", f, t) for n, (f, t) in _BINARY.items()},
    **{f"Image.{n}": unary(f, t) for n, (f, t) in _UNARY.items()},
    **_casts(),
    "Image.cast": _named_cast,
    "Image.clamp": _clamp,
    "Image.unitScale": _unit_scale,
    "Image.normalizedDifference": _normalized_difference,
    "Image.polynomial": _polynomial,
}

NOTES = {
    "Image.sqrt": "Like all functions of one band that make fractions: float from float bands, double from all others.",
    "Image.divide": "The result is fractional (float up to 16-bit inputs, else double); division by zero gives 0.",
    "Image.normalizedDifference": "0/0 is masked; Earth Engine documents only that negative inputs are.",
}
