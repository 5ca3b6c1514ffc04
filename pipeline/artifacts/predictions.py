"""What a model answered at the samples of the test part: a Parquet table beside the model."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import durable
from pipeline.errors import MinecoverError

NDArray = np.ndarray[Any, Any]

PREDICTIONS = "test.parquet"


@dataclass(frozen=True, eq=False)
class Predictions:
    """Answers at test samples: `y` and `predicted` are codes of classes, `blocks` the spatial blocks of the samples.

    `probabilities` (n, K) are in the order of `codes`; `seed` tells repetitions of one model apart.
    """

    ids: tuple[str, ...]
    y: NDArray
    predicted: NDArray
    blocks: NDArray
    probabilities: NDArray
    codes: tuple[int, ...]
    seed: int = 0


def write_predictions(path: Path, runs: tuple[Predictions, ...]) -> None:
    """Put the answers of all seeds of one model in one file at once."""
    tables = []
    for p in runs:
        columns: dict[str, Any] = {
            "seed": np.full(len(p.ids), p.seed, np.int32),
            "id": pa.array(p.ids, pa.string()),
            "code": p.y.astype(np.int16),
            "predicted": p.predicted.astype(np.int16),
            "block": p.blocks.astype(np.int32),
        }
        columns |= {f"p_{c}": p.probabilities[:, k].astype(np.float32) for k, c in enumerate(p.codes)}
        tables.append(pa.table(columns))
    whole = io.BytesIO()
    pq.write_table(pa.concat_tables(tables), whole, compression="zstd")
    durable.write_bytes(path, whole.getvalue())


def read_predictions(path: Path) -> tuple[Predictions, ...]:
    """The answers in a file, one entry a seed. Raises MinecoverError where there are none."""
    try:
        table = pq.read_table(io.BytesIO(path.read_bytes()))
        codes = tuple(int(n[2:]) for n in table.column_names if n.startswith("p_"))
        seeds = table["seed"].to_numpy()
        columns = {n: table[n].to_numpy(zero_copy_only=False) for n in table.column_names}
        return tuple(_one(columns, codes, seeds == s, int(s)) for s in np.unique(seeds))
    except OSError as error:
        raise MinecoverError(f"'{path}' cannot be read: {error}. `minecover train CONFIG` makes it.") from error
    except (pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise MinecoverError(f"'{path}' is no table of predictions: {error!r}. Train the model again.") from error


def _one(columns: dict[str, NDArray], codes: tuple[int, ...], here: NDArray, seed: int) -> Predictions:
    return Predictions(
        ids=tuple(columns["id"][here].tolist()),
        y=columns["code"][here].astype(np.int64),
        predicted=columns["predicted"][here].astype(np.int64),
        blocks=columns["block"][here],
        probabilities=np.column_stack([columns[f"p_{c}"][here] for c in codes]),
        codes=codes,
        seed=seed,
    )
