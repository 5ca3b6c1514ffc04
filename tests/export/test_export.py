"""An export gives exactly what the engine computes, whatever happens on the way, and says plainly what it cannot do."""

import errno
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio

from pipeline import cli, engine
from pipeline.artifacts import open_counts, open_stack
from pipeline.artifacts.ledger import deliver, making, peek
from pipeline.artifacts.manifest import read_manifest
from pipeline.engine.archive import FolderArchive
from pipeline.engine.doors.compute import Compute
from pipeline.engine.doors.transport import Transport
from pipeline.errors import MinecoverError
from pipeline.export import Source, Wish, report, requests, run, sources, tiles
from pipeline.export.pixels import Part
from pipeline.region import read_region
from tests.artifacts import stacks
from tests.export import double

NDArray = np.ndarray[Any, Any]


@pytest.fixture
def doubled(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    double.install(monkeypatch)
    return monkeypatch


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return FolderArchive.initialise(tmp_path_factory.mktemp("empty")).root


@pytest.fixture(scope="module")
def whole(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """An export that nothing went wrong with, and what it said."""
    folder = tmp_path_factory.mktemp("a whole run")
    with pytest.MonkeyPatch.context() as patch:
        double.install(patch)
        said = list(run(wish(folder, archive)))
    return folder / "run", said


def wish(folder: Path, archive: Path, **more: Any) -> Wish:
    source = more.pop("source", Source(archive=str(archive)))
    return Wish(read_region(double.region(folder)), 2021, folder / "run", source, **more)


def command(folder: Path, archive: Path, *more: str) -> list[str]:
    path = str(double.region(folder))
    return ["export", path, "--year", "2021", "--archive", str(archive), "--output", str(folder / "run"), *more]


# What is written ------------------------------------------------------------------------------------------------------


def test_the_stack_is_what_the_engine_computes(whole: tuple[Path, list[str]]) -> None:
    bands, counts = double.expected()
    stack = open_stack(whole[0])
    assert list(stack.band.values) == list(double.NAMES)
    np.testing.assert_array_equal(stack.values, bands)
    np.testing.assert_array_equal(open_counts(whole[0]).values, counts)
    assert (stack.x.values[0], stack.y.values[0]) == (double.WEST + 5, double.NORTH - 5)


def test_the_virtual_rasters_say_the_same_to_other_programs(whole: tuple[Path, list[str]]) -> None:
    script = (
        "import sys, numpy, rasterio\n"
        "for name in ('stack', 'counts'):\n"
        "    with rasterio.open(f'{sys.argv[1]}/{name}.vrt') as file:\n"
        "        numpy.savez(f'{sys.argv[2]}/{name}.npz', data=file.read(), names=file.descriptions,\n"
        "                    place=list(file.transform)[:6], crs=file.crs.to_string(), nodata=str(file.nodata))\n"
    )
    moved = whole[0].with_name("moved")
    moved.symlink_to(whole[0] / "stack")
    out = str(whole[0].parent)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GDAL_", "CPL_"))}
    subprocess.run([sys.executable, "-c", script, str(moved), out], check=True, env=environment)
    for name, data in zip(("stack", "counts"), double.expected(), strict=True):
        found = np.load(f"{out}/{name}.npz")
        np.testing.assert_array_equal(found["data"], data)
        assert list(found["place"]) == [10, 0, double.WEST, 0, -10, double.NORTH]
        assert found["crs"] == double.CRS
        assert found["nodata"] == ("nan" if name == "stack" else "None")
        assert tuple(found["names"]) == (double.NAMES if name == "stack" else double.catalog.COUNTS)


def test_tiles_are_cloud_optimised(whole: tuple[Path, list[str]]) -> None:
    path = whole[0] / "stack" / "spring" / "tile_0_0.tif"
    with rasterio.open(path) as file:
        assert file.profile["tiled"] and file.profile["compress"] == "zstd"
        assert file.interleaving.value.lower() == "band"
        assert int(file.get_tag_item("IFD_OFFSET", "TIFF", bidx=1)) == 8  # the header first, then band by band
        offsets = [int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=band)) for band in (1, 2, 27)]
    assert 8 < offsets[0] < offsets[1] < offsets[2]


def test_stac_documents_lead_to_the_files(whole: tuple[Path, list[str]]) -> None:
    collection = pystac.Collection.from_file(str(whole[0] / "stack" / "collection.json"))
    items = list(collection.get_items())
    assert sorted(i.id for i in items) == [f"tile_{r}_{c}" for r in (0, 1) for c in (0, 1)]
    entries = peek(whole[0] / "stack")
    for item in items:
        assert set(item.assets) == {"spring", "summer", "autumn", "winter", "static", "counts"}
        for name, asset in item.assets.items():
            entry = entries[f"{name}/{item.id}"]
            assert Path(asset.get_absolute_href() or "").samefile(whole[0] / "stack" / entry.file)
            assert asset.extra_fields["file:checksum"] == "1220" + entry.sha256
            with rasterio.open(asset.get_absolute_href()) as file:
                assert [b["name"] for b in asset.extra_fields["eo:bands"]] == list(file.descriptions)
                assert asset.extra_fields["proj:transform"] == list(file.transform)[:6]
                assert asset.extra_fields["proj:shape"] == list(file.shape)
    assert collection.extent.spatial.bboxes[0] == pytest.approx([112.327, 39.5237, 112.332, 39.5265], abs=0.002)
    assert items[0].common_metadata.start_datetime is not None


def test_the_manifest_says_what_the_stack_was_made_from(whole: tuple[Path, list[str]]) -> None:
    manifest = read_manifest(whole[0] / "stack")
    assert (manifest.grid.width, manifest.grid.height, manifest.grid.crs) == (28, 20, double.CRS)
    assert [b.name for b in manifest.bands] == list(double.NAMES)
    assert manifest.bands[0].unit == "reflectance"
    assert manifest.seasons["winter"] == ("2020-12-01", "2021-03-01")
    assert manifest.options["orbit"] == "ASCENDING"
    assert manifest.scenes["spring_radar"] == 3
    assert manifest.masked["spring"] == pytest.approx(np.isnan(double.expected()[0][0]).mean(), abs=1e-6)


def test_the_last_lines_say_what_was_made_and_what_next(whole: tuple[Path, list[str]]) -> None:
    said = "\n".join(whole[1])
    assert "112 bands of 28 × 20 pixels in 24 files" in said
    share = 100 * np.isnan(double.expected()[0][0]).mean()
    assert f"spring  {share:.2f} % masked" in said
    assert "without an observation in 2021: 3.57 % optical, 0.00 % radar" in said
    assert str(whole[0] / "stack" / "stack.vrt") in said


def test_the_example_of_the_guide_runs(
    whole: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(whole[0].parent)
    guide = (Path(__file__).parents[2] / "docs" / "export.md").read_text("utf-8")
    [example] = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    exec(example, {})
    mean, seen = capsys.readouterr().out.split()
    ndvi = double.expected()[0][double.NAMES.index("summer_NDVI")]
    assert (float(mean), int(seen)) == (pytest.approx(np.nanmean(ndvi)), 2)


def test_the_plan_alone_writes_nothing(
    tmp_path: Path, archive: Path, doubled: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(command(tmp_path, archive, "--plan")) == 0
    out = capsys.readouterr().out
    assert "28 × 20 pixels of 10 m in 4 tiles" in out
    assert "Requests  24, one a file" in out
    assert "summer  2021-06-01 to 2021-09-01: 3 optical, 3 radar" in out
    assert not (tmp_path / "run").exists()


def test_a_served_engine_gives_the_same_bytes(
    tmp_path: Path, archive: Path, whole: tuple[Path, list[str]], doubled: pytest.MonkeyPatch
) -> None:
    with engine.serve(FolderArchive(archive), token="secret", exports=tmp_path / "exports") as served:
        list(run(wish(tmp_path, archive, source=Source(url=served.url, token="secret"))))
    here, there = double.files(whole[0]), double.files(tmp_path / "run")
    assert set(here) == set(there)
    assert {n for n in here if here[n] != there[n]} == {"manifest.json"}  # which says what the archive held


# Interruptions --------------------------------------------------------------------------------------------------------


def test_killed_at_any_moment_it_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, archive: Path, whole: tuple[Path, list[str]], doubled: pytest.MonkeyPatch
) -> None:
    loop = [sys.executable, "-m", "tests.export.double", "6", "1", str(tmp_path / "run"), *command(tmp_path, archive)]
    done = subprocess.run(loop, capture_output=True, text=True, check=True)
    rounds = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(rounds) == 6 and any(r["killed"] for r in rounds), done.stderr
    kept = [set(r["files"]) for r in rounds]
    assert all(before <= after for before, after in pairwise(kept))
    complete = double.files(whole[0])
    for name in kept[-1]:  # no file has its name before it is whole
        assert (tmp_path / "run" / "stack" / name).read_bytes() == complete[name]
    recorded = {e.file for e in peek(tmp_path / "run" / "stack").values()}
    assert recorded <= kept[-1]
    assert len(kept[-1] - recorded) <= 2  # one in work for each worker
    assert cli.main(command(tmp_path, archive)) == 0
    assert double.files(tmp_path / "run") == complete


def test_ctrl_c_finishes_what_is_in_work(tmp_path: Path, archive: Path, doubled: pytest.MonkeyPatch) -> None:
    script = (
        "import sys, time, pytest\nfrom tests.export import double\nfrom pipeline import cli\n"
        "from pipeline.export import tiles\nreal = tiles.write\n"
        "def slow(*given):\n    print('begun', flush=True)\n    time.sleep(0.2)\n    real(*given)\n"
        "tiles.write = slow\ndouble.install(pytest.MonkeyPatch())\nsys.exit(cli.main(sys.argv[1:]))\n"
    )
    line = [sys.executable, "-c", script, *command(tmp_path, archive)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        begun = 0
        while begun < 3:
            begun += running.stdout.readline() == "begun\n"
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err.endswith("minecover: Interrupted. The same command goes on where it was.\n")
    assert "Traceback" not in err
    stack = tmp_path / "run" / "stack"
    assert {e.file for e in peek(stack).values()} == {n for n in double.files(tmp_path / "run") if n.endswith(".tif")}
    assert 2 < len(peek(stack)) < 24
    assert not list(stack.rglob("*.part"))


def test_the_nth_failure_of_the_disk_leaves_nothing_half_made(
    tmp_path: Path, archive: Path, whole: tuple[Path, list[str]], doubled: pytest.MonkeyPatch
) -> None:
    for call, nth in (("fsync", 9), ("replace", 5)):
        real, left = getattr(os, call), [nth]

        def failing(*given: Any, real: Any = real, left: list[int] = left) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*given)

        with doubled.context() as patch:
            patch.setattr(os, call, failing)
            with pytest.raises(MinecoverError, match=r"No space left on device"):
                list(run(wish(tmp_path, archive)))
        found = double.files(tmp_path / "run")
        assert all(found[name] == double.files(whole[0])[name] for name in found)
    list(run(wish(tmp_path, archive)))
    assert double.files(tmp_path / "run") == double.files(whole[0])


def test_a_disk_that_really_refuses_is_noticed(tmp_path: Path) -> None:
    part, grid = Part("spring", ("a", "b")), stacks.GRID
    pixels = np.random.default_rng(0).normal(size=(2, 50, 70)).astype(np.float32)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, 1000, 20_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(MinecoverError, match="could not be written"):
                deliver(
                    tmp_path / "x.tif", tmp_path, "x",
                    lambda p: tiles.write(p, pixels, part, grid), lambda p: tiles.check(p, pixels, part, grid),
                )  # fmt: skip
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not list(tmp_path.iterdir())


def test_what_reads_back_as_something_else_is_not_accepted(tmp_path: Path) -> None:
    part, grid = Part("spring", ("a", "b")), stacks.GRID
    pixels = np.zeros((2, 50, 70), np.float32)
    tiles.write(tmp_path / "x.tif", pixels, part, grid)
    tiles.check(tmp_path / "x.tif", pixels, part, grid)
    with pytest.raises(OSError, match="something else"):
        tiles.check(tmp_path / "x.tif", pixels + 1, part, grid)
    with pytest.raises(MinecoverError, match="bands"):
        tiles.check(tmp_path / "x.tif", pixels, Part("spring", ("a", "c")), grid)
    (tmp_path / "x.tif").write_bytes((tmp_path / "x.tif").read_bytes()[:-20])
    with pytest.raises(OSError, match="cannot be read back"):
        tiles.check(tmp_path / "x.tif", pixels, part, grid)


def test_damaged_and_missing_tiles_are_made_again(
    tmp_path: Path, archive: Path, whole: tuple[Path, list[str]], doubled: pytest.MonkeyPatch
) -> None:
    list(run(wish(tmp_path, archive)))
    stack = tmp_path / "run" / "stack"
    flipped = bytearray((stack / "spring/tile_0_1.tif").read_bytes())
    flipped[-5] ^= 1
    (stack / "spring/tile_0_1.tif").write_bytes(flipped)
    (stack / "counts/tile_1_1.tif").unlink()
    said = "\n".join(run(wish(tmp_path, archive)))
    assert "spring/tile_0_1.tif is missing or damaged" in said and "counts/tile_1_1.tif is missing" in said
    assert "2 of them made now" in said
    assert double.files(tmp_path / "run") == double.files(whole[0])


# Requests -------------------------------------------------------------------------------------------------------------


class Faults:
    """Answers of a service that has bad moments; a request that succeeds is answered as ever."""

    def __init__(self, patch: pytest.MonkeyPatch, fault: Any) -> None:
        self.asked: list[dict[str, Any]] = []
        self.refused = 0
        real = Transport.request

        def request(transport: Any, uri: str, method: str = "GET", body: Any = None, *rest: Any, **more: Any) -> Any:
            if "computePixels" in uri:
                self.asked.append(json.loads(body))
                answer = fault(self.asked)
                if isinstance(answer, Exception):
                    raise answer
                if answer is not None:
                    self.refused += 1
                    status, message = answer
                    response, _ = real(transport, uri.replace("computePixels", "nothing"), method, body, *rest, **more)
                    response.status, response["status"] = status, str(status)
                    return response, json.dumps({"error": {"code": status, "message": message}}).encode()
            return real(transport, uri, method, body, *rest, **more)

        patch.setattr(Transport, "request", request)

    @property
    def sizes(self) -> set[tuple[int, int]]:
        return {(a["grid"]["dimensions"]["width"], a["grid"]["dimensions"]["height"]) for a in self.asked}


PASSING = (
    (429, "Too many requests."), (503, "Unavailable."), (400, "Too many concurrent aggregations."),
    (403, "rateLimitExceeded"), ConnectionResetError("reset"), TimeoutError("timed out"), (200, "not pixels"),
)  # fmt: skip


def test_passing_failures_are_waited_out(
    tmp_path: Path, archive: Path, whole: tuple[Path, list[str]], doubled: pytest.MonkeyPatch
) -> None:
    faults = Faults(doubled, lambda asked: PASSING[len(asked) // 2 % 7] if len(asked) % 2 else None)
    list(run(wish(tmp_path, archive)))
    assert double.files(tmp_path / "run") == double.files(whole[0])
    assert 2 * 24 - 1 <= len(faults.asked) <= 2 * 24
    assert faults.sizes == {(16, 16), (12, 16), (16, 4), (12, 4)}


def test_failures_that_do_not_pass_end_after_six_attempts(
    tmp_path: Path, archive: Path, doubled: pytest.MonkeyPatch
) -> None:
    faults = Faults(doubled, lambda asked: (500, "Internal."))
    with pytest.raises(MinecoverError, match=r"failed 6 times to answer .* Internal\. What is finished is kept"):
        list(run(wish(tmp_path, archive), 1))
    assert len(faults.asked) == 6


def test_lasting_failures_are_asked_once(tmp_path: Path, archive: Path, doubled: pytest.MonkeyPatch) -> None:
    for status in (400, 403, 404):
        faults = Faults(doubled, lambda asked, status=status: (status, "No.") if len(asked) == 2 else None)
        with pytest.raises(MinecoverError, match=r"refuses .* at \d+, \d+: No\.$"):
            list(run(wish(tmp_path, archive), 1))
        assert len(faults.asked) == 2
    assert len(peek(tmp_path / "run" / "stack")) == 3


def test_access_that_is_lost_ends_the_work(tmp_path: Path, archive: Path, doubled: pytest.MonkeyPatch) -> None:
    faults = Faults(doubled, lambda asked: (401, "Log in."))
    with pytest.raises(MinecoverError, match=r"refuses .* cannot be refreshed\.$"):
        list(run(wish(tmp_path, archive), 1))
    assert len(faults.asked) <= 3  # Google's library tries again with fresh credentials


def test_what_is_too_large_is_never_asked_again_but_halved_and_stitched(
    tmp_path: Path, archive: Path, whole: tuple[Path, list[str]], doubled: pytest.MonkeyPatch
) -> None:
    def fault(asked: list[Any]) -> Any:
        size = asked[-1]["grid"]["dimensions"]
        message = ("User memory limit exceeded.", "Computation timed out.")[len(asked) % 2]
        return (400, message) if size["width"] * size["height"] > 70 else None

    doubled.setattr("pipeline.export.pixels.SMALLEST", 4)
    faults = Faults(doubled, fault)
    list(run(wish(tmp_path, archive), 1))
    assert double.files(tmp_path / "run") == double.files(whole[0])
    texts = [json.dumps(a) for a in faults.asked]
    assert len(set(texts)) == len(texts)
    assert faults.refused == 2 * 6  # 256 and 128 pixels, once for each part: later tiles begin at what was possible


def test_what_cannot_be_made_small_enough_is_an_error(
    tmp_path: Path, archive: Path, doubled: pytest.MonkeyPatch
) -> None:
    Faults(doubled, lambda asked: (400, "User memory limit exceeded."))
    with pytest.raises(MinecoverError, match="refuses even 256 pixels of spring: User memory limit exceeded"):
        list(run(wish(tmp_path, archive), 1))


def test_a_silent_service_is_given_up_in_time(
    tmp_path: Path, archive: Path, whole: tuple[Path, list[str]], doubled: pytest.MonkeyPatch
) -> None:
    silent = [2]
    real = Compute.pixels

    def pixels(self: Compute, request: Any) -> Any:
        if silent[0]:
            silent[0] -= 1
            time.sleep(0.6)
        return real(self, request)

    doubled.setattr(Compute, "pixels", pixels)
    doubled.setattr(requests, "DEADLINE_MS", 300)
    with engine.serve(FolderArchive(archive), exports=tmp_path / "exports") as served:
        list(run(wish(tmp_path, archive, source=Source(url=served.url))))
    assert silent == [0]
    np.testing.assert_array_equal(open_stack(tmp_path / "run").values, double.expected()[0])


def test_answers_on_another_grid_are_refused(tmp_path: Path, archive: Path, doubled: pytest.MonkeyPatch) -> None:
    real = Transport.request

    def request(transport: Any, uri: str, method: str = "GET", body: Any = None, *rest: Any, **more: Any) -> Any:
        if "computePixels" in uri:
            asked = json.loads(body)
            asked["grid"]["dimensions"]["width"] -= 1
            body = json.dumps(asked)
        return real(transport, uri, method, body, *rest, **more)

    doubled.setattr(Transport, "request", request)
    with pytest.raises(MinecoverError, match=r"answered \(15, 16\) pixels .* where 16 × 16 pixels"):
        list(run(wish(tmp_path, archive)))


# Refusals -------------------------------------------------------------------------------------------------------------


def test_other_parameters_in_the_same_folder(tmp_path: Path, archive: Path, doubled: pytest.MonkeyPatch) -> None:
    with doubled.context() as patch:
        Faults(patch, lambda asked: (400, "No."))
        with pytest.raises(MinecoverError, match="refuses"):
            list(run(wish(tmp_path, archive, scale=20.0)))
    list(run(wish(tmp_path, archive)))  # nothing was finished: it is begun anew
    with pytest.raises(MinecoverError, match=r"grid\.pixel was 10\.0, now 20\.0.*Choose another output folder"):
        list(run(wish(tmp_path, archive, scale=20.0)))


def test_scenes_that_have_changed_since(tmp_path: Path, archive: Path, doubled: pytest.MonkeyPatch) -> None:
    list(run(wish(tmp_path, archive)))
    doubled.setattr(sources, "content", lambda _: {"images": 7, "content": "other"})
    with pytest.raises(
        MinecoverError, match=r"^The scenes have changed since '.*stack' was begun: .*Delete that folder"
    ):
        list(run(wish(tmp_path, archive)))


def test_a_second_export_to_the_same_folder(tmp_path: Path, archive: Path, doubled: pytest.MonkeyPatch) -> None:
    with (
        making(tmp_path / "run" / "stack", {}),
        pytest.raises(MinecoverError, match=f"being written by process {os.getpid()}"),
    ):
        list(run(wish(tmp_path, archive)))


def test_a_disk_without_room(tmp_path: Path, archive: Path, doubled: pytest.MonkeyPatch) -> None:
    doubled.setattr(report, "free", lambda path: 1000)
    with pytest.raises(MinecoverError, match=r"may need 0\.3 MB, and its disk has 0\.0 MB free"):
        list(run(wish(tmp_path, archive)))


def test_a_huge_region_is_confirmed_first(tmp_path: Path, archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    huge = tmp_path / "huge.geojson"
    ring = [[110, 39], [111, 39], [111, 40], [110, 40], [110, 39]]
    huge.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    assert cli.main(["export", str(huge), "--year", "2021", "--archive", str(archive), "--plan"]) == 2
    err = capsys.readouterr().err
    assert re.search(r"huge: 9,\d{3} km² in \d+ tiles, \d+ requests, \d+\.\d GB of pixels, \d+ h .* --confirm", err)


def test_a_region_without_a_pixel_is_refused(tmp_path: Path, archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = tmp_path / "tiny.geojson"
    ring = [[110.1, 39.8], [110.10003, 39.8], [110.10003, 39.80003], [110.1, 39.8]]
    tiny.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    assert cli.main(["export", str(tiny), "--year", "2021", "--archive", str(archive), "--plan"]) == 2
    assert "holds the middle of no pixel of 10 m" in capsys.readouterr().err


@pytest.mark.parametrize(("more", "said"), [
    (["--set", "clouds"], "--set 'clouds' is not NAME=VALUE"),
    (["--set", "cloud=scl"], "Did you mean 'clouds'?"),
    (["--set", "clouds=rain"], "clouds='rain' is not a choice"),
    (["--set", "clear=high"], "--set clear=high: 'high' cannot be of type float"),
    (["--engine", "moon"], "There is no engine 'moon'"),
    (["--engine", "earthengine"], "Leave out --archive"),
    (["--url", "http://127.0.0.1:1"], "--archive FOLDER, or --url"),
    (["--archive", "nowhere"], "'nowhere' is not an archive"),
    (["--crs", "EPSG:4326"], "in metres"),
    (["--scale", "0"], "--scale"),
    (["--year", "twenty"], "--year"),
])  # fmt: skip
def test_mistakes_are_one_plain_line(
    tmp_path: Path, archive: Path, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(command(tmp_path, archive, *more)) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err
    assert not (tmp_path / "run").exists()
