"""A stack opens as one lazy array: every way of indexing gives what was written, and reads no more than it needs."""

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rioxarray  # noqa: F401 (adds .rio)
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from pipeline.artifacts import open_counts, open_stack, stack
from pipeline.artifacts.manifest import FILE, read_manifest
from pipeline.errors import MinecoverError
from tests.artifacts import stacks

NDArray = np.ndarray[Any, Any]
SHAPE = (4, stacks.GRID.height, stacks.GRID.width)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NDArray, NDArray]:
    run = tmp_path_factory.mktemp("a run")
    bands, counts = stacks.stack(run / "stack")
    return run, bands, counts


def slices(size: int) -> st.SearchStrategy[slice]:
    return st.slices(size)


def index(size: int) -> st.SearchStrategy[Any]:
    places = st.lists(st.integers(-size, size - 1), max_size=6).map(lambda v: np.array(v, int))
    return st.one_of(st.integers(-size, size - 1), slices(size), places)


@given(keys=st.tuples(*(index(n) for n in SHAPE)))
def test_any_indexing_is_that_of_the_whole_array(made: tuple[Path, NDArray, NDArray], keys: Any) -> None:
    run, bands, _ = made
    whole = xr.DataArray(bands, dims=("band", "y", "x"))
    chosen = dict(zip(("band", "y", "x"), keys, strict=True))
    np.testing.assert_array_equal(open_stack(run).isel(chosen).values, whole.isel(chosen).values)


@given(points=st.lists(st.tuples(st.integers(0, SHAPE[1] - 1), st.integers(0, SHAPE[2] - 1)), max_size=30))
def test_points_anywhere(made: tuple[Path, NDArray, NDArray], points: list[tuple[int, int]]) -> None:
    run, bands, counts = made
    rows, columns = np.array(points, int).reshape(-1, 2).T
    at = {"y": xr.DataArray(rows, dims="point"), "x": xr.DataArray(columns, dims="point")}
    np.testing.assert_array_equal(open_stack(run).isel(at).values, bands[:, rows, columns])
    np.testing.assert_array_equal(open_counts(run).isel(at).values, counts[:, rows, columns])


def test_only_what_is_asked_for_is_read(made: tuple[Path, NDArray, NDArray], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []

    def noted(href: str, bands: list[int], window: Any) -> Any:
        read.append((Path(href).parent.name, Path(href).stem, bands, window))
        return real(href, bands, window)

    real = stack.read_window
    monkeypatch.setattr(stack, "read_window", noted)
    lazy = open_stack(made[0])
    part = lazy.sel(band=["spring_c", "spring_a"]).isel(x=slice(30, 36), y=slice(2, 5))
    assert not read
    part.load()
    assert read == [("spring", "tile_0_0", [1, 3], (30, 2, 2, 3)), ("spring", "tile_0_1", [1, 3], (0, 2, 4, 3))]
    read.clear()
    far = {"y": xr.DataArray([0, 49], dims="p"), "x": xr.DataArray([1, 2], dims="p")}
    lazy.sel(band="d").isel(far).load()
    assert read == [("static", "tile_0_0", [1], (1, 0, 1, 1)), ("static", "tile_1_0", [1], (2, 17, 1, 1))]


def test_coordinates_and_attributes(made: tuple[Path, NDArray, NDArray]) -> None:
    lazy = open_stack(made[0] / "stack" / FILE)
    assert lazy.dims == ("band", "y", "x")
    assert list(lazy.band.values) == ["spring_a", "spring_b", "spring_c", "d"]
    assert (float(lazy.x[0]), float(lazy.y[0])) == (614_005.0, 4_375_995.0)
    assert (lazy.dtype, open_counts(made[0]).dtype) == (np.float32, np.uint16)
    assert lazy.rio.crs == "EPSG:32649"
    assert lazy.rio.transform() == Affine(10, 0, 614_000, 0, -10, 4_376_000)
    assert np.isnan(lazy.rio.nodata)
    assert lazy.attrs["crs"] == "EPSG:32649"
    assert list(lazy.unit.values) == ["m"] * 4


def test_it_travels_to_other_processes_and_computes_in_chunks(made: tuple[Path, NDArray, NDArray]) -> None:
    run, bands, _ = made
    lazy = open_stack(run)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(lazy)).values, bands)
    chunked = lazy.chunk({"x": 17, "y": 20}).mean("band", skipna=True)
    np.testing.assert_allclose(chunked.values, lazy.mean("band", skipna=True).values)


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = stacks.manifest(((0, 0), (0, 1)))
    written.write(tmp_path)
    assert read_manifest(tmp_path) == written


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"schema": 99}', json.dumps({"schema": 1, "grid": {}})])
def test_what_is_no_stack_is_one_plain_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / FILE).write_text(content)
    with pytest.raises(MinecoverError, match=r"minecover export|Run the export again"):
        open_stack(tmp_path)


def test_a_damaged_tile_is_named(tmp_path: Path) -> None:
    stacks.stack(tmp_path / "stack")
    (tmp_path / "stack" / "spring" / "tile_0_1.tif").write_bytes(b"II*\0")
    lazy = open_stack(tmp_path)
    assert np.isfinite(lazy.isel(x=slice(0, 32)).values).any()
    with pytest.raises(MinecoverError, match=r"tile_0_1\.tif' cannot be read.*Run the same export again"):
        lazy.load()


def test_importing_artifacts_is_light() -> None:
    script = "import sys, pipeline.artifacts; print({'xarray', 'rasterio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
