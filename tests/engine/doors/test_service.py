import json
import random
import time

import pytest
import rasterio

from pipeline.engine.doors import service as service_module
from pipeline.engine.graph import decode
from pipeline.engine.ops import available
from pipeline.engine.signatures import signatures
from pipeline.errors import ArchiveError
from tests.engine.local import PROJECT, answer, ask, call, constant, error, grid, node, records, service


@pytest.fixture(scope="module")
def local(tmp_path_factory, scenes):
    made = service(tmp_path_factory.mktemp("service"), scenes, url="http://127.0.0.1:1", greeting="Local\nengine é")
    yield made
    made.close()


def test_computes_a_value(local):
    assert answer(local, "POST", f"{PROJECT}/value:compute", {"expression": call("Number.add", left=1, right=2)}) == {
        "result": 3
    }


def test_both_versions_and_escaped_paths_are_understood(local):
    body = json.dumps({"expression": constant(1)}).encode()
    for path in (f"/v1alpha/{PROJECT}/value:compute", f"/v1/{PROJECT}/value%3Acompute"):
        assert local.handle("POST", path, "alt=json", {}, body).status == 200


def test_algorithms_are_all_there_and_greet(local):
    response = ask(local, "GET", f"{PROJECT}/algorithms")
    assert len(json.loads(response.body)["algorithms"]) > 900
    assert response.headers["x-earth-engine-init-message"] == "Local engine ?"


def test_discovery_names_the_http_door(local):
    response = local.handle("GET", "/$discovery/rest", "version=v1", {}, b"")
    assert json.loads(response.body)["rootUrl"] == "http://127.0.0.1:1/"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (call("Number.nothing"), "Unknown function 'Number.nothing'"),
        (call("Number.add", left=1), "Parameter 'right' is required"),
        (call("Number.add", left=1, right="x"), "Number.add, argument 'right'"),
        ({"values": {}, "result": "0"}, "Malformed expression"),
        (7, "Malformed expression"),
        (None, "no 'expression'"),
    ],
)
def test_user_errors_are_400_and_say_why(local, expression, message):
    found = error(ask(local, "POST", f"{PROJECT}/value:compute", {"expression": expression}))
    assert found["code"] == 400
    assert found["status"] == "INVALID_ARGUMENT"
    assert message in found["message"]


def test_functions_that_are_missing_are_named(local):
    for name in sorted(set(signatures()) - available()):
        found = error(ask(local, "POST", f"{PROJECT}/value:compute", {"expression": call(name)}))
        assert found["code"] == 400
        assert f"{name} is not available in the local engine" in found["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b"\xff", b"[" * 100_000])
def test_bodies_that_are_no_json_objects_are_400(local, body):
    assert error(local.handle("POST", f"/v1/{PROJECT}/value:compute", "", {}, body))["code"] == 400


def test_large_bodies_are_413(local, monkeypatch):
    monkeypatch.setattr(service_module, "MAX_BODY", 10)
    assert error(local.handle("POST", f"/v1/{PROJECT}/value:compute", "", {}, b" " * 11))["code"] == 413


@pytest.mark.parametrize("fault", [ZeroDivisionError("oops"), KeyError("oops"), ArchiveError("oops")])
def test_faults_inside_are_400_and_logged(tmp_path, monkeypatch, caplog, fault):
    def fail(request):
        raise fault

    made = service(tmp_path)
    monkeypatch.setitem(made._handlers, "value.compute", fail)
    found = error(ask(made, "POST", f"{PROJECT}/value:compute", {}))
    assert found["code"] == 400
    assert (found["status"] == "INTERNAL") is not isinstance(fault, ArchiveError)


@pytest.mark.parametrize(("fault", "said"), [(MemoryError(), "memory limit exceeded"), (RecursionError(), "nested")])
def test_results_that_are_too_much_for_the_machine_say_so(tmp_path, monkeypatch, fault, said):
    def fail(request):
        raise fault

    made = service(tmp_path)
    monkeypatch.setitem(made._handlers, "value.compute", fail)
    found = error(ask(made, "POST", f"{PROJECT}/value:compute", {}))
    assert found["status"] == "INVALID_ARGUMENT"
    assert said in found["message"]


@pytest.mark.parametrize("verb", ["map:export", "video:export", "classifier:export", "table:import", "image:import"])
def test_missing_verbs_are_400_and_named(local, verb):
    assert verb in error(ask(local, "POST", f"{PROJECT}/{verb}", {}))["message"]


def pixels(local, body):
    return ask(local, "POST", f"{PROJECT}/image:computePixels", body)


CONSTANT = call("Image.constant", value=7)


def test_pixels_of_a_constant(local):
    found = records(pixels(local, {"expression": CONSTANT, "fileFormat": "NPY", "grid": grid(5, 3)}).body)
    assert found.shape == (3, 5)
    assert (found["constant"] == 7).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grid": None}, "unbounded"),
        ({"grid": {"crsCode": "EPSG:4326"}}, "dimensions"),
        ({"grid": grid(-5, 3)}, "dimensions"),
        ({"grid": grid(40_000, 1)}, "less than or equal to 32768"),
        ({"grid": grid(8000, 8000)}, "Total request size (64000000 bytes) must be less than or equal to 50331648"),
        ({"grid": grid(5, 3, size=0)}, "affineTransform"),
        ({"grid": grid(5, 3, size=float("inf"))}, "affineTransform"),
        ({"grid": grid(5, 3, crs="EPSG:1")}, "CRS"),
        ({"grid": grid(5, 3, crs="")}, "crsCode"),
        ({"fileFormat": "TF_RECORD_IMAGE"}, "TF_RECORD_IMAGE"),
        ({"bandIds": ["x"]}, "Band pattern 'x' did not match any bands. Available bands: [constant]"),
        ({"bandIds": "constant"}, "bandIds"),
        ({"expression": constant("x")}, "Image"),
    ],
)
def test_pixel_requests_are_checked(local, change, message):
    body = {"expression": CONSTANT, "fileFormat": "NPY", "grid": grid(5, 3), **change}
    assert message in error(pixels(local, body))["message"]


def test_a_grid_may_come_as_wkt(local):
    from pipeline.engine.space.crs import wkt

    form = grid(2, 2) | {"crsWkt": wkt("EPSG:32649")}
    del form["crsCode"]
    assert pixels(local, {"expression": CONSTANT, "fileFormat": "NPY", "grid": form}).status == 200


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"ranges": [{"max": 14}]}, 127),
        ({"ranges": [{"min": 7, "max": 8}]}, 0),
        ({"ranges": [{"min": 0, "max": 14}], "paletteColors": ["000000", "ffffff"]}, 127),
        (None, 7),
    ],
)
def test_visualization_options(local, options, wanted):
    from io import BytesIO

    from PIL import Image as Picture

    body = {"expression": CONSTANT, "fileFormat": "PNG", "grid": grid(2, 2), "visualizationOptions": options}
    picture = Picture.open(BytesIO(pixels(local, body).body)).convert("RGB")
    assert abs(picture.getpixel((0, 0))[0] - wanted) <= 1


def test_features_come_in_pages(local):
    made = [node("Feature", geometry={"constantValue": None}, metadata={"constantValue": {"i": i}}) for i in range(5)]
    features = node("Collection", features={"arrayValue": {"values": made}})
    body = {"expression": {"values": {"0": features}, "result": "0"}, "pageSize": 2}
    found, token = [], ""
    for _ in range(3):
        page = answer(local, "POST", f"{PROJECT}/table:computeFeatures", {**body, "pageToken": token})
        assert page["type"] == "FeatureCollection"
        found += [f["properties"]["i"] for f in page["features"]]
        token = page.get("nextPageToken")
    assert found == [0, 1, 2, 3, 4]
    assert token is None


def test_links_are_found_until_forgotten(local, monkeypatch):
    from pipeline.engine.doors import links

    monkeypatch.setattr(links, "KEPT", 2)
    names = [
        answer(local, "POST", f"{PROJECT}/maps", {"expression": CONSTANT}, "fields=name")["name"] for _ in range(3)
    ]
    assert error(ask(local, "GET", f"{names[0]}/tiles/0/0/0"))["code"] == 404
    assert ask(local, "GET", f"{names[2]}/tiles/0/0/0").status == 200


@pytest.mark.parametrize("tile", ["1/2/0", "1/0/-1", "31/0/0", "-1/0/0"])
def test_tiles_outside_the_world_are_400(local, tile):
    name = answer(local, "POST", f"{PROJECT}/maps", {"expression": CONSTANT})["name"]
    assert error(ask(local, "GET", f"{name}/tiles/{tile}"))["code"] == 400


def test_urls_are_announced_before_they_are_given_out(tmp_path):
    calls = []
    made = service(tmp_path, announce=lambda: calls.append(1))
    answer(made, "POST", f"{PROJECT}/value:compute", {"expression": constant(1)})
    assert calls == []
    answer(made, "POST", f"{PROJECT}/maps", {"expression": CONSTANT})
    assert calls == [1]


@pytest.mark.parametrize(
    "destination",
    [
        {"driveDestination": {"folder": "../../x", "filenamePrefix": "a"}},
        {"driveDestination": {"folder": "x", "filenamePrefix": "../a"}},
        {"cloudStorageDestination": {"bucket": "b", "filenamePrefix": "/../../a"}},
        {"cloudStorageDestination": {"bucket": "..", "filenamePrefix": "a"}},
        {"cloudStorageDestination": {"bucket": "", "filenamePrefix": "a"}},
        {},
    ],
)
def test_exports_stay_in_their_folder(local, destination):
    body = {"expression": CONSTANT, "description": "d", "fileExportOptions": {"fileFormat": "GEO_TIFF", **destination}}
    response = ask(local, "POST", f"{PROJECT}/image:export", body)
    assert response.status == 400


def test_an_export_may_bring_its_grid(tmp_path):
    made = service(tmp_path)
    target = {"fileFormat": "GEO_TIFF", "driveDestination": {"folder": "f", "filenamePrefix": "p"}}
    body = {"expression": CONSTANT, "grid": grid(7, 5), "description": "d", "fileExportOptions": target}
    name = answer(made, "POST", f"{PROJECT}/image:export", body)["name"]
    done = {}
    while not done.get("done"):
        time.sleep(0.02)
        done = answer(made, "GET", name)
    made.close()
    assert done["metadata"]["state"] == "SUCCEEDED", done
    with rasterio.open(tmp_path / "exports" / "f" / "p.tif") as file:
        assert (file.width, file.height) == (7, 5) and file.transform.c == 614_000


# What clients send, to be damaged below.
BODIES = [
    ("POST", f"{PROJECT}/value:compute", {"expression": call("Number.add", left=1, right=2)}),
    ("POST", f"{PROJECT}/image:computePixels", {"expression": CONSTANT, "fileFormat": "NPY", "grid": grid(4, 4)}),
    (
        "POST",
        f"{PROJECT}/image:computePixels",
        {
            "expression": CONSTANT,
            "fileFormat": "PNG",
            "bandIds": ["constant"],
            "grid": grid(4, 4),
            "visualizationOptions": {"ranges": [{"min": 0, "max": 3}], "paletteColors": ["red", "0f0"], "gamma": 1},
        },
    ),
    ("POST", f"{PROJECT}/maps", {"expression": CONSTANT, "fileFormat": "PNG", "bandIds": []}),
    ("POST", f"{PROJECT}/thumbnails", {"expression": CONSTANT, "fileFormat": "ZIPPED_GEO_TIFF", "filenamePrefix": "x"}),
    ("POST", f"{PROJECT}/videoThumbnails", {"expression": CONSTANT, "videoOptions": {"framesPerSecond": 3}}),
    (
        "POST",
        f"{PROJECT}/tables",
        {"expression": constant(1), "fileFormat": "CSV", "selectors": ["a"], "filename": "x"},
    ),
    ("POST", f"{PROJECT}/table:computeFeatures", {"expression": constant(1), "pageSize": 3, "pageToken": "1"}),
    (
        "POST",
        f"{PROJECT}/image:export",
        {
            "expression": CONSTANT,
            "description": "d",
            "requestId": "r",
            "maxPixels": {"value": "10"},
            "priority": {"value": 3},
            "fileExportOptions": {
                "fileFormat": "GEO_TIFF",
                "driveDestination": {"folder": "f", "filenamePrefix": "p"},
                "geoTiffOptions": {"noData": {"floatValue": 3}, "tileDimensions": {"width": 256, "height": 256}},
            },
        },
    ),
    (
        "POST",
        f"{PROJECT}/table:export",
        {
            "expression": constant(1),
            "fileExportOptions": {"fileFormat": "CSV", "cloudStorageDestination": {"bucket": "b"}},
        },
    ),
    ("POST", f"{PROJECT}/assets", {"type": "FOLDER"}),
    ("POST", f"{PROJECT}/assets/a:copy", {"destinationName": f"{PROJECT}/assets/b", "overwrite": False}),
    ("GET", "projects/earthengine-public/assets/COPERNICUS/S2_SR_HARMONIZED:listAssets", {}),
    ("GET", "projects/earthengine-public/assets/COPERNICUS", {}),
    ("GET", f"{PROJECT}/operations", {}),
    ("DELETE", f"{PROJECT}/assets/nothing", {}),
]
QUERIES = ["", "pageSize=x", "pageToken=-1", "filter=a%3D", "fields=name", "assetId=..", "view=BASIC"]
VALUES = [
    None,
    True,
    -1,
    0,
    1e15,
    float("nan"),
    "",
    "x",
    "\ud800",
    [],
    {},
    [[]],
    {"value": {}},
    "projects",
    2**70,
    "../..",
]


def damaged(value, chance: random.Random):
    """The value with one place in it replaced, doubled or dropped."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        if chance.random() < 0.15:
            return {k: v for k, v in value.items() if k != key}
        if chance.random() < 0.15:
            return value | {key + chance.choice(["", "x", "Value"]): chance.choice(VALUES)}
        return value | {key: damaged(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        return [*value[:at], damaged(value[at], chance), *value[at + 1 :]]
    return chance.choice(VALUES)


def test_damaged_requests_never_raise_and_are_never_5xx(local, caplog):
    chance = random.Random(7)
    for _ in range(1000):
        method, path, body = chance.choice(BODIES)
        query = chance.choice(QUERIES)
        if chance.random() < 0.2:
            at = chance.randrange(len(path))
            path = path[:at] + chance.choice(["", "%", "/", "..", ":", "\0", "é", "%ff", "{"]) + path[at + 1 :]
        content = json.dumps(damaged(body, chance)).encode()
        if chance.random() < 0.1:
            content = content[: chance.randrange(len(content))]
        response = local.handle(method, "/v1/" + path, query, {}, content)
        assert response.status < 500, (method, path, content)
        if response.status != 200:
            found = error(response)
            assert found["status"] != "INTERNAL", (method, path, content, found)
    assert answer(local, "POST", f"{PROJECT}/value:compute", {"expression": constant(1)}) == {"result": 1}
    assert decode(constant(1)).payload == 1
