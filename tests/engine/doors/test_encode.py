import io
import zipfile

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image as Picture
from rasterio.io import MemoryFile

from pipeline.engine.doors import encode
from pipeline.engine.doors.encode import Layer
from pipeline.engine.image import Band
from pipeline.engine.plan import Constant, Pixels, everywhere
from pipeline.engine.values import PixelType, named_type
from pipeline.errors import EngineError
from tests.engine.local import records

GRID = GeoBox((2, 3), Affine(10, 0, 500_000, 0, -10, 100), "EPSG:32649")
MASK = np.array([[True, False, True], [True, True, True]])
DATA = np.array([[1, 2, 3], [4, 5, 6]])


def layer(name: str = "a", kind: PixelType | None = None, data=DATA, mask=MASK) -> Layer:
    kind = kind or named_type("uint8")
    return Layer(Band(name, kind, Constant(0, kind.dtype)), Pixels(np.asarray(data).astype(kind.dtype), mask))


def test_npy_has_a_field_of_the_declared_type_for_each_band_and_0_where_masked():
    found = records(encode.npy([layer("a"), layer("b", named_type("float"))]).body)
    assert found.dtype == np.dtype([("a", "u1"), ("b", "<f4")])
    assert found["a"].tolist() == [[1, 0, 3], [4, 5, 6]]
    assert found["b"][0, 1] == 0


def test_npy_takes_its_type_from_the_declaration_and_not_from_the_values():
    kind = PixelType("int", -1, 300)
    assert records(encode.npy([layer("a", kind)]).body).dtype["a"] == np.int16


def test_npy_holds_array_bands_as_sub_arrays():
    data = np.arange(12).reshape(2, 3, 2)
    found = records(encode.npy([layer("a", PixelType("float", dimensions=1), data)]).body)
    assert found["a"].shape == (2, 3, 2)
    assert found["a"][0, 1].tolist() == [0, 0]
    assert found["a"][1, 2].tolist() == [10, 11]


def test_npy_of_the_free_mask_and_of_partial_masks():
    assert records(encode.npy([layer(mask=everywhere((2, 3)))]).body)["a"].tolist() == DATA.tolist()
    partial = np.array([[0.0, 0.1, 1.0]] * 2, np.float32)
    assert records(encode.npy([layer(mask=partial)]).body)["a"][0].tolist() == [0, 2, 3]


@pytest.mark.parametrize(
    ("kind", "dtype", "nodata"),
    [
        ("uint8", "uint8", 0),
        ("int8", "int8", -128),
        ("uint16", "uint16", 0),
        ("int16", "int16", -32768),
        ("uint32", "uint32", 0),
        ("int32", "int32", -(2**31)),
        ("int64", "float64", -np.inf),
        ("float", "float32", -np.inf),
        ("double", "float64", -np.inf),
    ],
)
def test_geotiffs_advertise_the_nodata_of_their_type(kind, dtype, nodata):
    with MemoryFile(encode.geo_tiff([layer("x", named_type(kind))], GRID).body) as memory, memory.open() as file:
        assert file.dtypes == (dtype,)
        assert file.nodata == nodata
        assert file.read(1)[0, 1] == nodata
        assert file.read(1)[0, 2] == 3
        assert file.descriptions == ("x",)
        assert file.transform == GRID.affine
        assert file.crs.to_epsg() == 32649


def test_bands_of_a_geotiff_share_a_type_that_holds_all():
    layers = [layer("a", named_type("uint8")), layer("b", named_type("int16"))]
    with MemoryFile(encode.geo_tiff(layers, GRID).body) as memory, memory.open() as file:
        assert file.dtypes == ("int16", "int16")


def test_array_bands_do_not_fit_into_a_geotiff():
    with pytest.raises(EngineError, match="arrayFlatten"):
        encode.geo_tiff([layer("a", PixelType("float", dimensions=1), np.zeros((2, 3, 2)))], GRID)


def test_zips_name_their_files():
    packed = encode.zipped([("p.a", encode.geo_tiff([layer()], GRID)), ("p.b", encode.geo_tiff([layer()], GRID))])
    assert zipfile.ZipFile(io.BytesIO(packed.body)).namelist() == ["p.a.tif", "p.b.tif"]
    hostile = encode.zipped([("../../x", encode.geo_tiff([layer()], GRID))])
    assert zipfile.ZipFile(io.BytesIO(hostile.body)).namelist() == [".._.._x.tif"]


def test_pictures_clip_to_8_bits_and_show_the_mask_as_alpha():
    found = encode.rgba([layer(kind=named_type("int16"), data=[[-5, 7, 300], [1, 2, 3]])])
    assert found[0].tolist() == [[0, 0, 0, 255], [0, 0, 0, 0], [255, 255, 255, 255]]


def test_three_bands_are_red_green_blue():
    layers = [layer(name, data=np.full((2, 3), v)) for name, v in (("r", 1), ("g", 2), ("b", 3))]
    assert encode.rgba(layers)[1, 1].tolist() == [1, 2, 3, 255]


@pytest.mark.parametrize(
    ("file_format", "opaque", "kind"),
    [
        ("PNG", True, "PNG"),
        ("PNG", False, "PNG"),
        ("JPEG", False, "JPEG"),
        ("AUTO_JPEG_PNG", True, "JPEG"),
        ("AUTO_JPEG_PNG", False, "PNG"),
    ],
)
def test_picture_formats(file_format, opaque, kind):
    pixels = np.full((4, 5, 4), 255, np.uint8)
    pixels[0, 0, 3] = 255 if opaque else 0
    file = encode.picture(pixels, file_format)
    picture = Picture.open(io.BytesIO(file.body))
    assert (picture.format, picture.size) == (kind, (5, 4))
    if kind == "PNG":
        assert np.asarray(picture.convert("RGBA"))[..., 3].tolist() == pixels[..., 3].tolist()
    elif not opaque:
        assert picture.getpixel((0, 0)) < (60, 60, 60)


def test_an_empty_tile_is_transparent():
    picture = Picture.open(io.BytesIO(encode.empty_tile(256).body))
    assert picture.size == (256, 256)
    assert picture.convert("RGBA").getextrema()[3] == (0, 0)


def test_animations_keep_their_pace():
    frames = [np.full((4, 4, 4), v, np.uint8) for v in (10, 100, 200)]
    picture = Picture.open(io.BytesIO(encode.animation(frames, 4).body))
    assert picture.format == "GIF"
    assert picture.n_frames == 3
    assert picture.info["duration"] == 250
    assert picture.info["loop"] == 0
