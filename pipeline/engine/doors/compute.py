"""The verbs that compute at once: value:compute, image:computePixels, table:computeFeatures."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from itertools import islice
from typing import Any

from pipeline.engine.collection import Collection
from pipeline.engine.doors import render, tables
from pipeline.engine.doors.rest import MAX_PAGE, Handler, Request, Response, member, page
from pipeline.engine.image import Image
from pipeline.engine.session import Session
from pipeline.engine.wire import to_wire
from pipeline.errors import EngineError

KEPT_TABLES = 8


class Compute:
    """Answers with what an expression is worth."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._paged: OrderedDict[bytes, Any] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def handlers(self) -> dict[str, Handler]:
        """The verbs answered here."""
        return {
            "value.compute": self.value,
            "image.computePixels": self.pixels,
            "table.computeFeatures": self.features,
            "assets.getPixels": self.asset_pixels,
            "assets.listFeatures": self.asset_features,
        }

    def value(self, request: Request) -> dict[str, Any]:
        """`{"result": …}`."""
        return {"result": to_wire(self._evaluate(request.body))}

    def pixels(self, request: Request) -> Response:
        """The image's pixels in the format asked for."""
        wish = render.form(request.body, "AUTO_JPEG_PNG")
        return self._pixels(request, self._evaluate(request.body), wish)

    def asset_pixels(self, request: Request) -> Response:
        """Pixels of a stored image."""
        from pipeline.engine.archive.ids import canonical

        wish = render.form(request.body, "AUTO_JPEG_PNG", stretch=True)
        image = self._session.call("Image.load", {"id": canonical(request.path["name"])})
        return self._pixels(request, image, wish)

    def features(self, request: Request) -> dict[str, Any]:
        """A page of GeoJSON features, planar in EPSG:4326; the last page has no token."""
        key = hashlib.sha256(json.dumps(request.body.get("expression"), sort_keys=True).encode()).digest()
        with self._lock:
            value = self._paged.pop(key, None)
        value = self._evaluate(request.body) if value is None else value
        answer = self._page(value, request.body)
        if "nextPageToken" in answer:
            self._remember(key, value)
        return answer

    def _remember(self, key: bytes, value: Any) -> None:
        """Keep a table of which more pages will be asked: the next are cut from the same evaluation."""
        with self._lock:
            self._paged[key] = value
            while len(self._paged) > KEPT_TABLES:
                self._paged.popitem(last=False)

    def asset_features(self, request: Request) -> dict[str, Any]:
        """A page of a stored table's features."""
        from pipeline.engine.archive.ids import canonical

        if request.query.get("filter"):
            raise EngineError("listFeatures: 'filter' is not available in the local engine. Filter the collection.")
        table = self._session.call("Collection.loadTable", {"tableId": canonical(request.path["asset"])})
        return self._page(self._within(table, request.query.get("region")), request.query)

    def _within(self, table: Collection, region: str | None) -> Collection:
        if not region:
            return table
        from pipeline.engine.graph import parse_json
        from pipeline.engine.space.geometry import from_geojson

        shape = parse_json(region)
        if not isinstance(shape, dict):
            raise EngineError("listFeatures: 'region' must be a GeoJSON geometry.")
        condition = self._session.call("Filter.intersects", {"leftField": ".all", "rightValue": from_geojson(shape)})
        filtered: Collection = self._session.call("Collection.filter", {"collection": table, "filter": condition})
        return filtered

    def _evaluate(self, body: dict[str, Any]) -> Any:
        expression = body.get("expression")
        if expression is None:
            raise EngineError("The request has no 'expression'.")
        return self._session.evaluate(expression)

    def _pixels(self, request: Request, image: Any, wish: render.Form) -> Response:
        if not isinstance(image, Image):
            raise EngineError(f"Pixels can be computed of an Image, not of {type(image).__name__}.")
        grid = member(request.body, "grid", dict)
        box = render.parse_grid(grid) if grid else None
        file = render.render(self._session, image, wish, box)
        return Response(200, {"content-type": file.media}, file.body)

    def _page(self, value: Any, wanted: Any) -> dict[str, Any]:
        start, size = page(wanted.get("pageSize"), wanted.get("pageToken"))
        size = min(size, MAX_PAGE)
        found = list(islice(tables.as_features(value), start, start + size + 1))
        answer = {"type": "FeatureCollection", "features": [tables.geojson(f) for f in found[:size]]}
        return answer | {"nextPageToken": str(start + size)} if len(found) > size else answer
