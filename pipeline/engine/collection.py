"""Features and collections: lazy sequences of elements, evaluated once when something looks inside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import EngineError

if TYPE_CHECKING:
    from pipeline.engine.image import Image
    from pipeline.engine.space.geometry import Geometry

Kind = Literal["ImageCollection", "FeatureCollection"]


@dataclass(frozen=True, eq=False)
class Feature:
    """A geometry (or none) with properties. `system:index` is an ordinary property and also the id."""

    geometry: Geometry | None
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str | None:
        """The `system:index`, if there is one."""
        return self.properties.get("system:index")

    def with_properties(self, properties: dict[str, Any]) -> Feature:
        """The same geometry with other properties."""
        return replace(self, properties=properties)


Element = Any  # Feature | Image; both have `properties`, `id` and `with_properties`


@dataclass(eq=False)
class Collection:
    """Elements in order, made by `source` on first use and kept.

    `narrow`, where the source can be searched by an index, gives the same collection restricted to candidates of
    a filter; the filter itself is still applied to what comes.
    """

    kind: Kind
    source: Callable[[], Iterable[Element]]
    properties: dict[str, Any] = field(default_factory=dict)
    id: str | None = None
    version: int | None = None
    narrow: Callable[[Any], Collection] | None = None
    _made: list[Element] = field(default_factory=list, repr=False)
    _rest: Iterator[Element] | None = field(default=None, repr=False)

    @property
    def elements(self) -> list[Element]:
        """All elements; computed once."""
        return list(self)

    def __iter__(self) -> Iterator[Element]:
        """Elements one by one, each computed once; stops early without computing the rest."""
        if self._rest is None:
            self._rest = iter(self.source())
        at = 0
        while True:
            if at == len(self._made):
                try:
                    self._made.append(next(self._rest))
                except StopIteration:
                    return
            yield self._made[at]
            at += 1

    def with_properties(self, properties: dict[str, Any]) -> Collection:
        """The same elements with other properties of the collection itself."""
        return replace(self, properties=properties, _made=[], _rest=None)

    def derive(self, source: Callable[[], Iterable[Element]], kind: Kind | None = None) -> Collection:
        """A collection of other elements that keeps this one's properties."""
        return Collection(kind or self.kind, source, dict(self.properties))


def features(elements: Iterable[Element]) -> Collection:
    """A FeatureCollection of the given elements, numbered "0", "1" … where they have no index."""
    given = list(elements)
    if any(e is None for e in given):
        raise EngineError("Collection: an element is null. Leave it out, or map with dropNulls.")
    made = [
        e if e.id is not None else e.with_properties({**e.properties, "system:index": str(i)})
        for i, e in enumerate(given)
    ]
    return Collection("FeatureCollection", lambda: made)


def images(elements: Iterable[Image]) -> Collection:
    """An ImageCollection of the given images."""
    made = list(elements)
    return Collection("ImageCollection", lambda: made)
