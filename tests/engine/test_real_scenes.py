"""Real scenes go into an archive and come out equal (skipped where the shared data are not there)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from pipeline.engine import archive
from pipeline.engine.archive import FolderArchive
from tests.engine.local import connected

DATA = Path(__file__).parents[3] / "shared" / "data"
CHIPS = DATA / "terramesh-s1-s2-dem-lulc"
CUBE = DATA / "worldcereal-s1-s2-dem-monthly" / "cube_belgium_100x100x12.nc"
S2_BANDS = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12"]
SOURCES = {
    "S2L2A": ("COPERNICUS/S2_SR_HARMONIZED", S2_BANDS),
    "S1RTC": ("COPERNICUS/S1_GRD", ["VV", "VH"]),
    "DEM": ("COPERNICUS/DEM/GLO30", ["DEM"]),
    "LULC": ("TERRAMESH/LULC", ["label"]),
}


def whole(ee: Any, asset: str) -> Any:
    return ee.data.computePixels({"expression": ee.Image(asset), "fileFormat": "NUMPY_NDARRAY"})


@pytest.mark.skipif(not CHIPS.exists(), reason="the TerraMesh chips are not there")
def test_terramesh_chips_come_out_equal(tmp_path: Path) -> None:
    made = FolderArchive.initialise(tmp_path)
    expected = {}
    for source, (collection, bands) in SOURCES.items():
        for path in sorted((CHIPS / source).glob("*.tif")):
            archive.add(made, path, collection, index=path.stem, bands=bands, time="2020-06-01")
            with rasterio.open(path) as raster:
                expected[f"{collection}/{path.stem}"] = (bands, raster.read(), raster.read_masks() > 0)
    assert len(expected) == 20
    with connected(archive=tmp_path) as ee:
        for asset, (bands, data, mask) in expected.items():
            found = whole(ee, asset)
            for i, band in enumerate(bands):
                valid = mask[i] & np.isfinite(data[i])
                assert np.array_equal(found[band][valid], data[i][valid]), asset


@pytest.mark.skipif(not CHIPS.exists(), reason="the TerraMesh chips are not there")
def test_a_stack_of_several_sensors_on_one_grid(tmp_path: Path) -> None:
    made = FolderArchive.initialise(tmp_path)
    stem = sorted((CHIPS / "S2L2A").glob("*.tif"))[0].stem
    for source, (collection, bands) in SOURCES.items():
        (path,) = (CHIPS / source).glob(f"{stem}*.tif")
        archive.add(made, path, collection, index=stem, bands=bands, time="2020-06-01")
    with connected(archive=tmp_path) as ee:
        optical = ee.Image(f"COPERNICUS/S2_SR_HARMONIZED/{stem}")
        slope = ee.Terrain.slope(ee.Image(f"COPERNICUS/DEM/GLO30/{stem}"))
        stack = optical.normalizedDifference(["B8", "B4"]).addBands(slope)
        stack = stack.addBands(ee.Image(f"COPERNICUS/S1_GRD/{stem}"))
        found = ee.data.computePixels(
            {"expression": stack.clipToBoundsAndScale(optical.geometry()), "fileFormat": "NUMPY_NDARRAY"}
        )
    assert found.dtype.names == ("nd", "slope", "VV", "VH")
    assert found["nd"].min() >= -1 and found["nd"].max() <= 1 and found["nd"].std() > 0.01
    assert 0 < found["slope"].max() < 90


@pytest.mark.skipif(not CUBE.exists(), reason="the WorldCereal cube is not there")
def test_a_worldcereal_cube_gives_numpys_seasonal_median(tmp_path: Path) -> None:
    import xarray as xr

    bands = {"S2-L2A-B04": "B4", "S2-L2A-B08": "B8"}
    with xr.open_dataset(CUBE) as cube:
        t = {name: cube[name].transpose("t", "y", "x").values for name in bands}
        x, y, times = cube.x.values, cube.y.values, cube.t.values
    made = FolderArchive.initialise(tmp_path / "archive")
    size = float(x[1] - x[0])
    corner = Affine(size, 0, float(x[0]) - size / 2, 0, float(y[1] - y[0]), float(y[0]) - float(y[1] - y[0]) / 2)
    for number, time in enumerate(times):
        path = tmp_path / f"{str(time)[:10]}.tif"
        options = {"width": len(x), "height": len(y), "count": 2, "dtype": "uint16", "crs": "EPSG:32631"}
        with rasterio.open(path, "w", driver="GTiff", transform=corner, nodata=65535, **options) as target:
            target.write(np.stack([t[name][number] for name in bands]).astype(np.uint16))
        archive.add(made, path, "WORLDCEREAL/S2", bands=list(bands.values()), time=str(time)[:10])
    with connected(archive=tmp_path / "archive") as ee:
        collection = ee.ImageCollection("WORLDCEREAL/S2")
        assert collection.size().getInfo() == len(times)
        median = collection.median().setDefaultProjection(ee.Image(collection.first()).projection())
        region = ee.Image(collection.first()).geometry()
        found = ee.data.computePixels(
            {"expression": median.clipToBoundsAndScale(region), "fileFormat": "NUMPY_NDARRAY"}
        )
    for name, band in bands.items():
        stack = np.ma.masked_equal(t[name].astype(float), 65535)
        expected = np.ma.median(stack, axis=0)
        shown = ~np.ma.getmaskarray(expected)
        assert np.allclose(found[band][: len(y), : len(x)][shown], np.asarray(expected)[shown])
