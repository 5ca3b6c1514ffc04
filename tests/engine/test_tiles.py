"""Tiles under a budget, and on a cluster: the same answer whatever the pieces and whoever computes them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from pipeline.engine.archive import FolderArchive
from pipeline.engine.plan import Constant, Local, Pixels, Plan, evaluate
from pipeline.engine.session import Session
from pipeline.engine.tiles import SIDES, Tiler, assembled, bytes_a_pixel, split
from pipeline.errors import MinecoverError

ROOT = Path(__file__).parents[2]


def composite(session: Session) -> Any:
    """A masked median, its texture and slope: reading, reducing, neighbourhoods."""
    call = session.call
    whole = call("ImageCollection.load", {"id": "COPERNICUS/S2_SR_HARMONIZED"})
    clear = [
        call(
            "Image.updateMask",
            {
                "image": i,
                "mask": call(
                    "Image.lt", {"image1": call("Image.select", {"input": i, "bandSelectors": ["SCL"]}), "image2": 8}
                ),
            },
        )
        for i in whole
    ]
    median = call(
        "reduce.median",
        {"collection": [call("Image.select", {"input": i, "bandSelectors": ["B4", "B8"]}) for i in clear]},
    )
    smooth = call("Image.focalMean", {"image": median, "radius": 2})
    random = call("Image.random", {"seed": 1})
    return call(
        "Image.addBands", {"dstImg": call("Image.addBands", {"dstImg": median, "srcImg": smooth}), "srcImg": random}
    )


def here(session: Session) -> GeoBox:
    first = next(iter(session.call("ImageCollection.load", {"id": "COPERNICUS/S2_SR_HARMONIZED"})))
    return session.default_grid(first)


def same(found: list[Pixels], expected: list[Pixels]) -> bool:
    return all(
        np.array_equal(a.mask, b.mask) and np.array_equal(a.data[a.mask], b.data[b.mask])
        for a, b in zip(found, expected, strict=True)
    )


def test_windows_cover_the_grid_once() -> None:
    seen = np.zeros((70, 45), int)
    for window in split((70, 45), 32):
        seen[window] += 1
    assert (seen == 1).all()


def test_the_budget_sets_the_tile() -> None:
    plans = [local(*(Constant(0, np.dtype(np.uint8)) for _ in range(3))) for _ in range(5)]
    sides = [Tiler(2, budget).side(plans) for budget in (1, 1 << 20, 1 << 24, 1 << 30)]
    assert sides == sorted(sides) and sides[0] == SIDES[-1] and sides[-1] == SIDES[0]


def local(*inputs: Plan) -> Local:
    return Local(lambda *p: p[0], inputs, bytes_a_pixel=5)


def test_memory_is_what_lives_at_one_time() -> None:
    source = local()
    assert bytes_a_pixel([source]) == 5
    assert bytes_a_pixel([source, source]) == 5
    assert bytes_a_pixel([local() for _ in range(4)]) == 20
    assert bytes_a_pixel([local(local(local(local())))]) == 10  # each result goes when the next is made
    seasons = [local(*(local() for _ in range(6))) for _ in range(4)]
    assert bytes_a_pixel(seasons) == 3 * 5 + 7 * 5  # three are done when the sources of the fourth are read


def test_any_tiling_and_number_of_threads_gives_the_same_pixels(scenes: FolderArchive) -> None:
    one = Session(scenes, workers=1)
    image, grid = composite(one), here(one)
    expected = evaluate([b.plan for b in image.bands], grid)
    for workers, budget in ((1, 1), (2, 1), (2, 200_000)):
        session = Session(scenes, workers=workers, budget_bytes=budget)
        assert same(session.pixels(composite(session), grid), expected)
        session.close()


def test_streamed_tiles_come_in_order_and_add_up(scenes: FolderArchive) -> None:
    session = Session(scenes, workers=2, budget_bytes=1)
    grid = here(session)
    windows = [window for window, _ in session.tiles(composite(session), grid)]
    assert windows == list(split(grid.shape, SIDES[-1])) and len(windows) > 1


def test_an_error_in_a_tile_is_the_callers() -> None:
    def fail(p: Pixels) -> Pixels:
        raise MinecoverError("broken tile")

    plan = Local(fail, (Constant(0, np.dtype(np.uint8)),))
    with pytest.raises(MinecoverError, match="broken tile"):
        Tiler(2, 1).whole([plan], GeoBox((200, 200), Affine(1, 0, 0, 0, -1, 0), "EPSG:32633"))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """The address of a Dask scheduler with two worker processes."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> None:
        quiet = subprocess.DEVNULL
        started.append(subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, stdout=quiet, stderr=quiet))

    info = tmp_path / "scheduler.json"
    start(
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        str(info),
    )
    for _ in range(2):
        start("distributed.cli.dask_worker", "--nthreads", "1", "--no-dashboard", "--scheduler-file", str(info))
    try:
        for _ in range(300):
            if info.exists():
                break
            time.sleep(0.1)
        import json

        yield json.loads(info.read_text())["address"]
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_two_dask_workers_give_the_bytes_of_one_thread(scenes: FolderArchive, cluster: str) -> None:
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    one = Session(scenes, workers=1)
    far = Session(scenes, budget_bytes=1, scheduler=cluster)
    assert far.tiler.workers == 2
    assert same(far.pixels(composite(far), here(far)), one.pixels(composite(one), here(one)))
    far.close()


def test_a_scheduler_that_does_not_answer_is_one_error() -> None:
    with pytest.raises(MinecoverError, match="No Dask scheduler answers"):
        Session(scheduler="not-an-address")


def test_tiles_of_different_types_and_shapes_go_together() -> None:
    grid = GeoBox((2, 4), Affine.identity(), "EPSG:4326")
    windows = [(slice(0, 2), slice(x, x + 1)) for x in range(4)]
    shown, hidden = np.ones((2, 1), bool), np.zeros((2, 1), bool)
    parts = [(np.zeros((2, 1)), hidden), (np.full((2, 1, 2), 1), shown), (np.full((2, 1, 2), 1.5), shown)]
    tiles = [(w, [Pixels(*p)]) for w, p in zip(windows, [*parts, (np.zeros((2, 1)), hidden)], strict=True)]
    (whole,) = assembled(grid, iter(tiles))
    assert whole.data[0, 1:3].tolist() == [[1, 1], [1.5, 1.5]] and whole.mask[0].tolist() == [False, True, True, False]
    tiles[3] = (windows[3], [Pixels(np.full((2, 1, 3), 7), shown)])
    (ragged,) = assembled(grid, iter(tiles))
    assert [v.tolist() for v in ragged.data[0, 1:]] == [[1, 1], [1.5, 1.5], [7, 7, 7]]
