"""What a user's mistakes get: one clear error each, in Earth Engine's manner, soon, and without eating the memory."""

import json
import random
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from pipeline import engine
from pipeline.engine import limits
from tests.engine.local import PROJECT, answer, call, connected, constant, error, grid, node, service
from tests.scenes import small_archive

S2 = "COPERNICUS/S2_SR_HARMONIZED"
COMPUTE = f"/v1/{PROJECT}/value:compute"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return small_archive(tmp_path_factory.mktemp("archive") / "a")


@pytest.fixture(scope="module")
def ee(archive):
    with connected(archive=archive, workers=2) as module:
        yield module


@pytest.fixture(scope="module")
def quiet(tmp_path_factory, archive):
    made = service(tmp_path_factory.mktemp("service"), archive)
    yield made
    made.close()


def pixels(ee, image, width=8, height=8):
    return ee.data.computePixels({"expression": image, "fileFormat": "NPY", "grid": grid(width, height)})


def world(ee):
    return ee.Geometry.Rectangle([-180, -90, 180, 90], None, False)


def doubled(ee, start, step, times=60):
    return ee.List.sequence(1, times).iterate(step, start)


MISTAKES = {
    "unknown image": (lambda ee: ee.Image("NO/SUCH").getInfo(), "Image asset 'NO/SUCH' not found"),
    "unknown collection": (lambda ee: ee.ImageCollection("NO/SUCH").size().getInfo(), "asset 'NO/SUCH' not found"),
    "unknown table": (lambda ee: ee.FeatureCollection("NO/SUCH").size().getInfo(), "asset 'NO/SUCH' not found"),
    "unknown band": (lambda ee: ee.Image([1, 2]).select("B99").getInfo(), "Band pattern 'B99' did not match any bands"),
    "missing function": (
        lambda ee: ee.Classifier.libsvm().getInfo(),
        "Classifier.libsvm is not available in the local engine",
    ),
    "wrong type": (
        lambda ee: ee.Number(ee.Dictionary({"a": "x"}).get("a")).add(1).getInfo(),
        "Number.add, argument 'left': Invalid type",
    ),
    "empty collection": (
        lambda ee: ee.ImageCollection(S2).filterDate("1999-01-01", "1999-02-01").first().getInfo(),
        None,
    ),
    "empty mosaic's band": (
        lambda ee: ee.ImageCollection(S2).filterDate("1999-01-01", "1999-02-01").median().select("B4").getInfo(),
        "Band pattern 'B4' was applied to an Image with no bands",
    ),
    "huge grid": (lambda ee: pixels(ee, ee.Image(1), 100_000, 100_000), "must be less than or equal to 32768"),
    "many bytes": (lambda ee: pixels(ee, ee.Image(1).double(), 8000, 8000), "must be less than or equal to 50331648"),
    "many bands": (lambda ee: pixels(ee, ee.Image.constant([1] * 2000)), "must be less than or equal to 1024"),
    "long sequence": (lambda ee: ee.List.sequence(0, 1e12).getInfo(), "more than 10000000 elements"),
    "long repeat": (lambda ee: ee.List.repeat(1, 10**12).getInfo(), "more than 10000000 elements"),
    "list in list": (
        lambda ee: ee.List.repeat(ee.List.repeat(1, 10**6), 10**6).flatten().size().getInfo(),
        "List.flatten: User memory limit exceeded",
    ),
    "growing list": (
        lambda ee: ee.List(doubled(ee, ee.List([1]), lambda i, s: ee.List(s).cat(ee.List(s)))).size().getInfo(),
        "List.cat: User memory limit exceeded",
    ),
    "folded list": (
        lambda ee: ee.List(doubled(ee, ee.List([1]), lambda i, s: ee.List([s, s]))).getInfo(),
        "User memory limit exceeded",
    ),
    "deep list": (lambda ee: ee.List(doubled(ee, [1], lambda i, s: ee.List([s]), 5000)).getInfo(), "too deeply nested"),
    "growing text": (
        lambda ee: ee.String(doubled(ee, "a", lambda i, s: ee.String(s).cat(ee.String(s)))).getInfo(),
        "String.cat: User memory limit exceeded",
    ),
    "large array": (lambda ee: ee.Array.identity(10**5).getInfo(), "more than 10000000 elements"),
    "array of lists": (
        lambda ee: ee.Array(ee.List.repeat(ee.List.repeat(0, 10**5), 10**5)).getInfo(),
        "Array: User memory limit exceeded",
    ),
    "array pixels": (
        lambda ee: pixels(ee, ee.Image(1).toArray().arrayRepeat(0, 10**9)),
        "Image.arrayRepeat: The result would have more",
    ),
    "growing image": (
        lambda ee: ee.Image(doubled(ee, ee.Image(1), lambda i, s: ee.Image(s).addBands(s), 30)).bandNames().getInfo(),
        "User memory limit exceeded",
    ),
    "kernel radius": (lambda ee: pixels(ee, ee.Image(1).convolve(ee.Kernel.square(1e6))), "must be between 0 and 2048"),
    "kernel of many cells": (
        lambda ee: pixels(ee, ee.Image.random().convolve(ee.Kernel.circle(2000)), 1000, 1000),
        "The kernel has 12566377 cells, too many",
    ),
    "neighbours as bands": (
        lambda ee: ee.Image(1).neighborhoodToBands(ee.Kernel.square(500)).bandNames().getInfo(),
        "kernels of at most 10000 cells",
    ),
    "distance": (lambda ee: pixels(ee, ee.Image(1).fastDistanceTransform(10**6)), "must be between 1 and 4096"),
    "fine reprojection": (
        lambda ee: pixels(ee, ee.Image.pixelLonLat().reproject("EPSG:32649", None, 0.001), 1000, 1000),
        "Reprojection output too large",
    ),
    "too many pixels": (
        lambda ee: ee.Image(1).reduceRegion(ee.Reducer.mean(), world(ee), 10).getInfo(),
        "Too many pixels in the region",
    ),
    "cells of the world": (
        lambda ee: world(ee).coveringGrid("EPSG:3857", 0.001).size().getInfo(),
        "cells are too many",
    ),
    "infinite position": (lambda ee: ee.Geometry.Point([1e400, 0]).getInfo(), None),
    "huge buffer": (lambda ee: ee.Geometry.Point([1, 1]).buffer(1e300).getInfo(), "must be a number of metres"),
    "random points": (
        lambda ee: ee.FeatureCollection.randomPoints(world(ee), 10**9).size().getInfo(),
        "more than 10000000 elements",
    ),
    "not a regular expression": (lambda ee: ee.String("a").match("(a").getInfo(), "not a regular expression"),
    "reducer inputs": (lambda ee: ee.Reducer.max(2**40).getInfo(), "numInputs must be between 1 and 10000"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_clear_error_at_once(ee, mistake, monkeypatch):
    make, said = MISTAKES[mistake]
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)  # the client waits between its retries
    if said is None and mistake == "empty collection":
        assert make(ee) is None  # as in Earth Engine: no first image is null
        return
    with pytest.raises(ee.EEException) as caught:
        make(ee)
    assert said is None or said in str(caught.value)
    assert "Internal error" not in str(caught.value)
    assert not waited


def test_backtracking_costs_nothing(ee):
    assert ee.String("a" * 40 + "!").match("(a+)+$").getInfo() == []
    assert ee.String("a" * 40 + "!").replace("(a|a)*b", "x").getInfo() == "a" * 40 + "!"


def test_a_request_ends_at_its_deadline(ee, monkeypatch):
    monkeypatch.setattr(limits, "REQUEST_S", 0.5)
    numbers = ee.List.sequence(1, 9e6)
    many = ee.FeatureCollection(numbers.map(lambda i: ee.Feature(None, {"a": i})))
    with pytest.raises(ee.EEException, match="Computation timed out"):
        many.aggregate_sum("a").getInfo()


def test_exports_have_no_deadline():
    assert limits.left() is None
    with limits.seconds(5):
        assert 0 < limits.left() <= 5
    assert limits.left() is None


def test_an_image_that_lacks_a_band_is_named(ee):
    images = ee.ImageCollection([ee.Image([1, 2]).rename("a", "b"), ee.Image(3).rename("a")])
    with pytest.raises(ee.EEException, match=r"homogeneous image collection.*Mismatched bands: \[a\]"):
        images.median().getInfo()


def test_images_of_several_projections_mix(ee):
    images = [ee.Image(v).reproject(crs, None, 20) for v, crs in ((1, "EPSG:32649"), (3, "EPSG:3857"))]
    found = pixels(ee, ee.ImageCollection(images).mean())
    assert b"NUMPY" in found[:8]


def test_all_masked_is_null_and_zero(ee):
    nothing = ee.Image(1).updateMask(0)
    place = ee.Geometry.Point([112.33, 39.5]).buffer(100)
    assert nothing.reduceRegion(ee.Reducer.mean(), place, 10).getInfo() == {"constant": None}
    assert nothing.reduceRegion(ee.Reducer.count(), place, 10).getInfo() == {"constant": 0}


def test_a_damaged_file_is_named(tmp_path):
    made = small_archive(tmp_path / "a")
    scene = next(made.search(S2))
    file = Path(scene.bands[0].href)
    content = file.read_bytes()
    file.write_bytes(content[:400] + b"\xff" * (len(content) - 400))
    with connected(archive=made) as ee, pytest.raises(ee.EEException, match=r"\.tif.*cannot be read"):
        pixels(ee, ee.Image(scene.id).select(scene.bands[0].name), 64, 64)


MALFORMED = [
    None, 7, [], {}, {"values": {}}, {"values": {}, "result": "0"}, {"values": {"0": {}}, "result": "0"},
    {"values": {"0": {"valueReference": "0"}}, "result": "0"}, {"values": {"0": {"odd": 1}}, "result": "0"},
    {"values": {"0": {"constantValue": 1, "integerValue": "1"}}, "result": "0"},
    {"values": {"0": {"argumentReference": "x"}}, "result": "0"},
    {"values": {"0": {"functionInvocationValue": {"arguments": {}}}}, "result": "0"},
    {"values": {"0": {"integerValue": "x"}}, "result": "0"}, {"values": {"0": {"bytesValue": "%"}}, "result": "0"},
]  # fmt: skip


@pytest.mark.parametrize("expression", MALFORMED)
def test_malformed_graphs_are_400(quiet, expression):
    body = json.dumps({"expression": expression}).encode()
    found = error(quiet.handle("POST", COMPUTE, "", {}, body))
    assert (found["code"], found["status"]) == (400, "INVALID_ARGUMENT")
    assert "expression" in found["message"]


def test_unknown_functions_and_arguments_are_named(quiet):
    for name, arguments, said in [
        ("Image.nothing", {}, "Unknown function 'Image.nothing'"),
        ("Number.add", {"left": 1, "wrong": 2}, "Unrecognized argument 'wrong'"),
        ("Number.add", {"left": 1}, "Parameter 'right' is required"),
    ]:
        body = json.dumps({"expression": call(name, **arguments)}).encode()
        assert said in error(quiet.handle("POST", COMPUTE, "", {}, body))["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" * 10_000, 400),
        (
            json.dumps({"expression": {"values": {"0": {"arrayValue": {"values": [{}] * 3}}}, "result": "0"}}).encode(),
            400,
        ),
        (b'{"expression":{"values":{"0":{"arrayValue":{"values":[' + b'{"a":1},' * 1_400_000 + b"1]}}}}}", 413),
    ],
)
def test_monstrous_bodies_are_refused(quiet, body, code):
    assert error(quiet.handle("POST", COMPUTE, "", {}, body))["code"] == code


def test_graphs_of_too_many_nodes_are_refused(quiet, monkeypatch):
    from pipeline.engine import graph

    monkeypatch.setattr(graph, "MAX_NODES", 1000)
    nodes = {"values": {"0": {"arrayValue": {"values": [{"constantValue": 1}] * 1001}}}, "result": "0"}
    found = error(quiet.handle("POST", COMPUTE, "", {}, json.dumps({"expression": nodes}).encode()))
    assert "more than 1000 nodes" in found["message"]


HUNGRY = {
    "list": "ee.Image.random().reduceRegion(ee.Reducer.toList(), world, 1000, maxPixels=1e13).getInfo()",
    "sample": "ee.Image.random().sample(world, 1).size().getInfo()",
    "percentile": "ee.Image.random().reduceRegion(ee.Reducer.percentile([50]), world, 30, maxPixels=1e13).getInfo()",
    "text": "ee.String('a' * 10**6).replace('a', 'b' * 10**6, 'g').getInfo()",
    "neighbours": "pixels(ee.Image.random().reduceNeighborhood(ee.Reducer.toList(), ee.Kernel.square(300)), 500)",
}


@pytest.mark.parametrize("hunger", HUNGRY)
def test_memory_stays_bounded(hunger):
    script = f"""
        import resource, ee
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
        from pipeline import engine
        from tests.engine.local import grid
        engine.connect("local", workers=2, budget=256 << 20)
        world = ee.Geometry.Rectangle([-180, -80, 180, 80], None, False)
        def pixels(image, side):
            ee.data.computePixels({{"expression": image, "fileFormat": "NPY", "grid": grid(side, side)}})
        try:
            {HUNGRY[hunger]}
        except ee.EEException as error:
            print(error)
        # Of this program alone: what getrusage says begins with the memory of the process that started it.
        [peak] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
        used = int(peak.split()[1]) >> 10
        print("within bounds" if used < 2000 else f"{{used}} MiB")
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-500:]
    assert "within bounds" in ran.stdout
    assert "exceeded" in ran.stdout or "too many" in ran.stdout
    assert "Internal error" not in ran.stdout


# Mutations of real requests


def _requests():
    collection = node("ImageCollection.load", id=S2)
    image = node("Image.select", input=node("Collection.first", collection=collection), bandSelectors=["B4", "B8"])
    place = node("GeometryConstructors.Point", coordinates=[112.3, 39.5])
    table = {"functionInvocationValue": {"functionName": "Collection", "arguments": {"features": {"arrayValue": {
        "values": [node("Feature", geometry=place, metadata={"constantValue": {"a": 1}})]}}}}}  # fmt: skip
    mean = node("Image.reduceRegion", image=image, reducer=node("Reducer.mean"), geometry=place, scale=10)

    def form(root, **rest):
        return {"expression": {"values": {"0": root}, "result": "0"}, **rest}

    bodies = {
        "value:compute": [form(image), form(mean), form(node("Collection.size", collection=collection))],
        "image:computePixels": [form(image, fileFormat=f, grid=grid(8, 8)) for f in ("NPY", "PNG", "GEO_TIFF")],
        "table:computeFeatures": [form(table, pageSize=2)],
        "maps": [form(image, fileFormat="PNG", visualizationOptions={"ranges": [{"min": 0, "max": 3000}]})],
        "thumbnails": [form(image, fileFormat="PNG", grid=grid(8, 8))],
        "tables": [form(table, fileFormat="CSV", selectors=["a"], filename="t")],
        "videoThumbnails": [form(collection, fileFormat="GIF")],
        "table:export": [form(table, fileExportOptions={"fileFormat": "CSV", "driveDestination": {"folder": "f"}})],
        "assets/x:getIamPolicy": [{}],
        "assets/x:copy": [{"destinationName": f"{PROJECT}/assets/y"}],
        "operations/A:cancel": [{}],
    }
    asked = [("POST", f"/v1/{PROJECT}/{verb}", "", b) for verb, forms in bodies.items() for b in forms]
    for path in ("/algorithms", f"/assets/{S2}", ":listAssets", "/operations", "/operations/A", "/maps/a/tiles/1/2/3"):
        asked.append(("GET", f"/v1/{PROJECT}{path}", "pageSize=1", None))
    return asked


ODD = [
    None, True, 0, -1, 1e308, 2**63, 10**40, "", "x", "\0", "é☃", "../../etc", "NaN", [], {}, [[]], "a" * 3000,
    {"value": "7"}, {"constantValue": None}, {"valueReference": "0"}, {"argumentReference": "q"}, float("inf"),
]  # fmt: skip


def _places(value, path=()):
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from _places(part, (*path, key))


def _mutated(request, draw):
    method, path, query, body = request
    content = "" if body is None else json.dumps(body)
    kind = draw.random()
    if body is not None and kind < 0.75:
        body = json.loads(content)
        place = draw.choice([p for p in _places(body) if p] or [()])
        at = body
        for key in place[:-1]:
            at = at[key]
        if place:
            at[place[-1]] = draw.choice(ODD)
        content = json.dumps(body)
    elif kind < 0.85:
        cut = draw.randrange(len(path))
        path = path[:cut] + draw.choice(["%", "/", "..", "%00", "%ff", ":", "9" * 30]) + path[cut + draw.randrange(3) :]
    elif kind < 0.95:
        query = draw.choice(["fields=x", "pageSize=-1", "pageToken=1e9", "pageSize=x", "filter=((", "assetId=../x"])
    else:
        method = draw.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "BREW", ""])
    if draw.random() < 0.05:
        content = content[: draw.randrange(len(content) + 1)]
    return method, path, query, content.encode()


def test_a_thousand_mutations_leave_the_service_alive(quiet, caplog):
    draw, requests = random.Random(7), _requests()
    for _ in range(1000):
        method, path, query, body = _mutated(draw.choice(requests), draw)
        response = quiet.handle(method, path, query, {}, body)
        assert response.status < 500, (method, path, query, body)
        if response.status != 200:
            assert error(response)["status"] != "INTERNAL", (method, path, query, body, response.body)
    assert answer(quiet, "POST", f"{PROJECT}/value:compute", {"expression": constant(7)}) == {"result": 7}


def test_mutations_over_http_leave_the_server_alive(archive, tmp_path):
    draw, requests = random.Random(8), _requests()
    with engine.serve(archive, exports=tmp_path) as running:
        for _ in range(200):
            method, path, query, body = _mutated(draw.choice(requests), draw)
            path = "".join(c for c in path if c.isascii() and c.isprintable() and c != " ")
            asked = urllib.request.Request(
                f"{running.url}/{path.lstrip('/')}?{query}", body or None, method=method or "GET"
            )
            try:
                urllib.request.urlopen(asked, timeout=5).read()
            except urllib.error.HTTPError as refused:
                assert refused.code < 500
        alive = json.dumps({"expression": constant(7)}).encode()
        with urllib.request.urlopen(running.url + COMPUTE, alive, timeout=5) as response:
            assert json.load(response) == {"result": 7}
