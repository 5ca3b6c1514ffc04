"""How much of the bands is masked at the samples: by class, and by season."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.console import some

NDArray = np.ndarray[Any, Any]

ALL_YEAR = "all year"
STATIC = "static"


@dataclass(frozen=True, eq=False)
class Missing:
    """The share of masked values, 0…1: a row a class, a column a season (bands without a season under `all year`)."""

    classes: tuple[str, ...]
    seasons: tuple[str, ...]
    share: NDArray
    empty: tuple[str, ...]
    """Bands without a value at any sample."""

    @property
    def as_json(self) -> dict[str, dict[str, float]]:
        """Shares by class and season, to six digits."""
        rows = (np.round(row, 6).tolist() for row in self.share)
        return {c: dict(zip(self.seasons, row, strict=True)) for c, row in zip(self.classes, rows, strict=True)}

    def lines(self) -> Iterator[str]:
        """The table for people, in percent."""
        if not self.share.any():
            yield "Missing   nothing: every band has a value at every sample"
            return
        if self.empty:
            yield f"No values in {some(self.empty)}: left out by the stages to come"
        wide = max(map(len, self.classes))
        yield f"Missing   {'% of values':<{wide}} " + "".join(f"{s:>10}" for s in self.seasons)
        for name, row in zip(self.classes, self.share, strict=True):
            yield f"          {name:<{wide}} " + "".join(f"{100 * v:>10.1f}" for v in row)


def missing(
    X: NDArray, labels: NDArray, bands: Sequence[str], parts: Sequence[str], classes: dict[int, str]
) -> Missing:
    """The table of masked values. `parts` names the part of the stack of each band, `classes` the names by code."""
    seasons = tuple(dict.fromkeys(parts))
    gone = np.isnan(X)
    own = [np.flatnonzero([p == s for p in parts]) for s in seasons]
    share = np.array([[gone[np.ix_(labels == code, bands)].mean() for bands in own] for code in classes])
    titles = tuple(ALL_YEAR if s == STATIC else s for s in seasons)
    empty = tuple(bands[i] for i in np.flatnonzero(gone.all(axis=0)).tolist())
    return Missing(tuple(classes.values()), titles, share.reshape(len(classes), len(seasons)), empty)
