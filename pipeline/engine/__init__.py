"""The engine: Earth Engine's API answered by Google's servers or by this machine. `connect` chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.engine.connection import connect, disconnect, serve

__all__ = ["connect", "disconnect", "serve"]


def __getattr__(name: str) -> Any:
    # The client takes half a second to import; that waits until it is needed.
    if name in __all__:
        from pipeline.engine import connection

        return getattr(connection, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
