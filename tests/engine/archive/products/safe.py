"""Small Sentinel-2 SAFE products with the names, metadata and checksums of real ones.

Structure and values follow products of baselines 02.14, 04.00 and 05.10: the metadata's tags, attributes and
namespaces, MD5 checksums before 03.01 and SHA3-256 since, JPEG 2000 without loss.
"""

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

Pixels = np.ndarray[Any, Any]

BANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
RESOLUTION = {"B2": 10, "B3": 10, "B4": 10, "B8": 10, "B1": 60, "B9": 60, "B10": 60}
ULX, ULY, CRS = 399_960, 4_400_040, "EPSG:32649"
SUN = (31.1936641036077, 149.615814634594)
CONTENT = {
    "CLOUDY_PIXEL_PERCENTAGE": "12.345678",
    "DEGRADED_MSI_DATA_PERCENTAGE": "0.0264",
    "NODATA_PIXEL_PERCENTAGE": "0.000000",
    "CLOUD_SHADOW_PERCENTAGE": "1.305484",
    "SNOW_ICE_PERCENTAGE": "6.46E-4",
    "AOT_RETRIEVAL_METHOD": "SEN2COR_DDV",
}


@dataclass(frozen=True)
class Safe:
    """A product on disk and the numbers that are stored in it, by Earth Engine's band names."""

    path: Path
    index: str
    bands: dict[str, Pixels]

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(".SAFE")


def make(
    folder: Path,
    *,
    baseline: str = "05.10",
    level: str = "L2A",
    take: str = "20210414T032541",
    strip: str = "20210414T033546",
    tile: str = "49SDD",
    generated: str = "20230622T120000",
    offsets: Mapping[int, int] | None = None,
    drop: Iterable[str] = (),
    edit: Callable[[str], str] = lambda text: text,
    size: int = 120,
    seed: int = 0,
) -> Safe:
    """A product of `size` pixels of 10 m a side; `drop` leaves bands out, `edit` changes the product's metadata."""
    name = f"S2A_MSI{level}_{take}_N{baseline.replace('.', '')}_R018_T{tile}_{generated}"
    inner = f"GRANULE/{level}_T{tile}_A030351_{strip}"
    root = folder / f"{name}.SAFE"
    images, numbers = {}, {}
    for band, pixels in _pixels(level, size, seed).items():
        if band not in drop:
            images[band] = _write_image(root, inner, level, f"T{tile}_{take}", band, pixels)
            numbers |= dict(zip(_names(band), pixels, strict=True))
    given = dict.fromkeys(range(13), -1000) if offsets is None and float(baseline) >= 4 else dict(offsets or {})
    product = _product_xml(level, name, baseline, take, strip, tile, generated, inner, given, images.values())
    (root / f"MTD_MSI{level}.xml").write_text(edit(product), "utf-8")
    (root / inner / "MTD_TL.xml").write_text(_tile_xml(level, tile, generated, strip, baseline, size), "utf-8")
    (root / "INSPIRE.xml").write_text("<gmd:MD_Metadata xmlns:gmd='http://www.isotc211.org/2005/gmd'/>", "utf-8")
    write_manifest(root, "MD5" if float(baseline) < 3.01 else "SHA3-256")
    return Safe(root, f"{take}_{strip}_T{tile}", numbers)


def zipped(safe: Safe, keep: Callable[[str], bool] = lambda name: True) -> Path:
    """The product as it is downloaded: one zip file, the images stored as they are."""
    target = safe.path.with_suffix(".SAFE.zip")
    with zipfile.ZipFile(target, "w") as made:
        for file in sorted(p for p in safe.path.rglob("*") if p.is_file()):
            name = f"{safe.path.name}/{file.relative_to(safe.path).as_posix()}"
            if keep(name):
                made.write(file, name)
    return target


def write_manifest(root: Path, algorithm: str = "SHA3-256") -> None:
    """The list of all files with sizes and checksums; those of images are in capitals, as in real products."""
    objects = []
    for number, file in enumerate(sorted(p for p in root.rglob("*") if p.is_file() and p.name != "manifest.safe")):
        content = file.read_bytes()
        digest = (hashlib.md5(content) if algorithm == "MD5" else hashlib.sha3_256(content)).hexdigest()
        objects.append(
            f'<dataObject ID="Object_{number}"><byteStream mimeType="application/octet-stream" size="{len(content)}">'
            f'<fileLocation href="./{file.relative_to(root).as_posix()}" locatorType="URL"/>'
            f'<checksum checksumName="{algorithm}">{digest.upper() if file.suffix == ".jp2" else digest}</checksum>'
            f"</byteStream></dataObject>"
        )
    (root / "manifest.safe").write_text(
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<xfdu:XFDU '
        'xmlns:safe="http://www.esa.int/safe/sentinel/1.1" xmlns:xfdu="urn:ccsds:schema:xfdu:1" '
        'version="esa/safe/sentinel/1.1/sentinel-2/msi/archive_l2a_user_product">'
        f"<informationPackageMap/><metadataSection/><dataObjectSection>{''.join(objects)}</dataObjectSection></xfdu:XFDU>",
        "utf-8",
    )


def image_files(safe: Safe, band: str) -> list[Path]:
    """The image files of a band as metadata call it, such as B02 or SCL."""
    return sorted(safe.path.rglob(f"*_{band}*.jp2"))


def _names(band: str) -> tuple[str, ...]:
    return ("TCI_R", "TCI_G", "TCI_B") if band == "TCI" else (band,)


def _pixels(level: str, size: int, seed: int) -> dict[str, Pixels]:
    """Stored numbers of each image file: (bands, rows, columns), 0 in the upper left corner where nothing was seen."""
    rng = np.random.default_rng(seed)
    found: dict[str, Pixels] = {}
    for band in BANDS:
        if band == "B10" and level == "L2A":
            continue
        side = size * 10 // RESOLUTION.get(band, 20)
        pixels = rng.integers(900, 6000, (1, side, side)).astype(np.uint16)
        pixels[0, : side // 4, : side // 4] = 0
        pixels[0, -1, -2:] = 65535, 1
        found[band] = pixels
    if level == "L2A":
        found["SCL"] = rng.integers(1, 12, (1, size // 2, size // 2)).astype(np.uint8)
        found["SCL"][0, : size // 8, : size // 8] = 0
        found["AOT"] = rng.integers(1, 500, (1, size, size)).astype(np.uint16)
        found["WVP"] = rng.integers(1, 3000, (1, size, size)).astype(np.uint16)
        found["TCI"] = rng.integers(1, 256, (3, size, size)).astype(np.uint8)
        found["MSK_CLDPRB"] = rng.integers(0, 101, (1, size // 2, size // 2)).astype(np.uint8)
        found["MSK_SNWPRB"] = np.zeros((1, size // 2, size // 2), np.uint8)
    return found


def _write_image(root: Path, inner: str, level: str, stem: str, band: str, pixels: Pixels) -> str:
    """The image file's name as the metadata list it; empty for a mask."""
    metres = RESOLUTION.get(band, 10 if band in ("AOT", "WVP", "TCI") else 20)
    written = f"B{band[1:].zfill(2)}" if band in BANDS and band != "B8A" else band
    if band.startswith("MSK_"):
        name = f"{inner}/QI_DATA/{band}_{metres}m"
    elif level == "L2A":
        name = f"{inner}/IMG_DATA/R{metres}m/{stem}_{written}_{metres}m"
    else:
        name = f"{inner}/IMG_DATA/{stem}_{written}"
    file = root / f"{name}.jp2"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_jp2(file, pixels, metres)
    return "" if band.startswith("MSK_") else name


def write_jp2(file: Path, pixels: Pixels, metres: int, **more: Any) -> None:
    count, height, width = pixels.shape
    profile = {"count": count, "height": height, "width": width, "dtype": pixels.dtype.name, "crs": CRS} | more
    place = Affine(metres, 0, ULX, 0, -metres, ULY)
    with rasterio.Env(GDAL_PAM_ENABLED=False), rasterio.open(
        file, "w", driver="JP2OpenJPEG", transform=place, QUALITY=100, REVERSIBLE="YES", YCC="NO", **profile
    ) as made:  # fmt: skip
        made.write(pixels)


def _product_xml(
    level: str,
    name: str,
    baseline: str,
    take: str,
    strip: str,
    tile: str,
    generated: str,
    inner: str,
    offsets: Mapping[int, int],
    images: Iterable[str],
) -> str:
    tag = f"Level-{level[1:]}"
    psd = "https://psd-15.sentinel2.eo.esa.int" if float(baseline) >= 5 else "https://psd-14.sentinel2.eo.esa.int"
    files = "\n".join(f"<IMAGE_FILE>{image}</IMAGE_FILE>" for image in images if image)
    kind = "BOA" if level == "L2A" else "RADIO"
    listed = "BOA_ADD_OFFSET_VALUES_LIST" if level == "L2A" else "Radiometric_Offset_List"
    added = "".join(f'<{kind}_ADD_OFFSET band_id="{i}">{v}</{kind}_ADD_OFFSET>' for i, v in offsets.items())
    quantified = (
        '<QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE>'
        '<AOT_QUANTIFICATION_VALUE unit="none">1000.0</AOT_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>'
        if level == "L2A"
        else '<QUANTIFICATION_VALUE unit="none">10000</QUANTIFICATION_VALUE>'
    )
    sun = "".join(f'<SOLAR_IRRADIANCE bandId="{i}" unit="W/m²/µm">{1884.69 - i}</SOLAR_IRRADIANCE>' for i in range(13))
    checks = "".join(
        f'<quality_check checkType="{c}">PASSED</quality_check>' for c in ("FORMAT_CORRECTNESS", "RADIOMETRIC_QUALITY")
    )
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:{tag}_User_Product xmlns:n1="{psd}/PSD/User_Product_{tag}.xsd" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="{psd}/PSD/User_Product_{tag}.xsd">
  <n1:General_Info>
    <Product_Info>
      <PRODUCT_START_TIME>{_iso(take)}.024Z</PRODUCT_START_TIME>
      <PRODUCT_URI>{name}.SAFE</PRODUCT_URI>
      <PROCESSING_LEVEL>{tag}</PROCESSING_LEVEL>
      <PRODUCT_TYPE>S2MSI{level[1:]}</PRODUCT_TYPE>
      <PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
      <GENERATION_TIME>{_iso(generated)}.000000Z</GENERATION_TIME>
      <Datatake datatakeIdentifier="GS2A_{take}_030351_N{baseline}">
        <SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME>
        <DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
        <DATATAKE_SENSING_START>{_iso(take)}.024Z</DATATAKE_SENSING_START>
        <SENSING_ORBIT_NUMBER>18</SENSING_ORBIT_NUMBER>
        <SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
      </Datatake>
      <Query_Options completeSingleTile="true"><PRODUCT_FORMAT>SAFE_COMPACT</PRODUCT_FORMAT></Query_Options>
      <Product_Organisation><Granule_List>
        <Granule datastripIdentifier="S2A_OPER_MSI_{level}_DS_VGS4_{generated}_S{strip}_N{baseline}"
          granuleIdentifier="S2A_OPER_MSI_{level}_TL_VGS4_{generated}_A030351_T{tile}_N{baseline}"
          imageFormat="JPEG2000">
{files}
        </Granule>
      </Granule_List></Product_Organisation>
    </Product_Info>
    <Product_Image_Characteristics>
      <Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
      {quantified}
      {f"<{listed}>{added}</{listed}>" if offsets else ""}
      <Reflectance_Conversion><U>0.993841990384341</U><Solar_Irradiance_List>{sun}</Solar_Irradiance_List></Reflectance_Conversion>
    </Product_Image_Characteristics>
  </n1:General_Info>
  <n1:Quality_Indicators_Info>
    <Cloud_Coverage_Assessment>12.345678</Cloud_Coverage_Assessment>
    <Quality_Control_Checks><Quality_Inspections>{checks}</Quality_Inspections><Failed_Inspections/></Quality_Control_Checks>
  </n1:Quality_Indicators_Info>
</n1:{tag}_User_Product>
"""


def _tile_xml(level: str, tile: str, generated: str, strip: str, baseline: str, size: int) -> str:
    tag = f"Level-{level[1:]}"
    sizes = "".join(
        f'<Size resolution="{m}"><NROWS>{size * 10 // m}</NROWS><NCOLS>{size * 10 // m}</NCOLS></Size>'
        for m in (10, 20, 60)
    )
    places = "".join(
        f'<Geoposition resolution="{m}"><ULX>{ULX}</ULX><ULY>{ULY}</ULY><XDIM>{m}</XDIM><YDIM>-{m}</YDIM></Geoposition>'
        for m in (10, 20, 60)
    )
    angles = "".join(
        f'<Mean_Viewing_Incidence_Angle bandId="{i}"><ZENITH_ANGLE unit="deg">{7.5 + i / 100}</ZENITH_ANGLE>'
        f'<AZIMUTH_ANGLE unit="deg">{284 + i / 10}</AZIMUTH_ANGLE></Mean_Viewing_Incidence_Angle>'
        for i in range(13)
    )
    content = "".join(f"<{k}>{v}</{k}>" for k, v in CONTENT.items())
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:{tag}_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_{tag}_Tile_Metadata.xsd">
  <n1:General_Info>
    <TILE_ID metadataLevel="Brief">S2A_OPER_MSI_{level}_TL_VGS4_{generated}_A030351_T{tile}_N{baseline}</TILE_ID>
    <SENSING_TIME metadataLevel="Standard">2021-04-14T03:36:49.581767Z</SENSING_TIME>
  </n1:General_Info>
  <n1:Geometric_Info>
    <Tile_Geocoding metadataLevel="Brief">
      <HORIZONTAL_CS_NAME>WGS84 / UTM zone 49N</HORIZONTAL_CS_NAME>
      <HORIZONTAL_CS_CODE>{CRS}</HORIZONTAL_CS_CODE>{sizes}{places}
    </Tile_Geocoding>
    <Tile_Angles metadataLevel="Standard">
      <Sun_Angles_Grid><Zenith><Values_List><VALUES>31.2 NaN</VALUES></Values_List></Zenith></Sun_Angles_Grid>
      <Mean_Sun_Angle>
        <ZENITH_ANGLE unit="deg">{SUN[0]}</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">{SUN[1]}</AZIMUTH_ANGLE>
      </Mean_Sun_Angle>
      <Mean_Viewing_Incidence_Angle_List>{angles}</Mean_Viewing_Incidence_Angle_List>
    </Tile_Angles>
  </n1:Geometric_Info>
  <n1:Quality_Indicators_Info metadataLevel="Standard">
    <Image_Content_QI>{content}</Image_Content_QI>
  </n1:Quality_Indicators_Info>
</n1:{tag}_Tile_ID>
"""


def _iso(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[9:11]}:{text[11:13]}:{text[13:15]}"
