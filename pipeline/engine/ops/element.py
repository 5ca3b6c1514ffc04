"""Elements: the properties that features and images have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.engine.collection import Collection, Element
from pipeline.engine.image import Image
from pipeline.engine.ops.feature import geometry
from pipeline.engine.values import Array
from pipeline.errors import EngineError


def get(element: Element, name: str) -> Any:
    """A property; null where there is none. Assets also answer to `system:id` and other names of what they are."""
    if name in element.properties:
        return element.properties[name]
    return _identity(element).get(name)


def _identity(element: Element) -> dict[str, Any]:
    """What is not stored among the properties but can be asked for like one."""
    if isinstance(element, Collection):
        return {} if element.id is None else {"system:id": element.id}
    if not isinstance(element, Image):
        return {}
    known = {"system:id": element.asset, "system:version": element.version}
    return {k: v for k, v in known.items() if v is not None} | {"system:band_names": element.names}


def _typed(name: str, kinds: tuple[type, ...], what: str) -> Callable[[Element, str], Any]:
    """`get` that refuses values of another kind; null passes."""

    def typed(element: Element, key: str) -> Any:
        value = get(element, key)
        if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
            raise EngineError(f"{name}: the property '{key}' must be {what}, not {value!r}. Use Element.get.")
        return value

    return typed


def _is_system(name: str) -> bool:
    return name.startswith("system:")


def _property_names(element: Element) -> list[str]:
    return list({**element.properties, **_identity(element)})


def _set(element: Element, key: str, value: Any) -> Element:
    return element.with_properties({**element.properties, key: value})


def _set_multi(element: Element, properties: dict[str, Any]) -> Element:
    return element.with_properties({**element.properties, **properties})


def _to_dictionary(element: Element, properties: list[str] | None) -> dict[str, Any]:
    """The listed properties, those missing left out; without a list all that are not the system's."""
    if properties is None:
        return {k: v for k, v in element.properties.items() if not _is_system(k)}
    known = set(_property_names(element))
    return {k: get(element, k) for k in properties if k in known}


def _copy_properties(
    destination: Element | None, source: Element | None, properties: list[str] | None, exclude: list[str] | None
) -> Element:
    """The destination with the source's properties over its own; `system:*` only where listed."""
    if destination is None:
        raise EngineError("Element.copyProperties: 'destination' is required.")
    if properties is not None and exclude is not None:
        raise EngineError("Element.copyProperties: give either 'properties' or 'exclude', not both.")
    if source is None:
        return destination
    skipped = set(exclude or ())
    copied = {k: v for k, v in _to_dictionary(source, properties).items() if k not in skipped}
    return _set_multi(destination, copied)


def _replace_properties(destination: Element, source: Element | None) -> Element:
    """The destination with the source's properties instead of its own; index and footprint stay its own."""
    own = ("system:index", "system:footprint")
    kept = {k: destination.properties[k] for k in own if k in destination.properties}
    taken = {} if source is None else {k: v for k, v in source.properties.items() if k not in own}
    return destination.with_properties({**kept, **taken})


TABLE: dict[str, Callable[..., Any]] = {
    "Element.get": get,
    "Element.getNumber": _typed("Element.getNumber", (int, float), "a number"),
    "Element.getString": _typed("Element.getString", (str,), "a string"),
    "Element.getArray": _typed("Element.getArray", (Array,), "an array"),
    "Element.set": _set,
    "Element.setMulti": _set_multi,
    "Element.propertyNames": _property_names,
    "Element.toDictionary": _to_dictionary,
    "Element.copyProperties": _copy_properties,
    "Element.replaceProperties": _replace_properties,
    "Element.geometry": geometry,
    "Image.geometry": geometry,
    "Image.copyProperties": _copy_properties,
}

NOTES: dict[str, str] = {
    "Element.propertyNames": "In the order in which they were set; Earth Engine's order is not documented.",
    "Element.replaceProperties": "`system:index` and `system:footprint` stay the destination's.",
}
