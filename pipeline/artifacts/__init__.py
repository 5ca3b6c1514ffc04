"""What stages leave for each other in a run's folder: files with a ledger, stacks that open lazily, samples."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.artifacts.samples import Samples, read_samples, write_samples
    from pipeline.artifacts.stack import open_counts, open_stack

__all__ = ["Samples", "open_counts", "open_stack", "read_samples", "write_samples"]


def __getattr__(name: str) -> Any:
    # xarray takes half a second to import; whoever only writes does not need it.
    if name in __all__:
        place = "stack" if name.startswith("open_") else "samples"
        return getattr(import_module(f"pipeline.artifacts.{place}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
