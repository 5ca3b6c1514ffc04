"""From many images one: reductions over a collection or over bands, mosaics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from pipeline.engine.collection import Collection
from pipeline.engine.image import Band, Image
from pipeline.engine.plan import Local, NDArray, Part, Pixels, Plan, everywhere, is_everywhere, valid
from pipeline.engine.reducer import Reducer
from pipeline.engine.values import WGS84, PixelType
from pipeline.errors import EngineError

NO_BANDS = Image(())


def members(collection: Collection, who: str) -> Iterator[Image]:
    """The images of the collection; anything else in it is an error."""
    for element in collection:
        if not isinstance(element, Image):
            raise EngineError(f"{who}: The collection holds something that is not an image: {type(element).__name__}.")
        yield element


def stacks(collection: Collection, who: str) -> dict[str, list[Band]]:
    """The bands of all images by name, in the first image's order; a band missing in an image is an error."""
    images = list(members(collection, who))
    if not images:
        return {}
    for image in images:
        if set(image.names) != set(images[0].names):
            raise EngineError(
                f"{who}: Expected a homogeneous image collection, but an image with incompatible bands was "
                f"encountered. Mismatched bands: [{', '.join(image.names)}] of image {image.id!r} instead of "
                f"[{', '.join(images[0].names)}]. Select the same bands from every image first."
            )
    named = [{b.name: b for b in image.bands} for image in images]
    return {name: [bands[name] for bands in named] for name in images[0].names}


def union_type(bands: Sequence[Band]) -> PixelType:
    """The smallest type that holds all bands."""
    kind = bands[0].type
    for band in bands[1:]:
        kind = kind.union(band.type)
    return kind


def _layers(count: int, reducer: Reducer) -> Callable[..., Any]:
    """Pixels of all outputs, from `inputs` groups of `count` layers each."""

    def compute(*pixels: Pixels) -> Any:
        groups = [list(pixels[i * count : (i + 1) * count]) for i in range(len(pixels) // count)]
        return tuple(reducer.stack(groups))

    return compute


def reduce_collection(collection: Collection, reducer: Reducer) -> Image:
    """One band an output and band (`B1_median`); several-input reducers take the bands together."""
    who = "ImageCollection.reduce"
    bands = stacks(collection, who)
    if reducer.inputs == 1:
        made = [b for name, layers in bands.items() for b in _reduced(reducer, [layers], f"{name}_")]
    else:
        made = _reduced(reducer, _as_inputs(reducer, list(bands.values()), who), "")
    return Image(tuple(made))


def _as_inputs(reducer: Reducer, layers: list[Any], who: str) -> list[Any]:
    if len(layers) != reducer.inputs:
        raise EngineError(
            f"{who}: The reducer {reducer.name} needs {reducer.inputs} bands, but there are {len(layers)}."
        )
    return layers


def _reduced(reducer: Reducer, inputs: list[list[Band]], prefix: str) -> list[Band]:
    plans = tuple(b.plan for layers in inputs for b in layers)
    whole: Plan = Local(_layers(len(inputs[0]), reducer), plans)
    types = reducer.output_types([union_type(layers) for layers in inputs])
    return [
        Band(f"{prefix}{output}", kind, Part(whole, i), WGS84, None)
        for i, (output, kind) in enumerate(zip(reducer.outputs, types, strict=True))
    ]


def _shorthand(name: str) -> Callable[..., Image]:
    """`reduce.median` and its like: every band keeps its name."""

    def apply(session: Any, collection: Collection) -> Image:
        reducer = session.call(f"Reducer.{name}", {})
        bands = [
            Band(band, made.type, made.plan, WGS84, None)
            for band, layers in stacks(collection, f"reduce.{name}").items()
            for made in _reduced(reducer, [layers], "")
        ]
        return Image(tuple(bands))

    return apply


def reduce_bands(image: Image, reducer: Reducer) -> Image:
    """All bands of one image reduced to one band an output; several inputs take a band each."""
    if not image.bands:
        raise EngineError("Image.reduce: the image has no bands.")
    if reducer.inputs == 1:
        inputs = [list(image.bands)]
    else:
        inputs = _as_inputs(reducer, [[b] for b in image.bands], "Image.reduce")
    first = image.bands[0]
    return Image(
        tuple(Band(b.name, b.type, b.plan, first.projection, first.window) for b in _reduced(reducer, inputs, ""))
    )


def mosaic(collection: Collection) -> Image:
    """The last valid pixel of each band, images that lack a band left out."""
    layers: dict[str, list[Band]] = {}
    for image in members(collection, "ImageCollection.mosaic"):
        for band in image.bands:
            layers.setdefault(band.name, []).append(band)
    bands = []
    for name, stack in layers.items():
        kind = union_type(stack)
        plans = tuple(b.plan for b in reversed(stack))
        bands.append(Band(name, kind, Local(first_valid(kind), plans), WGS84, None))
    return Image(tuple(bands))


def first_valid(kind: PixelType) -> Callable[..., Pixels]:
    """Of layers, the first that is valid at each pixel."""

    def compute(*layers: Pixels) -> Pixels:
        top = layers[0]
        if is_everywhere(top.mask):
            return Pixels(top.data.astype(kind.dtype, copy=False), top.mask)
        data = top.data.astype(kind.dtype)
        mask = top.mask.copy()
        for layer in layers[1:]:
            open_ = ~valid(mask)
            if not open_.any():
                break
            chosen = open_ & valid(layer.mask)
            data[chosen] = layer.data[chosen]
            mask = np.where(chosen, layer.mask, mask)
        return Pixels(data, mask)

    return compute


def _quality_mosaic(collection: Collection, quality: str) -> Image:
    """All bands of the image whose quality band is highest at the pixel; ties go to the later image."""
    bands = stacks(collection, "ImageCollection.qualityMosaic")
    if bands and quality not in bands:
        raise EngineError(
            f"ImageCollection.qualityMosaic: No band named '{quality}'. Available bands: [{', '.join(bands)}]."
        )
    made = []
    ranks = tuple(b.plan for b in bands.get(quality, []))
    best = Local(_best, ranks)
    for name, layers in bands.items():
        kind = union_type(layers)
        plan = Local(_chosen(kind), (best, *(b.plan for b in layers)))
        made.append(Band(name, kind, plan, WGS84, None))
    return Image(tuple(made))


def _best(*layers: Pixels) -> Pixels:
    """The index of the layer of highest valid value."""
    top = np.full(layers[0].data.shape, -np.inf)
    index = np.full(layers[0].data.shape, -1)
    for i, layer in enumerate(layers):
        better = valid(layer.mask) & (layer.data >= top)
        top[better] = layer.data[better]
        index[better] = i
    return Pixels(index, index >= 0)


def _chosen(kind: PixelType) -> Callable[..., Pixels]:
    def compute(best: Pixels, *layers: Pixels) -> Pixels:
        data = np.zeros(best.data.shape, kind.dtype)
        mask = np.zeros(best.data.shape, bool)
        for i, layer in enumerate(layers):
            here = best.data == i
            data[here] = layer.data[here]
            mask |= here & valid(layer.mask)
        return Pixels(data, mask)

    return compute


def _to_array(collection: Collection) -> Image:
    """Band `array`: images along axis 0, bands along axis 1; images with a masked band are left out of a pixel."""
    bands = stacks(collection, "ImageCollection.toArray")
    if not bands:
        return NO_BANDS
    count = len(next(iter(bands.values())))
    kind = union_type([b for layers in bands.values() for b in layers])
    plans = tuple(layers[i].plan for i in range(count) for layers in bands.values())

    def compute(*pixels: Pixels) -> Pixels:
        width = len(bands)
        rows = [np.stack([p.data for p in pixels[i * width : (i + 1) * width]], axis=-1) for i in range(count)]
        good = np.stack(
            [np.all([valid(p.mask) for p in pixels[i * width : (i + 1) * width]], axis=0) for i in range(count)],
            axis=-1,
        )
        return ragged(np.stack(rows, axis=2).astype(kind.dtype), good)

    kind2 = PixelType(kind.precision, kind.min, kind.max, 2)
    return Image((Band("array", kind2, Local(compute, plans), WGS84, None),))


def ragged(data: NDArray, good: NDArray) -> Pixels:
    """Array pixels with the bad rows (axis 0 of each pixel's array) left out: dense if nothing is bad."""
    if good.all():
        return Pixels(data, everywhere(data.shape))
    cells = np.empty(data.shape[:2], object)
    for at in np.ndindex(*data.shape[:2]):
        cells[at] = data[at][good[at]]
    return Pixels(cells, np.asarray(good.any(axis=-1)))


def _to_array_per_band(collection: Collection, axis: int, drop_masked: bool) -> Image:
    """Each band as an array of the images' values along `axis`."""
    made = []
    for name, layers in stacks(collection, "ImageCollection.toArrayPerBand").items():
        kind = union_type(layers)

        def compute(*pixels: Pixels, kind: PixelType = kind) -> Pixels:
            data = np.stack([p.data for p in pixels], axis=-1).astype(kind.dtype)
            good = np.stack([valid(p.mask) for p in pixels], axis=-1)
            data = data.reshape(data.shape[:2] + (1,) * axis + data.shape[2:])
            if drop_masked:
                return (
                    ragged(np.moveaxis(data, -1, 2), good) if axis == 0 else Pixels(data, np.asarray(good.all(axis=-1)))
                )
            return Pixels(data, np.asarray(good.all(axis=-1)))

        plan = Local(compute, tuple(b.plan for b in layers))
        made.append(Band(name, PixelType(kind.precision, kind.min, kind.max, axis + 1), plan, WGS84, None))
    return Image(tuple(made))


TABLE = {
    "ImageCollection.reduce": lambda collection, reducer, scale: reduce_collection(collection, reducer),
    "ImageCollection.mosaic": mosaic,
    "ImageCollection.qualityMosaic": _quality_mosaic,
    "ImageCollection.toArray": _to_array,
    "ImageCollection.toArrayPerBand": _to_array_per_band,
    "Image.reduce": reduce_bands,
}

SESSION_TABLE = {
    f"reduce.{n}": _shorthand(n)
    for n in ("and", "count", "max", "mean", "median", "min", "mode", "or", "product", "sum")
}
