"""The table of samples: what is written is read again, by us and by whatever reads GeoParquet."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.artifacts import Samples, read_samples, write_samples
from pipeline.artifacts.samples import PLACES
from pipeline.config import Legend
from pipeline.errors import MinecoverError

LEGEND = Legend.model_validate(
    [{"code": 3, "name": "=1+1 <b>🏔", "colour": "#112233"}, {"code": 200, "name": "mine", "colour": "#445566"}]
)


def samples(X: Any) -> Samples:
    n, p = X.shape
    rng = np.random.default_rng(0)
    return Samples(
        ids=tuple(f"p{i}" for i in range(n)),
        y=rng.choice([3, 200], n),
        xy=rng.uniform(4e5, 5e5, (n, 2)),
        X=X,
        bands=tuple(f"band {i}" for i in range(p)),
        blocks=np.arange(n),
        groups=np.full(n, -1),
        legend=LEGEND,
        provenance={"crs": "EPSG:32649", "stack": "f", "counts": {"mine": n}},
    )


def write(path: Path, made: Samples) -> None:
    n = len(made.ids)
    write_samples(path, made, np.column_stack([np.arange(n), np.arange(n)]), ["labels ü.csv"] * n)


@given(X=hnp.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 4)), elements=st.floats(width=32)))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, X: Any) -> None:
    path = tmp_path_factory.mktemp("run") / "samples.parquet"
    made = samples(X)
    write(path, made)
    for found in (read_samples(path), read_samples(path.parent)):
        for name in ("y", "xy", "X", "blocks", "groups"):
            np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
        assert found.X.dtype == np.float32
        for name in ("ids", "bands", "legend", "provenance", "classes"):
            assert getattr(found, name) == getattr(made, name)


def test_others_can_read_it(tmp_path: Path) -> None:
    X = np.array([[1, np.nan], [2, 3]], np.float32)
    made = samples(X)
    write(tmp_path / "s.parquet", made)
    frame = geopandas.read_parquet(tmp_path / "s.parquet")
    assert list(frame.columns) == [*PLACES, *made.bands, "geometry"]
    assert frame.crs.to_epsg() == 32649
    np.testing.assert_array_equal(np.column_stack([frame.geometry.x, frame.geometry.y]), made.xy)
    assert frame["valid"].tolist() == [0.5, 1.0]
    kinds = frame.dtypes.astype(str)
    assert (kinds["code"], kinds["row"], kinds["valid"], kinds["x"]) == ("int16", "int32", "float32", "float64")


def test_the_same_samples_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, samples(np.ones((3, 2), np.float32)))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_what_is_no_table_of_samples(tmp_path: Path) -> None:
    with pytest.raises(MinecoverError, match=r"is not there. `minecover sample CONFIG` makes it"):
        read_samples(tmp_path)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("no")
    for name in ("other.parquet", "text.parquet"):
        with pytest.raises(MinecoverError, match="is not a table of samples"):
            read_samples(tmp_path / name)
