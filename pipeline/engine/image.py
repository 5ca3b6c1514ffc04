"""Images: named bands, each a typed plan with a default projection, beside properties. No pixels live here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.engine.plan import Plan
from pipeline.engine.values import WGS84, PixelType, Projection

Window = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Band:
    """One band: what it is called and holds, how to compute it, and where its pixels natively lie.

    `window` is (x, y, width, height) in pixels of `projection`; None where the band has no bounds.
    """

    name: str
    type: PixelType
    plan: Plan
    projection: Projection = WGS84
    window: Window | None = None


@dataclass(frozen=True, eq=False)
class Image:
    """Bands in order, and properties (`system:index`, `system:footprint` … among them)."""

    bands: tuple[Band, ...]
    properties: dict[str, Any] = field(default_factory=dict)
    asset: str | None = None
    version: int | None = None

    @property
    def id(self) -> str | None:
        """The `system:index`, if there is one."""
        return self.properties.get("system:index")

    @property
    def names(self) -> list[str]:
        """Band names in order."""
        return [b.name for b in self.bands]

    def with_properties(self, properties: dict[str, Any]) -> Image:
        """The same bands with other properties."""
        return replace(self, properties=properties)

    def with_bands(self, bands: Iterable[Band]) -> Image:
        """The same properties with other bands; the asset's id stays, as it does in Earth Engine."""
        return replace(self, bands=tuple(bands))
