"""GeoTIFFs for the archive's tests."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin

UTM = {"crs": "EPSG:32631", "transform": from_origin(500000, 5000000, 10, 10)}


def write(path: Path, data: np.ndarray[Any, Any], **profile: Any) -> Path:
    """A GeoTIFF of (bands, rows, columns) in UTM zone 31."""
    count, height, width = data.shape
    given = {**UTM, **profile}
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype=data.dtype.name, **given
    ) as file:
        file.write(data)
    return path


def numbers(bands: int = 1, height: int = 60, width: int = 80, dtype: str = "uint16") -> np.ndarray[Any, Any]:
    """Distinct numbers, none of them 0."""
    made: np.ndarray[Any, Any] = np.arange(1, bands * height * width + 1).reshape(bands, height, width).astype(dtype)
    return made
