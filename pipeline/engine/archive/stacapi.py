"""A STAC API as an archive: its items under Earth Engine's ids, bands and properties, by a table.

Only this module of the archive uses the network. Files are read where they are; nothing is stored.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from pipeline.engine import raster
from pipeline.engine.archive import cog, document, ids, mapping
from pipeline.engine.archive.model import Asset, BandFile, BBox, CollectionInfo, Condition, Item
from pipeline.engine.values import Projection
from pipeline.errors import ArchiveError

if TYPE_CHECKING:
    import pystac_client

TIMEOUT_S = 30
CONNECT_S = 10
RETRIES = 3
BACKOFF_S = 0.5
BUSY = (429, 500, 502, 503, 504)
PAGE = 500
MAX_ITEMS = 20_000
TOKEN_MARGIN_S = 300
QUERIES = {
    "equals": "eq",
    "==": "eq",
    "lessThan": "lt",
    "<": "lt",
    "lessThanOrEquals": "lte",
    "<=": "lte",
    "greaterThan": "gt",
    ">": "gt",
    "greaterThanOrEquals": "gte",
    ">=": "gte",
}


class StacApiArchive:
    """The collections of a STAC API that a table maps to Earth Engine's. Safe to use from several threads."""

    def __init__(self, url: str, table: str | Path | None = None) -> None:
        self.url = url.rstrip("/")
        self.table = mapping.load_table(table or mapping.table_for(self.url))
        self._disconnect()

    def _disconnect(self) -> None:
        self._lock = threading.Lock()
        self._client: pystac_client.Client | None = None
        self._tokens: dict[str, tuple[str, float]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs to connect for itself: plans travel to it with their archive."""
        return {"url": self.url, "table": self.table}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._disconnect()

    def describe(self, asset_id: str) -> Asset | None:
        """A mapped collection, or one of its images; None for anything else."""
        asset_id = ids.canonical(asset_id)
        rules = self.table.collections.get(asset_id)
        if rules is not None:
            return _info(rules)
        parent, name = ids.split(asset_id)
        rules = self.table.collections.get(parent)
        found = self._named(rules, name) if rules is not None else {}
        return self._item(rules, name, found[name]) if rules is not None and name in found else None

    def search(
        self,
        collection_id: str,
        *,
        bbox: BBox | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        properties: Sequence[Condition] | None = None,
    ) -> Iterator[Item]:
        """Candidates in the order of `system:index`. Of several versions of an image the last is taken."""
        rules = self._rules(collection_id)
        span = None
        if start_ms is not None or end_ms is not None:
            span = "/".join(".." if t is None else document.iso(t) for t in (start_ms, end_ms))
        query = _query(rules, properties or ())
        found: dict[str, Any] = {}
        for part in [None] if bbox is None else document.split_box(bbox):
            found |= self._ask(rules, bbox=part, datetime=span, query=query)
        return (self._item(rules, index, found[index]) for index in sorted(found))

    def children(self, asset_id: str = "") -> list[Asset]:
        """The mapped collections. The images of one are too many to list: search for them."""
        if not asset_id:
            return [_info(rules) for rules in self.table.collections.values()]
        raise ArchiveError(f"The images of '{asset_id}' at {self.url} are too many to list. Filter by place and time.")

    def _rules(self, collection_id: str) -> mapping.Collection:
        rules = self.table.collections.get(ids.canonical(collection_id))
        if rules is None:
            known = ", ".join(self.table.collections)
            raise ArchiveError(f"The table of {self.url} has no collection '{collection_id}'. It has: {known}.")
        return rules

    def _named(self, rules: mapping.Collection, index: str) -> dict[str, Any]:
        """The items that may have an index, by index."""
        criteria = rules.index.criteria(index) if rules.index else None
        return self._ask(rules, **criteria) if criteria else self._ask(rules, ids=[index])

    def _ask(self, rules: mapping.Collection, **criteria: Any) -> dict[str, Any]:
        """The items that the API finds, as STAC dictionaries, by `system:index`."""
        if rules.refused:
            raise ArchiveError(f"{rules.id}: {rules.refused}")
        given = {k: v for k, v in criteria.items() if v}
        with self._reported():
            pages = self._connected().search(
                collections=[rules.collection], limit=PAGE, max_items=MAX_ITEMS + 1, **given
            )
            found = sorted(pages.items_as_dicts(), key=lambda item: str(item["id"]))
            kept = [i for i in found if all(i["properties"].get(k) == v for k, v in rules.where.items())]
            named = {rules.index_of(item): item for item in kept}
        if len(found) > MAX_ITEMS:
            raise ArchiveError(f"{rules.id} at {self.url}: more than {MAX_ITEMS} images. Filter by place and time.")
        return named

    def _connected(self) -> pystac_client.Client:
        import pystac_client
        from pystac_client.stac_api_io import StacApiIO
        from urllib3.util import Retry

        with self._lock:
            if self._client is None:
                # A server that asks for an hour (Retry-After) is not waited for; one that is silent is asked once.
                retry = Retry(
                    RETRIES, connect=1, read=0, status_forcelist=BUSY, allowed_methods=None, backoff_factor=BACKOFF_S,
                    respect_retry_after_header=False, raise_on_status=False,
                )  # fmt: skip
                io = StacApiIO(max_retries=retry)  # opening sets its time-out anew
                self._client = pystac_client.Client.open(self.url, stac_io=io, timeout=(CONNECT_S, TIMEOUT_S))
            return self._client

    @contextmanager
    def _reported(self) -> Iterator[None]:
        import pystac
        import requests
        from pystac_client.errors import ClientTypeError
        from pystac_client.exceptions import APIError

        # What pystac-client raises on other answers than a STAC API's is not documented: the plain types were seen.
        refused = (APIError, ClientTypeError, requests.RequestException, pystac.STACError, NotImplementedError)
        try:
            yield
        except (*refused, ValueError, LookupError, TypeError, AttributeError) as error:
            status = getattr(error, "status_code", None)
            reason = f"{type(error).__name__}{f' {status}' if status else ''}: {error}"[:300]
            raise ArchiveError(
                f"{self.url} did not answer as a STAC API ({reason}). Try again, or check it."
            ) from error

    def _item(self, rules: mapping.Collection, index: str, found: dict[str, Any]) -> Item:
        with self._reported():
            return self._described(rules, index, found)

    def _described(self, rules: mapping.Collection, index: str, found: dict[str, Any]) -> Item:
        given = found["properties"]
        start, end = mapping.item_times(given)
        properties: dict[str, Any] = {"system:index": index}
        if start:
            properties["system:time_start"] = document.millis(start)
        if end:
            properties["system:time_end"] = document.millis(end)
        properties |= {r.name: v for r in rules.properties if (v := r.value(given)) is not None}
        bands = tuple(self._band(rules, rule, found) for rule in rules.bands if rule.asset in found["assets"])
        version = document.millis(given["updated"]) * 1000 if given.get("updated") else 0
        return Item(f"{rules.id}/{index}", index, properties, found.get("geometry"), bands, version)

    def _band(self, rules: mapping.Collection, rule: mapping.BandRule, found: dict[str, Any]) -> BandFile:
        asset = found["assets"][rule.asset]
        href = self._href(rules, asset["href"], found)
        projection, (height, width) = _placed(href, asset, found["properties"])
        offset = rule.offset
        if rule.harmonised and rules.harmonise:
            offset += rules.harmonise.offset_of(found)
        return BandFile(
            rule.name, href, rule.index, rule.type, projection, width, height, rule.nodata, rule.scale, offset
        )

    def _href(self, rules: mapping.Collection, href: str, found: dict[str, Any]) -> raster.Remote:
        """A web address, no less secure than the API's own; never a path or a name that GDAL would interpret."""
        own = next((link["href"] for link in found.get("links", []) if link["rel"] == "self"), self.url + "/")
        address = urljoin(own, href)
        for start, public in self.table.addresses.items():
            address = public + address.removeprefix(start) if address.startswith(start) else address
        allowed = ("https", "http") if self.url.startswith("http://") else ("https",)
        if urlsplit(address).scheme not in allowed or any(c in address for c in "\0\n\r"):
            raise ArchiveError(f"Item '{found['id']}' has its files at {href!r}; only web addresses can be read.")
        token = self._token(rules.collection) if self.table.sign else ""
        return raster.Remote(f"{address}?{token}" if token and "?" not in address else address)

    def _token(self, collection: str) -> str:
        """A public read token for the collection's files, renewed before it ends."""
        import requests

        assert self.table.sign is not None
        with self._lock:
            token, ends = self._tokens.get(collection, ("", 0.0))
            if time.time() < ends - TOKEN_MARGIN_S:
                return token
            with self._reported():
                answer = requests.get(self.table.sign.format(collection=collection), timeout=TIMEOUT_S)
                answer.raise_for_status()
                found = answer.json()
                self._tokens[collection] = (found["token"], document.millis(found["msft:expiry"]) / 1000)
            return self._tokens[collection][0]


def _info(rules: mapping.Collection) -> CollectionInfo:
    return CollectionInfo(rules.id, {}, rules.title, tuple(b.name for b in rules.bands), rules.mosaic)


def _query(rules: mapping.Collection, properties: Sequence[Condition]) -> dict[str, Any]:
    """The conditions that the API can apply as they are; the others are left to whoever asked."""
    sources = {r.name: r.source for r in rules.properties if r.change is None}
    query: dict[str, Any] = {name: {"eq": value} for name, value in rules.where.items()}
    for name, operator, value in properties:
        if name in sources and operator in QUERIES and isinstance(value, (int, float, str)):
            query.setdefault(sources[name], {})[QUERIES[operator]] = value
    return query


def _placed(
    href: raster.Remote, asset: Mapping[str, Any], properties: Mapping[str, Any]
) -> tuple[Projection, tuple[int, int]]:
    """Projection and (height, width) of an asset, from the item if it says them, else from the file."""
    fields = {k: v for k, v in {**properties, **asset}.items() if k.startswith("proj:")}
    crs, transform, shape = document.crs_of(fields), fields.get("proj:transform"), fields.get("proj:shape")
    if crs is None or transform is None or shape is None:
        header = cog.header(href)
        return Projection(header.crs, header.transform), (header.height, header.width)
    if not re.fullmatch(r"[A-Za-z]+:\w+", crs) and len(crs) < 20:
        raise ArchiveError(f"{raster.shown(href)} names the CRS {crs!r}, which is not known.")
    return Projection(crs, tuple(float(v) for v in transform[:6])), (int(shape[0]), int(shape[1]))  # type: ignore[arg-type]
