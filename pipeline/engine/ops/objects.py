"""What any value is: its type, its description, whether it equals another. Blobs, as far as their address goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.engine.coerce import type_name
from pipeline.engine.language.equality import equal
from pipeline.engine.values import Opaque
from pipeline.engine.wire import to_wire

TABLE: dict[str, Callable[..., Any]] = {
    "Blob": lambda url: Opaque("Blob", {"url": url}),
    "Blob.url": lambda blob: blob.args["url"],
    "Describe": to_wire,
    "IsEqual": equal,
    "ObjectType": type_name,
}

NOTES = {"IsEqual": "Images, collections and features are equal only where they are the same value of one request."}
