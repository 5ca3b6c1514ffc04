"""A running local engine: it evaluates graphs, and computes pixels tile by tile under a memory budget."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from odc.geo.geobox import GeoBox

from pipeline.engine import limits, ops, raster, tiles
from pipeline.engine.archive.model import Archive
from pipeline.engine.coerce import coerce
from pipeline.engine.graph import Evaluation, decode
from pipeline.engine.image import Band, Image
from pipeline.engine.plan import Pixels
from pipeline.engine.signatures import signatures
from pipeline.errors import EngineError, UnsupportedOp

DEFAULT_BUDGET = 1 << 30
# Chains of a few hundred calls are ordinary, and each is several frames deep to parse.
RECURSION_LIMIT = 5_000


class Session:
    """One engine over one archive (or none). Safe to use from several threads."""

    def __init__(
        self,
        archive: Archive | None = None,
        *,
        workers: int | None = None,
        budget_bytes: int = DEFAULT_BUDGET,
        scheduler: str | None = None,
    ) -> None:
        raster.harden_process()
        sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))
        self.archive = archive
        self.tiler = tiles.Tiler(workers, budget_bytes, scheduler)

    def close(self) -> None:
        """Let go of threads, or of the cluster."""
        self.tiler.close()

    def evaluate(self, expression: dict[str, Any]) -> Any:
        """The value of an expression graph."""
        try:
            return Evaluation(self.call).run(decode(expression))
        except RecursionError:
            raise EngineError("Expression is too deeply nested. Split the computation into smaller parts.") from None

    def call(self, name: str, given: dict[str, Any]) -> Any:
        """The result of one function, its arguments checked against the official signature."""
        signature = signatures().get(name)
        if signature is None:
            raise EngineError(f"Unknown function '{name}'. Earth Engine has no function of this name.")
        op = ops.table().get(name)
        if op is None:
            raise UnsupportedOp(name)
        matched = signature.match(given)
        values = [
            coerce(v, a.type, f"{name}, argument '{a.name}'", self)
            for v, a in zip(matched, signature.arguments, strict=True)
        ]
        limits.left()
        result = op.function(self, *values) if op.wants_session else op.function(*values)
        return limits.bounded(result, name)

    def pixels(self, image: Image, grid: GeoBox, bands: list[str] | None = None) -> list[Pixels]:
        """Pixels of the bands on the whole grid, in memory."""
        return self.tiler.whole([b.plan for b in self.chosen(image, bands)], grid)

    def tiles(
        self, image: Image, grid: GeoBox, bands: list[str] | None = None
    ) -> Iterator[tuple[tuple[slice, slice], list[Pixels]]]:
        """Pixels tile by tile, in rows from the top, holding only what the budget allows."""
        return self.tiler.stream([b.plan for b in self.chosen(image, bands)], grid)

    def chosen(self, image: Image, bands: list[str] | None) -> list[Band]:
        """The named bands in the given order; all of them without names."""
        if not bands:
            return list(image.bands)
        known = {b.name: b for b in image.bands}
        for name in bands:
            if name not in known:
                raise EngineError(f"Band '{name}' not found. Available bands: {image.names}")
        return [known[name] for name in bands]

    def default_grid(self, image: Image) -> GeoBox:
        """The image's own projection and bounds: the grid of a request that names none."""
        from pipeline.engine.space.grids import image_grid

        return image_grid(image)
