"""Native chatter is lost, Python's exceptions and what comes afterwards are not; TensorFlow's warnings are for us."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.models import hushed


def test_only_what_is_written_meanwhile_is_lost(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="kept"), hushed():
        os.write(2, b"chatter")
        raise ValueError("kept")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"
    log = logging.getLogger("tensorflow")
    assert not log.isEnabledFor(logging.WARNING)
    assert log.isEnabledFor(logging.ERROR)


WRITE = """
import sys
from pipeline.models import hushed
with hushed():
    import tensorflow
import geopandas, shapely
geopandas.GeoDataFrame(geometry=[shapely.Point(1, 2)], crs="EPSG:32649").to_file(sys.argv[1], engine="pyogrio")
"""


def test_geopackages_keep_their_spatial_index_beside_tensorflow(tmp_path: Path) -> None:
    place = tmp_path / "points.gpkg"
    subprocess.run([sys.executable, "-c", WRITE, str(place)], check=True, capture_output=True)
    assert b"gpkg_rtree_index" in place.read_bytes()
