"""Label files: the same points mean the same pixels in every format; what cannot be read names its line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import Labels
from pipeline.errors import MinecoverError
from pipeline.sample.labels import placed, read_labels
from pipeline.sample.pixels import pixels
from tests.sample import runs
from tests.sample.runs import GRID

NDArray = np.ndarray[Any, Any]
CLASSES = ("mine", "water")


def written(folder: Path, xy: NDArray, classes: list[str]) -> dict[str, Labels]:
    """The same points in every format."""
    lonlat = runs.degrees(xy)
    made = runs.frame(shapely.points(xy), classes)
    far = runs.frame(shapely.points(lonlat), classes, "EPSG:4326")
    made.to_file(folder / "p.gpkg", driver="GPKG")
    made.to_file(folder / "p.shp")
    far.to_file(folder / "far.gpkg", driver="GPKG")
    far.to_file(folder / "p.geojson", driver="GeoJSON", COORDINATE_PRECISION=12)
    made.to_file(folder / "metres.geojson", driver="GeoJSON")
    dots = [f"<Point><coordinates>{x!r},{y!r},3</coordinates></Point>" for x, y in lonlat.tolist()]
    runs.kml(folder / "p.kml", dots, classes)
    runs.table(folder / "p.csv", lonlat, classes, "id,Longitude,Latitude,class")
    lines = [f"{c};{y!r};{x!r}".replace(".", ",") for (x, y), c in zip(xy.tolist(), classes, strict=True)]
    (folder / "p.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(["class;North;East", *lines, ""]).encode())
    by_hand = {"x": "East", "y": "North", "crs": GRID.crs}
    return {p.name: Labels(file=p, **(by_hand if p.suffix == ".txt" else {})) for p in folder.iterdir()
            if p.suffix in (".gpkg", ".shp", ".geojson", ".kml", ".csv", ".txt")}  # fmt: skip


place = st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.integers(0, 49), st.integers(0, 69))


@settings(max_examples=6)
@given(points=st.lists(st.tuples(place, st.sampled_from(CLASSES)), min_size=1, max_size=6))
def test_every_format_gives_the_same_pixels(tmp_path_factory: pytest.TempPathFactory, points: list[Any]) -> None:
    (down, across, rows, cols), classes = zip(*(p for p, _ in points), strict=True), [c for _, c in points]
    row, col = np.array(rows), np.array(cols)
    xy = np.column_stack([GRID.left + 10 * (col + across), GRID.top - 10 * (row + down)])
    files = written(tmp_path_factory.mktemp("labels"), xy, classes)
    assert len(files) == 8
    for labels in files.values():
        found = read_labels(labels)
        spots = pixels(placed(found, labels, GRID.crs), GRID, 50, 0)
        np.testing.assert_array_equal(np.column_stack([spots.row, spots.col]), np.column_stack([row, col]))
        assert list(found.column("class")) == classes


def csv(folder: Path, text: str | bytes) -> Labels:
    path = folder / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Labels(file=path)


MISTAKES = [
    ("", "is empty"),
    ("\n \n", "is empty"),
    ("lon,lat,class\n", "holds column names but no point"),
    ("lon,lat,class\n1,2,mine\n1,2\n", "line 3 has 2 values for 3 columns"),
    ("lon,lat,class\n1,2,mine\n\n1,2,a,b\n", "line 4 has 4 values for 3 columns"),
    ('lon,lat,class\n1,2,"mi\nne"\n1,x,b\n', "line 4: 'x' is no coordinate"),
    ("lon;lat;class\n1.234,5;2;mine\n", "line 2: '1.234,5' is no coordinate"),
    ("lon,lat,class\nnan,2,mine\n", "line 2: 'nan' is no coordinate"),
    ('lon,lat,class\n1,2,"mine\n', "line 2 cannot be read"),
    ("lon,lat,x,y,class\n1,2,3,4,mine\n", "could lie at lon and lat or x and y"),
    ("a,b,class\n1,2,mine\n", "do not tell where points lie: 'a', 'b', 'class'"),
    ("lon,lat,lat\n1,2,3\n", "the column 'lat' twice"),
    ("x,y,class\n614000,4376000,mine\n", "names no coordinate system"),
    ("lon,lat,class\n1,2,mine\n1,2,\xe9".encode("latin-1"), "line 3 is not UTF-8"),
    ("lon,lat,class\n1,2,mine\n".encode("utf-16"), "is not UTF-8"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), MISTAKES, ids=[m[1][:25] for m in MISTAKES])
def test_tables_name_the_line(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(MinecoverError, match=told):
        read_labels(csv(tmp_path, text))


def test_lines_count_blank_ones_and_those_within_quotes(tmp_path: Path) -> None:
    found = read_labels(csv(tmp_path, 'lon,lat,class\n\n1,2,"a\nb"\n3,4,c\n'))
    assert found.places == ("line 3", "line 5")


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_coordinate_systems(tmp_path: Path) -> None:
    xy = runs.metres([1], [1])
    labels = Labels(file=runs.table(tmp_path / "p.csv", xy, ["mine"]), crs="EPSG:99999999")
    with pytest.raises(MinecoverError, match="is not a coordinate system"):
        placed(read_labels(labels), labels, GRID.crs)
    runs.frame(shapely.points(xy), ["mine"]).to_file(tmp_path / "p.gpkg", driver="GPKG")
    labels = Labels(file=tmp_path / "p.gpkg", crs="EPSG:32648")
    with pytest.raises(MinecoverError, match=r"is in WGS 84 / UTM zone 49N, but labels.crs is EPSG:32648"):
        placed(read_labels(labels), labels, GRID.crs)
    runs.frame(shapely.points(xy), ["mine"], None).to_file(tmp_path / "p.shp")
    labels = Labels(file=tmp_path / "p.shp")
    with pytest.raises(MinecoverError, match=r"names no coordinate system. Give it, such as EPSG:32649: labels.crs"):
        placed(read_labels(labels), labels, GRID.crs)
    labels = Labels(file=tmp_path / "p.shp", crs=GRID.crs)
    assert shapely.get_coordinates(placed(read_labels(labels), labels, GRID.crs)).tolist() == xy.tolist()


FILES = [
    ("none.csv", None, "is not there"),
    ("a.tif", b"II", "is not a label file"),
    ("a.gpkg", b"text", "neither a GeoPackage nor a Shapefile"),
    ("a.kml", b"<kml>", "not valid KML"),
    ("a.kml", b"<kml><Placemark><Point><coordinates>1,b</coordinates></Point></Placemark></kml>", "feature 1 has a"),
    ("a.kml", b"<kml/>", "holds no label"),
    ("a.geojson", b"{", "not valid GeoJSON"),
    ("a.geojson", b'{"type": "Point"}', "no FeatureCollection"),
    ("a.geojson", b'{"features": [{"geometry": {"type": "Point", "coordinates": ["a", 1]}}]}', "1 has no valid"),
    ("a.geojson", b'{"features": []}', "holds no label"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "told"), FILES, ids=[f"{f[0]} {f[2][:20]}" for f in FILES])
def test_files_that_hold_no_labels(tmp_path: Path, name: str, data: bytes | None, told: str) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(MinecoverError, match=told):
        read_labels(Labels(file=tmp_path / name))


def test_a_field_that_is_not_there(tmp_path: Path) -> None:
    found = read_labels(csv(tmp_path, "lon,lat,Klass\n1,2,mine\n"))
    assert found.column("klass") == ("mine",)
    with pytest.raises(MinecoverError, match=r"no field 'class'. Is 'Klass' meant"):
        found.column("class")
