"""The table of samples: one row a labelled pixel, with its class, its place and all bands of the stack. GeoParquet."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pyproj import CRS

from pipeline import durable
from pipeline.config import Legend
from pipeline.errors import MinecoverError

NDArray = np.ndarray[Any, Any]

SAMPLES = "samples.parquet"
KEY = b"minecover"
SCHEMA = 1
PLACES = ("id", "code", "class", "x", "y", "row", "col", "block", "group", "valid", "source")


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled pixels. `X` is (n, bands) float32 with NaN where masked, in the order of `bands`; `y` are codes.

    `xy` (n, 2) are pixel centres in metres of `provenance["crs"]`. `groups` number the polygons; -1 is a single
    point.
    """

    ids: tuple[str, ...]
    y: NDArray
    xy: NDArray
    X: NDArray
    bands: tuple[str, ...]
    blocks: NDArray
    groups: NDArray
    legend: Legend
    provenance: dict[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each sample's class."""
        names = dict(zip(self.legend.codes, self.legend.names, strict=True))
        return tuple(names[code] for code in self.y.tolist())

    @property
    def valid(self) -> NDArray:
        """The share of bands that are not masked, for each sample; float32."""
        return np.asarray(np.isfinite(self.X).mean(1, dtype=np.float32))


def write_samples(path: Path, samples: Samples, pixels: NDArray, sources: Sequence[str]) -> None:
    """Put the table in its place at once. `pixels` (n, 2) are rows and columns of the stack."""
    x, y = samples.xy.T
    row, col = pixels.T
    columns: dict[str, Any] = {
        "id": pa.array(samples.ids, pa.string()),
        "code": samples.y.astype(np.int16),
        "class": pa.array(samples.classes, pa.string()),
        "x": x.astype(np.float64),
        "y": y.astype(np.float64),
        "row": row.astype(np.int32),
        "col": col.astype(np.int32),
        "block": samples.blocks.astype(np.int32),
        "group": samples.groups.astype(np.int32),
        "valid": samples.valid,
        "source": pa.array(sources, pa.string()),
    }
    columns |= {name: values.astype(np.float32) for name, values in zip(samples.bands, samples.X.T, strict=True)}
    columns["geometry"] = pa.array(shapely.to_wkb(shapely.points(samples.xy)), pa.binary())
    table = pa.table(columns).replace_schema_metadata({b"geo": _geo(samples), KEY: _own(samples)})
    whole = io.BytesIO()
    pq.write_table(table, whole, compression="zstd")
    durable.write_bytes(path, whole.getvalue())


def read_samples(path: str | Path) -> Samples:
    """The samples in a file, or in a run's folder. Raises MinecoverError where there are none."""
    place = Path(path)
    place = place / SAMPLES if place.is_dir() else place
    try:
        # Not memory-mapped: a later run of the stage may replace the file.
        table = pq.read_table(io.BytesIO(place.read_bytes()))
        return _samples(table)
    except FileNotFoundError as error:
        raise MinecoverError(f"'{place}' is not there. `minecover sample CONFIG` makes it.") from error
    except OSError as error:
        raise MinecoverError(f"'{place}' cannot be read: {error}. Check the file and its rights.") from error
    except (pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise MinecoverError(
            f"'{place}' is not a table of samples: {error!r}. Run `minecover sample` again."
        ) from error


def _samples(table: pa.Table) -> Samples:
    own = json.loads((table.schema.metadata or {})[KEY])
    if own["schema"] != SCHEMA:
        raise ValueError(f"schema {own['schema']}, not {SCHEMA}")
    bands = tuple(own["bands"])
    return Samples(
        ids=tuple(table["id"].to_pylist()),
        y=table["code"].to_numpy().astype(np.int64),
        xy=np.column_stack([table["x"].to_numpy(), table["y"].to_numpy()]),
        X=np.column_stack([table[name].to_numpy() for name in bands]),
        bands=bands,
        blocks=table["block"].to_numpy(),
        groups=table["group"].to_numpy(),
        legend=Legend.model_validate(own["legend"]),
        provenance=own["provenance"],
    )


def _own(samples: Samples) -> str:
    found = {
        "schema": SCHEMA,
        "bands": samples.bands,
        "legend": samples.legend.model_dump(),
        "provenance": samples.provenance,
    }
    return json.dumps(found, ensure_ascii=False, sort_keys=True)


def _geo(samples: Samples) -> str:
    """What GeoParquet 1.0 wants to know of the geometry."""
    crs = samples.provenance.get("crs")
    column: dict[str, Any] = {"encoding": "WKB", "geometry_types": ["Point"]}
    if len(samples.xy):
        column["bbox"] = [*samples.xy.min(0).tolist(), *samples.xy.max(0).tolist()]
    column["crs"] = CRS.from_user_input(crs).to_json_dict() if crs else None
    return json.dumps({"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}})
