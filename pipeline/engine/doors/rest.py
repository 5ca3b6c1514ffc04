"""The verbs of Earth Engine's REST interface: one table, which both the router and the discovery document read.

Requests and responses are plain values; nothing here knows of sockets, of the client, or of what a verb does.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from pipeline.engine.graph import parse_json
from pipeline.errors import EngineError

MAX_MESSAGE = 2000
MAX_PAGE = 1000
MAX_INDEX = 1 << 31


@dataclass(frozen=True)
class Verb:
    """One REST method. `name` is its place among the client's resources, `path` its URL without the version."""

    name: str
    http: str
    path: str
    query: tuple[str, ...] = ()
    pages: bool = False


@dataclass(frozen=True)
class Request:
    """A decoded call: the verb, what the path named, the query, and the JSON body ({} without one)."""

    verb: Verb
    path: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def project(self) -> str:
        """The project that the path names, without `projects/`."""
        return next(iter(self.path.values())).split("/")[1]


@dataclass(frozen=True)
class Response:
    """What goes back: an HTTP status, headers (lower case), and the bytes."""

    status: int
    headers: dict[str, str]
    body: bytes


Handler = Callable[[Request], Any]
"""Answers a request with a Response, or with a value to be sent as JSON."""

_PROJECT = r"projects/[^/]+"
_ASSET = r"projects/[^/]+/assets/?.*"

PARAMETERS: dict[str, str] = {
    "project": _PROJECT,
    "parent": _PROJECT,
    "name": _PROJECT + r"/.+",
    "resource": _ASSET,
    "asset": _ASSET,
    "sourceName": _ASSET,
}

_PAGED = ("pageSize", "pageToken")
# The client names its workload in the query of these, in the body of others.
_TAGGED = ("workloadTag",)

VERBS: tuple[Verb, ...] = (
    Verb("listAssets", "GET", "{parent}:listAssets", (*_PAGED, "filter", "view"), pages=True),
    Verb("getConfig", "GET", "{name=projects/[^/]+/config}"),
    Verb("updateConfig", "PATCH", "{name=projects/[^/]+/config}", ("updateMask",)),
    Verb("algorithms.list", "GET", "{parent}/algorithms"),
    Verb("assets.getIamPolicy", "POST", "{resource}:getIamPolicy"),
    Verb("assets.setIamPolicy", "POST", "{resource}:setIamPolicy"),
    Verb("assets.testIamPermissions", "POST", "{resource}:testIamPermissions"),
    Verb(
        "assets.listAssets",
        "GET",
        "{parent=projects/[^/]+/assets/.*}:listAssets",
        (*_PAGED, "filter", "view"),
        pages=True,
    ),
    Verb("assets.listFeatures", "GET", "{asset}:listFeatures", (*_PAGED, "region", "filter")),
    Verb("assets.getPixels", "POST", "{name=projects/[^/]+/assets/.*}:getPixels"),
    Verb("assets.copy", "POST", "{sourceName}:copy"),
    Verb("assets.move", "POST", "{sourceName}:move"),
    Verb("assets.link", "POST", "{sourceName}:link"),
    Verb("assets.create", "POST", "{parent}/assets", ("assetId", "overwrite")),
    Verb("assets.get", "GET", "{name=projects/[^/]+/assets/?.*}"),
    Verb("assets.patch", "PATCH", "{name=projects/[^/]+/assets/.*}"),
    Verb("assets.delete", "DELETE", "{name=projects/[^/]+/assets/.*}"),
    Verb("value.compute", "POST", "{project}/value:compute"),
    Verb("image.computePixels", "POST", "{project}/image:computePixels"),
    Verb("image.export", "POST", "{project}/image:export"),
    Verb("image.import", "POST", "{project}/image:import"),
    Verb("image.importExternal", "POST", "{project}/image:importExternal"),
    Verb("imageCollection.computeImages", "POST", "{project}/imageCollection:computeImages"),
    Verb("table.computeFeatures", "POST", "{project}/table:computeFeatures"),
    Verb("table.export", "POST", "{project}/table:export"),
    Verb("table.import", "POST", "{project}/table:import"),
    Verb("map.export", "POST", "{project}/map:export"),
    Verb("video.export", "POST", "{project}/video:export"),
    Verb("videoMap.export", "POST", "{project}/videoMap:export"),
    Verb("classifier.export", "POST", "{project}/classifier:export"),
    Verb("featureView.create", "POST", "{parent}/featureView"),
    Verb("maps.create", "POST", "{parent}/maps", _TAGGED),
    Verb("maps.tiles.get", "GET", "{parent=projects/[^/]+/maps/[^/]+}/tiles/{zoom}/{x}/{y}"),
    Verb("thumbnails.create", "POST", "{parent}/thumbnails", _TAGGED),
    Verb("thumbnails.getPixels", "GET", "{name=projects/[^/]+/thumbnails/[^/]+}:getPixels"),
    Verb("videoThumbnails.create", "POST", "{parent}/videoThumbnails", _TAGGED),
    Verb("videoThumbnails.getPixels", "GET", "{name=projects/[^/]+/videoThumbnails/[^/]+}:getPixels"),
    Verb("filmstripThumbnails.create", "POST", "{parent}/filmstripThumbnails", _TAGGED),
    Verb("filmstripThumbnails.getPixels", "GET", "{name=projects/[^/]+/filmstripThumbnails/[^/]+}:getPixels"),
    Verb("tables.create", "POST", "{parent}/tables", _TAGGED),
    Verb("tables.getFeatures", "GET", "{name=projects/[^/]+/tables/[^/]+}:getFeatures"),
    Verb("operations.list", "GET", "{name=projects/[^/]+}/operations", (*_PAGED, "filter"), pages=True),
    Verb("operations.cancel", "POST", "{name=projects/[^/]+/operations/[^/]+}:cancel"),
    Verb("operations.wait", "POST", "{name=projects/[^/]+/operations/[^/]+}:wait"),
    Verb("operations.get", "GET", "{name=projects/[^/]+/operations/[^/]+}"),
    Verb("operations.delete", "DELETE", "{name=projects/[^/]+/operations/[^/]+}"),
)

_FIELD = re.compile(r"\{(\w+)(?:=((?:[^{}])+))?\}")


def fields(verb: Verb) -> list[tuple[str, str]]:
    """The names in the verb's path, each with the pattern that its value follows."""
    return [(name, pattern or PARAMETERS.get(name, r"-?\d+")) for name, pattern in _FIELD.findall(verb.path)]


@cache
def _routes() -> list[tuple[Verb, re.Pattern[str]]]:
    routes = []
    for verb in VERBS:
        pattern = re.escape(_FIELD.sub("\0", verb.path))
        for name, value in fields(verb):
            pattern = pattern.replace("\0", f"(?P<{name}>{value})", 1)
        routes.append((verb, re.compile(r"/v1(?:alpha)?/" + pattern, re.DOTALL)))
    return routes


def route(method: str, path: str, query: str, body: bytes) -> Request:
    """The request that a method, a URL path, its query and the body make; 404 for what is no verb."""
    plain = unquote(path)
    for verb, pattern in _routes():
        found = pattern.fullmatch(plain) if verb.http == method else None
        if found:
            return Request(verb, found.groupdict(), dict(parse_qsl(query)), _json_object(body))
    raise EngineError(f"There is no method {method[:16]} {plain[:200]}.", 404)


def _json_object(body: bytes) -> dict[str, Any]:
    value = parse_json(body) if body.strip() else {}
    if not isinstance(value, dict):
        raise EngineError("Invalid JSON payload received. The body must be a JSON object.")
    if rb"\ud" in body.lower():
        _refuse_lone_surrogates(value)
    return value


def _refuse_lone_surrogates(value: Any) -> None:
    """JSON can spell text that is no Unicode; nothing below is ready for it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise EngineError("Invalid JSON payload received. It holds text that is not Unicode.") from None


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The value as JSON."""
    body = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    return Response(status, {"content-type": "application/json; charset=UTF-8", **(headers or {})}, body)


def error_response(code: int, message: str, status: str) -> Response:
    """An error in Earth Engine's shape."""
    return json_response({"error": {"code": code, "message": message[:MAX_MESSAGE], "status": status}}, code)


def member(body: Mapping[str, Any], name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
    """One member of a body, checked; the default where it is absent or null."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise EngineError(f"Invalid value at '{name}': {str(value)[:80]!r}.")
    return value


def number(value: Any, name: str) -> float | None:
    """A number however protocol buffers spell it in JSON: plain, as text, or wrapped in `{"value": …}`."""
    if isinstance(value, dict):
        value = value.get("value")
    if value is None:
        return None
    try:
        return float(value) if not isinstance(value, (bool, list, dict)) else _refuse(value, name)
    except (TypeError, ValueError, OverflowError):
        return _refuse(value, name)


def integer(value: Any, name: str) -> int | None:
    """A whole number, spelled as `number` allows."""
    found = number(value, name)
    if found is None:
        return None
    return int(found) if math.isfinite(found) and found.is_integer() else int(_refuse(value, name))


def _refuse(value: Any, name: str) -> float:
    raise EngineError(f"Invalid value at '{name}': {str(value)[:80]!r} is not a number of the right kind.")


def page(size: Any, token: Any) -> tuple[int, int]:
    """Where a page begins and how many it holds, from `pageSize` and `pageToken`."""
    length = integer(size or None, "pageSize") or MAX_PAGE
    start = integer(token or None, "pageToken") or 0
    if not (0 < length <= MAX_INDEX and 0 <= start <= MAX_INDEX):
        raise EngineError(f"Invalid page: pageSize {size!r}, pageToken {token!r}.")
    return start, length
