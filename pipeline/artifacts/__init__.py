"""What stages leave for each other in a run's folder: finished files with a ledger, and stacks that open lazily."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.artifacts.stack import open_counts, open_stack

__all__ = ["open_counts", "open_stack"]


def __getattr__(name: str) -> Any:
    # xarray takes half a second to import; whoever only writes does not need it.
    if name in __all__:
        from pipeline.artifacts import stack

        return getattr(stack, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
