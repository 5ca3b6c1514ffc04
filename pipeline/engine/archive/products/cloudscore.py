"""Cloud Score+ rasters, exported from Earth Engine, into GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED: 0 to 1, 1 is clear.

A file is recognised by the index of its Sentinel-2 image in its name. Whole numbers are hundredths (uint8) or
ten-thousandths (uint16).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pipeline.engine.archive import cog, document
from pipeline.engine.archive.ingest import Meaning
from pipeline.engine.archive.products import numbers
from pipeline.engine.archive.products.model import Image, Options, plain_image
from pipeline.engine.raster import shown
from pipeline.errors import ArchiveError

COLLECTION = "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"
INDEX = re.compile(r"(\d{8}T\d{6})_\d{8}T\d{6}_T\w{5}(?![A-Za-z0-9])")
BANDS = ("cs", "cs_cdf")
WHOLE = {"uint8": 100, "uint16": 10_000}


def recognises(path: Path) -> bool:
    """Whether the name is the index of a Sentinel-2 image, perhaps with something around it."""
    return bool(INDEX.search(path.name)) and path.suffix.lower() in (".tif", ".tiff")


def read(path: Path, options: Options) -> Image:
    """The image that the file holds bands of."""
    index = INDEX.search(path.name)
    if index is None:
        raise ArchiveError(
            f"{shown(path)} does not name its Sentinel-2 image. Name it by the image's system:index, such as "
            f"20210414T032541_20210414T033546_T49SDD.tif."
        )
    header = cog.header(path, options.assume_crs)
    bands = _bands(path, header)
    change = _change(path, header, bands, options)
    properties: dict[str, Any] = {"system:time_start": document.millis(index[1])}
    asset = f"{options.asset or COLLECTION}/{index[0]}"
    return plain_image(path, asset, bands, properties, options, [Meaning(options.nodata, change=change)])


def _bands(path: Path, header: cog.Header) -> dict[str, int]:
    found = {name: i for i, name in enumerate(header.names, 1) if name in BANDS}
    if not found and len(header.names) == 1:
        found = {name: 1 for name in BANDS if path.stem.lower().endswith(f"_{name}")}
    if not found:
        raise ArchiveError(
            f"{shown(path)} does not say which of its {len(header.names)} bands is cs or cs_cdf. Set band "
            f"descriptions, or end the name of a one-band file with _cs.tif or _cs_cdf.tif."
        )
    return found


def _change(path: Path, header: cog.Header, bands: dict[str, int], options: Options) -> cog.Change:
    whole = WHOLE.get(header.dtype, 1)
    for name, number in bands.items():
        found = numbers.sample(path, number, options.nodata)
        if found.size and not (found.min() >= 0 and found.max() <= whole):
            raise ArchiveError(
                f"{name} of {shown(path)} goes from {found.min():g} to {found.max():g}; {header.dtype} numbers from 0 "
                f"to {whole} are expected. Say with --nodata which number is none, or scale them."
            )
    return numbers.as_float() if whole == 1 else numbers.fraction(whole)
