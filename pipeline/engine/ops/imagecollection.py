"""Collections of images put together and taken apart, and images linked across collections. No pixels move here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipeline.engine.collection import Collection, images
from pipeline.engine.image import Band, Image
from pipeline.engine.language.selectors import value_of
from pipeline.engine.ops.bands import add_bands, masked_band
from pipeline.engine.ops.collection import INDEX, filtered, merge
from pipeline.engine.ops.composite import members
from pipeline.engine.ops.filter import equals
from pipeline.engine.values import DOUBLE
from pipeline.errors import EngineError

if TYPE_CHECKING:
    from pipeline.engine.session import Session

MAX_BANDS = 5000


def _from_images(members: list[Image]) -> Collection:
    """The images, numbered "0", "1" … whatever index they had."""
    return images(m.with_properties({**m.properties, INDEX: str(i)}) for i, m in enumerate(members))


def _to_bands(collection: Collection) -> Image:
    """All bands of all images in one image, named INDEX_BAND; no properties."""
    who = "ImageCollection.toBands"
    bands = [
        Band(f"{i if image.id is None else image.id}_{b.name}", b.type, b.plan, b.projection, b.window)
        for i, image in enumerate(members(collection, who))
        for b in image.bands
    ]
    if len(bands) > MAX_BANDS:
        raise EngineError(f"{who}: {len(bands)} bands are more than the {MAX_BANDS} allowed. Filter the collection.")
    names = [b.name for b in bands]
    if len(set(names)) < len(names):
        twice = next(n for i, n in enumerate(names) if n in names[:i])
        raise EngineError(f"{who}: Duplicate band name '{twice}'. Give the images different values of system:index.")
    return Image(tuple(bands))


def _cast(session: Session, collection: Collection, types: dict[str, Any], order: list[str]) -> Collection:
    """The images with exactly the bands of `order`, cast to their types; bands that an image lacks are masked."""

    def cast() -> Iterator[Image]:
        for image in members(collection, "ImageCollection.cast"):
            yield session.call("Image.cast", {"image": image, "bandTypes": types, "bandOrder": order})

    return collection.derive(cast)


def _combine(primary: Collection, secondary: Collection, overwrite: bool) -> Collection:
    """The primary's images that have a namesake in the secondary, with its bands added."""

    def combined() -> Iterator[Image]:
        others = {image.id: image for image in members(secondary, "ImageCollection.combine")}
        for image in members(primary, "ImageCollection.combine"):
            if image.id in others:
                yield add_bands(image, others[image.id], None, overwrite)

    return primary.derive(combined)


def _link(image: Image, collection: Collection, linked_bands: Any, linked_properties: Any, match: str) -> Image:
    """The image with bands and properties of the first one that agrees in a property, replacing its own namesakes.

    Without a match the bands are masked everywhere and the properties null.
    """
    names = _listed(linked_bands)
    key = value_of(image, match)
    found = None if key is None else next(iter(filtered(collection, equals(match, key))), None)
    if found is not None:
        source = [_band(found, n) for n in names]
    else:
        known = {b.name: b.type for image in islice(collection, 1) for b in image.bands}
        source = [masked_band(n, known.get(n, DOUBLE)) for n in names]
    linked = add_bands(image, Image(tuple(source)), None, True)
    values = {p: None if found is None else value_of(found, p) for p in _listed(linked_properties)}
    return linked.with_properties({**image.properties, **values})


def _listed(value: Any) -> list[str]:
    names = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise EngineError(f"Image.linkCollection: {value!r} is not a name or a list of names.")
    return names


def _band(image: Image, name: str) -> Band:
    for band in image.bands:
        if band.name == name:
            return band
    raise EngineError(
        f"Image.linkCollection: The matching image {image.id!r} has no band '{name}'. "
        f"Available bands: [{', '.join(image.names)}]"
    )


TABLE: dict[str, Callable[..., Any]] = {
    "ImageCollection.fromImages": _from_images,
    "ImageCollection.merge": merge,
    "ImageCollection.toBands": _to_bands,
    "ImageCollection.combine": _combine,
    "Image.linkCollection": _link,
}

SESSION_TABLE: dict[str, Callable[..., Any]] = {
    "ImageCollection.cast": _cast,
}

NOTES = {
    "ImageCollection.fromImages": "system:index becomes 0, 1 … also where an image has one; seen in public output.",
    "Image.linkCollection": "The first match in the collection's order is taken; without linkedBands no band is.",
}
